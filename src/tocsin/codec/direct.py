"""Compiles writers: domain value → protobuf's wire format at once, without a message object in between.

A writer gives the very bytes that protobuf's deterministic serializer gives for the message of that name (tests hold
every class to it): fields by number, defaults left out, maps by key, what is optional written once it is said.
Values within values cost a third of building messages for them. What a writer has no short form for (a text of over
16 KB, packed numbers) is left to protobuf itself.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tocsin.codec.reflect import Converters, Field, shape
from tocsin.codec.varint import SMALL, varint

Writer = Callable[[Any], bytes]
_VARINT, _DOUBLE, _BYTES = 0, 1, 2
"""Wire types of the fields we have (protobuf encoding guide)."""
WIDE = 12
"""So many fields are seldom all said: a message object asks for each by its name, a writer passes over the empty."""
KEPT_MAX = 4096
"""Values whose bytes are kept as they were read: some batches of commands."""


class Writers:
    """The compiled writers of all classes asked for and of what they hold."""

    def __init__(self, converters: Converters) -> None:
        self._converters = converters
        self._writers: dict[type, Writer] = {}
        self._kept: dict[int, tuple[Any, bytes]] = {}

    def writer(self, cls: type[Struct]) -> Writer:
        """Domain value → its message's bytes."""
        found = self._writers.get(cls)
        if found is None:
            found = self._writers[cls] = self._compile(cls)
        return found

    def keep(self, value: Any, within: bytes) -> None:
        """Remembers the bytes of a value just read, `within` being the message whose first and only field it is.

        What travels on as it came (a call, from its command into its event) is then not written anew. Only where
        nothing else stands in the message: a stray field would speak for another one in the next.
        """
        if not within or within[0] != _FIRST:
            return
        at, size = 1, 0
        for shift in (0, 7, 14, 21):
            byte = within[at]
            size |= (byte & 127) << shift
            at += 1
            if byte < 128:  # noqa: PLR2004 - the top bit says that more follow
                break
        if at + size == len(within):
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[id(value)] = value, within[at:]

    def _compile(self, cls: type[Struct]) -> Writer:
        fields = shape(cls)
        packed = any(f.kind == "list" and f.of not in (str, bytes) for f in fields)
        if packed or (len(fields) < WIDE and not any(f.kind in ("struct", "structs") for f in fields)):
            return self._by_message(cls)
        numbers = {f.name: f.number for f in self._converters.message(cls).DESCRIPTOR.fields}
        names: dict[str, Any] = {
            "join": b"".join, "S": SMALL, "varint": varint, "pack": struct.Struct("<d").pack, "sign": math.copysign,
            "slow": self._by_message(cls),
        }  # fmt: skip
        parts = []
        for f in sorted(fields, key=lambda f: numbers[f.name]):
            if f.kind == "struct":
                names[f"w_{f.name}"] = self._within(f.of)
            elif f.kind == "structs":  # each its own: none of them was read or written just before
                names[f"w_{f.name}"] = self.writer(f.of)
            parts.append(_part(f, numbers[f.name]))
        body = ",\n".join(parts)
        # The source is made of field names of our own classes alone; nothing a user sends reaches it.
        source = f"def write(o):\n try:\n  return join((\n{body},\n))\n except IndexError:\n  return slow(o)\n"
        exec(compile(source, f"<writer {cls.__name__}>", "exec"), names)  # noqa: S102 - see the comment above
        written: Writer = names["write"]
        return written

    def _by_message(self, cls: type[Struct]) -> Writer:
        names = {"enc": self._converters.encoder(cls)}
        # Only what may hold a map needs the deterministic form.
        how = "deterministic=True" if self._converters.holds_map(cls) else ""
        exec(f"def write(o): return enc(o).SerializeToString({how})", names)  # noqa: S102 - no word of it is a user's
        return names["write"]

    def _within(self, cls: type[Struct]) -> Writer:
        """The writer of a value inside of others: as it was read, or as it was last written."""
        write, kept = self.writer(cls), self._kept
        last: tuple[Any, bytes] = (None, b"")

        def again(value: Any) -> bytes:
            nonlocal last
            if value is last[0]:
                return last[1]
            known = kept.get(id(value))
            if known is not None and known[0] is value:
                return known[1]
            last = value, write(value)
            return last[1]

        return again


_FIRST = 1 << 3 | _BYTES


def _tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def _part(f: Field, n: int) -> str:
    """The expression that writes one field; `v` is its value, `b` bytes of known length."""
    write, value = f"w_{f.name}", f"o.{f.name}"
    if f.kind == "list":
        return f"join([{_sized(n, _of(f.of, 'x'))} for x in v]) if (v := {value}) else b''"
    if f.kind == "structs":
        return f"join([{_sized(n, f'{write}(x)')} for x in v]) if (v := {value}) else b''"
    if f.kind == "map":
        entry = f"{_sized(1, _of(str, 'k'))} + {_scalar(f.of, 2, 'x')}"
        return f"join([{_sized(n, f'({entry})')} for k, x in sorted(v.items())]) if (v := {value}) else b''"
    if f.kind == "struct" and not f.optional:
        return _sized(n, f"{write}({value})")
    one = _sized(n, f"{write}(v)") if f.kind == "struct" else _scalar(f.of, n, "v")
    said = f"(v := {value}) is not None" if f.optional else f"(v := {value})"
    if f.of is float and not f.optional:  # 0.0 is left out, -0.0 is not
        said = f"{said} or sign(1.0, v) < 0.0"
    return f"{one} if {said} else b''"


def _of(of: type, name: str) -> str:
    return f"{name}.encode()" if of is str else name


def _sized(n: int, value: str) -> str:
    return f"{_tag(n, _BYTES)!r} + S[len(b := {value})] + b"


def _scalar(of: type, n: int, name: str) -> str:
    if of is bool:
        return f"({_tag(n, _VARINT) + SMALL[1]!r} if {name} else {_tag(n, _VARINT) + SMALL[0]!r})"
    if of is int:
        return f"{_tag(n, _VARINT)!r} + varint({name})"
    if of is float:
        return f"{_tag(n, _DOUBLE)!r} + pack({name})"
    return _sized(n, _of(of, name))
