"""A canonical hash of a partition's state: equal for equal states, whatever order they came about in (invariant 5)."""

import hashlib

import msgspec

from tocsin.mission.state import EmsState

STATE_VERSION = 2
"""Raised whenever the state's shape changes: a hash names the shape it is of."""

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def digest(state: EmsState) -> bytes:
    """BLAKE2b-256 over the state with its mappings in key order."""
    return hashlib.blake2b(_encoder.encode((STATE_VERSION, state)), digest_size=32).digest()
