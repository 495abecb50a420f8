"""The one HTTP door of the alarm lines: takes calls and acts, makes them safe, and says what became of them."""
