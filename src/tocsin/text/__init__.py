"""The text model: trained from a user's own file, kept as plain numbers, scored without the library that trained it."""
