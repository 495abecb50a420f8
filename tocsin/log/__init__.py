"""The log port: append, read, follow, own a partition. `kafka` and `memory` stand behind it; services know only the port."""
