"""The features a model knows: their keys, how much each says, and the way from a text to weighed rows.

Keys are looked up, not folded into a table: a feature that training never saw says nothing, instead of speaking with
the voice of another that shares its bucket (which cost four errors in a thousand on real messages).
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.text.features import BLOCK_SCALES, BLOCK_SHIFT, NO_KEYS, keys_of

TEXT_MAX = 4000
"""Characters of a text that are read; a message's matter stands in its first lines."""
DOCUMENTS_MIN = 3
"""Texts a feature must stand in. Two would double the model for nothing (0.9357 of accuracy to 0.9361)."""
_KEY_BITS = 32
_BUCKET_BITS_MIN = 17
"""What a bucket's number leaves of a key has 15 bits at most: two bytes, with _NONE to spare."""
_NONE = 0xFFFF
_PLACES, _PLACE_BITS = 8, 3
"""Keys a bucket holds: at one or two on the mean, some in a hundred thousand find no place and are not learned."""
_BOUNDS = np.array([1 << BLOCK_SHIFT, 2 << BLOCK_SHIFT], dtype=np.uint32)
_SAID = (1.0 + np.log(np.maximum(np.arange(TEXT_MAX + 1), 1))).astype(np.float32)
"""For each number of times how much a feature is said: ten times is not ten times once."""

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class Unordered(Exception):
    """Keys that are not in the order, or not as few a bucket, as a vocabulary makes them."""


class Found(NamedTuple):
    """What is known in a text: rows of the vocabulary, how much each is said, where words and opening begin."""

    rows: Rows
    said: Floats
    bounds: tuple[int, int]

    def weighed(self, idf: Floats) -> Floats:
        """How much each row counts, given its `idf`: every block is brought to its own length."""
        values = self.said * idf
        words, opening = self.bounds
        for begin, end, scale in zip((0, words, opening), (words, opening, len(values)), BLOCK_SCALES, strict=True):
            if begin < end:
                part = values[begin:end]
                part *= scale / math.sqrt(part @ part)
        return values


class Vocabulary:
    """Keys in the order of their low bits, without repeats, and for each its `idf`.

    The low bits of a key are its bucket; the high ones stand in one of the bucket's places, and a feature's row follows
    from where its bucket begins: what is not known is seen at once, and all of a text is looked up together.
    """

    def __init__(self, keys: NDArray[np.uint32], idf: Floats) -> None:
        bits = _bucket_bits(len(keys))
        bucket, place = _places(keys, bits)
        order = _turned(keys, bits)
        if bool((order[1:] <= order[:-1]).any()) or bool((place >= _PLACES).any()):
            raise Unordered("its keys are out of order")
        self.keys = keys
        self.idf = idf
        self._bits, self._bucket = np.uint32(bits), np.uint32((1 << bits) - 1)
        self._starts = np.searchsorted(bucket, np.arange(1 << bits))
        self._index = np.full((1 << bits, _PLACES), _NONE, dtype=np.uint16)
        self._index[bucket, place] = keys >> self._bits

    @classmethod
    def of(cls, texts: Iterable[str], most: int) -> "Vocabulary":
        """What stands in enough texts; where that is more than `most`, what stands in the most texts."""
        each = [np.unique(keys_of(t[:TEXT_MAX])) for t in texts]
        keys, documents = np.unique(np.concatenate(each), return_counts=True)
        used = (documents >= DOCUMENTS_MIN) & ~np.isin(keys, NO_KEYS)
        if used.sum() > most:
            used &= documents > np.sort(documents[used])[-most - 1]
        return cls.known(keys[used], np.log((1 + len(each)) / (1 + documents[used])) + 1)

    @classmethod
    def known(cls, keys: NDArray[np.uint32], idf: NDArray[np.floating[Any]]) -> "Vocabulary":
        """Of these keys, in any order, those that find a place."""
        bits = _bucket_bits(len(keys))
        order = np.argsort(_turned(keys, bits))
        _, place = _places(keys[order], bits)
        order = order[place < _PLACES]
        if _bucket_bits(len(order)) != bits:  # without the others it is of a smaller size, and ordered anew
            return cls.known(keys[order], idf[order])
        # As it will be kept, so that training sees what scoring will see.
        return cls(keys[order], idf[order].astype(np.float16).astype(np.float32))

    def found(self, text: str) -> Found:
        """What is known in a text. `take` and flat positions: for a line they take a third of what indexing takes."""
        keys = keys_of(text[:TEXT_MAX])
        keys.sort()
        new = np.ones(len(keys) + 1, dtype=np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=new[1:-1])
        edges = new.nonzero()[0]
        keys, counts = keys.take(edges[:-1]), edges[1:] - edges[:-1]
        # Compared is what stands in the bucket, all places at once; a hit's place, counted through, gives its row.
        bucket, rest = (keys & self._bucket).astype(np.int64), (keys >> self._bits).astype(np.uint16)
        hits = (self._index.take(bucket, 0) == rest[:, None]).ravel().nonzero()[0]
        which = hits >> _PLACE_BITS
        rows = self._starts.take(bucket.take(which)) + (hits & (_PLACES - 1))
        words, opening = keys.take(which).searchsorted(_BOUNDS).tolist()
        return Found(rows, _SAID.take(counts.take(which)), (words, opening))


def _bucket_bits(keys: int) -> int:
    return max(_BUCKET_BITS_MIN, (keys // 2).bit_length())


def _turned(keys: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    """The keys with their low bits first: the order they are kept in."""
    turned: NDArray[np.uint32] = (keys << np.uint32(_KEY_BITS - bits)) | (keys >> np.uint32(bits))
    return turned


def _places(keys: NDArray[np.uint32], bits: int) -> tuple[Rows, Rows]:
    """The bucket of each key, and the how-manieth of its bucket it is, given keys in order."""
    bucket = (keys & np.uint32((1 << bits) - 1)).astype(np.int64)
    return bucket, np.arange(len(keys)) - np.searchsorted(bucket, bucket)
