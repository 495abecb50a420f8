"""A text as numbers: characters in ones to threes; its words, pairs of words and opening where blanks tell words apart.

Each feature is a bucket of a table; training and scoring use this same code, so they cannot come apart.
"""

import zlib
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OPENING_WORDS = 12
"""A hotline message opens with its subject."""
OPENING_WEIGHT = 0.7
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: multiplying by it and taking the top bits spreads codes evenly (Knuth)."""
_ONE, _TWO = np.uint64(21), np.uint64(42)
_WORD, _PAIR = 1 << 63, 5 << 61
_OPENING = np.uint64(3 << 62)

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


def _runs(plain: str) -> NDArray[np.uint64]:
    """The codes of all runs of one to three characters."""
    letters = np.frombuffer(plain.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    pairs = (letters[:-1] << _ONE) | letters[1:]
    return np.concatenate((letters, pairs, (letters[:-2] << _TWO) | pairs[1:]))


def _words(words: list[str]) -> NDArray[np.uint64]:
    """The codes of all words and of all neighbouring pairs."""
    codes = [_WORD | zlib.crc32(w.encode("utf-8", "replace")) for w in words]
    codes += [_PAIR | zlib.crc32(f"{a} {b}".encode("utf-8", "replace")) for a, b in pairwise(words)]
    return np.array(codes, dtype=np.uint64)


def blocks(text: str, bits: int) -> list[Block]:
    """The feature blocks of a text, for a table of 2 ** bits rows; empty for an empty text."""
    plain = text.replace(" ", "")
    if not plain:
        return []
    found = [_spread(_runs(plain), bits, 1.0)]
    words = text.split()
    if len(words) > 1:
        found.append(_spread(_words(words), bits, 1.0))
        found.append(_spread(_runs("".join(words[:OPENING_WORDS])) ^ _OPENING, bits, OPENING_WEIGHT))
    return found
