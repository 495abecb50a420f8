"""Domain ↔ bytes (`wire`, the only part of Tocsin that knows protobuf) and domain → JSON (`text`)."""
