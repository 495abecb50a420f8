"""PURE: what a call, an incident and a task are, and what may be decided about them. No I/O, no clock, no protobuf."""
