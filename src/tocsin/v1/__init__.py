"""Generated from proto/tocsin/v1 by scripts/proto.py; not edited by hand."""
