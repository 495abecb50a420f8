"""One byte string for equal JSON, whatever the order of keys, the white space and the way numbers are written."""

import json
from typing import Any

import orjson

from tocsin.sealing import Keyring

_EXACT = 1 << 63
_DOUBLE_MAX = 1 << 1023


def canonical(value: Any) -> bytes:
    """Canonical bytes of a decoded JSON value. 1, 1.0 and 1e0 are one number; -0.0 is 0."""
    plain = _numbers(value)
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Unpaired surrogates and deep nesting, which only the standard library writes. Which of the two writers
        # serves depends on the value alone, so equal values still have equal bytes.
        return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def body_hash(value: Any, keyring: Keyring) -> str:
    """A keyed hash of a body: tells a repeat from a conflict without keeping the words."""
    return keyring.token_of_bytes("body", canonical(value))


def _numbers(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if kind is int and abs(value) >= _EXACT:
        # Beyond 64 bits JSON's readers disagree on digits: compared as the double that all of them can hold.
        return float(value) if abs(value) < _DOUBLE_MAX else str(value)
    if kind is dict:
        return {k: _numbers(v) for k, v in value.items()}
    if kind is list:
        return [_numbers(v) for v in value]
    return value
