"""A seeded county day: calls as a county might ring them, in our own sentences, with the truth beside each."""
