"""A call as posted: read strictly, repaired where a machine slipped, flagged where its facts cannot be."""

from tocsin.calls.fields import FieldError
from tocsin.calls.posted import PostedCall
from tocsin.calls.read import InvalidBody, Parsed, parse_call, parse_value
from tocsin.calls.record import Words, read_words, to_record

__all__ = [
    "FieldError",
    "InvalidBody",
    "Parsed",
    "PostedCall",
    "Words",
    "parse_call",
    "parse_value",
    "read_words",
    "to_record",
]
