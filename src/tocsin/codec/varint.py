"""Whole numbers as protobuf's wire format has them: seven bits a byte, the lowest first, the top bit says more follow.

Lengths, indexes, sequence numbers and times are written several times in every event, so they are put together from two
tables of 14 bits each instead of byte by byte.
"""

_BITS = 14
FEW = 1 << _BITS
"""What is below stands in the table as it is."""
_LOW = FEW - 1
_TWO, _THREE = 1 << 2 * _BITS, 1 << 3 * _BITS


def plain_varint(n: int) -> bytes:
    """A whole number byte by byte; negative ones as their 64 bits' complement."""
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:  # noqa: PLR2004 - seven bits a byte
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


SMALL = [plain_varint(n) for n in range(FEW)]
"""The numbers below 2^14, written."""
_MORE = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(FEW)]


def varint(n: int) -> bytes:
    """A whole number, written. Times in milliseconds take three looks into the tables."""
    if 0 <= n < FEW:
        return SMALL[n]
    if 0 <= n < _TWO:
        return _MORE[n & _LOW] + SMALL[n >> _BITS]
    if 0 <= n < _THREE:
        return _MORE[n & _LOW] + _MORE[n >> _BITS & _LOW] + SMALL[n >> 2 * _BITS]
    return plain_varint(n)
