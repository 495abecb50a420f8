"""The log port: append, read, follow, own a partition. `kafka` and `memory` stand behind it."""
