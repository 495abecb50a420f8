"""A text as numbers: characters in ones to threes, its words and its opening words where blanks tell them apart.

Each feature is a bucket of a table; training and scoring use this same code, so they cannot come apart.
"""

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OPENING_WORDS = 12
"""A hotline message opens with its subject."""
OPENING_WEIGHT = 0.7
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: multiplying by it and taking the top bits spreads codes evenly (Knuth)."""
_ONE, _TWO = np.uint64(21), np.uint64(42)
_WORD, _OPENING = 1 << 63, 3 << 62

Buckets = NDArray[np.int64]
Floats = NDArray[np.float32]


class Block(NamedTuple):
    """One family of features: the buckets met, and for each 1 + log of how often."""

    buckets: Buckets
    weights: Floats
    scale: float


def _spread(codes: NDArray[np.uint64], bits: int, scale: float) -> Block:
    buckets, counts = np.unique((codes * _SPREAD) >> np.uint64(64 - bits), return_counts=True)
    return Block(buckets.astype(np.int64), (1.0 + np.log(counts)).astype(np.float32), scale)


def _words(words: list[str], tag: int, bits: int, scale: float) -> Block:
    codes = [tag | zlib.crc32(w.encode("utf-8", "replace")) for w in words]
    return _spread(np.array(codes, dtype=np.uint64), bits, scale)


def blocks(text: str, bits: int) -> list[Block]:
    """The feature blocks of a text, for a table of 2 ** bits rows; empty for an empty text."""
    plain = text.replace(" ", "")
    if not plain:
        return []
    letters = np.frombuffer(plain.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    pairs = (letters[:-1] << _ONE) | letters[1:]
    codes = np.concatenate((letters, pairs, (letters[:-2] << _TWO) | pairs[1:]))
    found = [_spread(codes, bits, 1.0)]
    words = text.split()
    if len(words) > 1:
        found.append(_words(words, _WORD, bits, 1.0))
        found.append(_words(words[:OPENING_WORDS], _OPENING, bits, OPENING_WEIGHT))
    return found
