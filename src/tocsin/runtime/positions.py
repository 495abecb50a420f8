"""The id of a stream's event: how far every partition had been read, opaque, the same on every replica."""

import base64
import binascii
from collections.abc import Sequence

_FORM = 1
_LOW, _MORE, _BITS = 0x7F, 0x80, 63
"""Seven bits a byte, the eighth says that more follow; no offset is longer than 63 bits."""


def encode(positions: Sequence[int]) -> str:
    """The next offset of each partition, in order, as URL-safe text."""
    out = bytearray((_FORM,))
    for value in positions:
        rest = value
        while rest > _LOW:
            out.append(rest & _LOW | _MORE)
            rest >>= 7
        out.append(rest)
    return base64.urlsafe_b64encode(bytes(out)).rstrip(b"=").decode()


def decode(text: str, partitions: int) -> tuple[int, ...] | None:
    """The reverse; None where it is not an id of a log of so many partitions."""
    if len(text) > 16 * (partitions + 1):
        return None
    found = values(text)
    return found if found is not None and len(found) == partitions else None


def values(text: str) -> tuple[int, ...] | None:
    """The next offsets of however many partitions; None where it is no id of ours."""
    if not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if not raw or raw[0] != _FORM:
        return None
    found: list[int] = []
    value = shift = 0
    for byte in raw[1:]:
        value |= (byte & _LOW) << shift
        shift += 7
        if byte < _MORE:
            found.append(value)
            value = shift = 0
        elif shift > _BITS:
            return None
    return tuple(found) if not shift else None
