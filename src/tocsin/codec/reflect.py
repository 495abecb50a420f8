"""Compiles converters between frozen domain values and protobuf messages of the same name and field names.

The domain never sees protobuf; the converters are written once per class as source and compiled, because a reflective
walk per field costs several times as much at 100,000 events a second.
"""

import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from google.protobuf.message import Message
from msgspec import Struct

Encoder = Callable[[Any], Any]
Decoder = Callable[[Any], Any]


class Field(typing.NamedTuple):
    """A field's shape: `kind` is scalar, struct, list, structs or map; `optional` where None is a value of its own."""

    name: str
    kind: str
    of: type
    optional: bool


def shape(cls: type[Struct]) -> list[Field]:
    """The fields of a domain value as protobuf can carry them; TypeError names a field that it cannot."""
    hints = typing.get_type_hints(cls)
    return [_field(f"{cls.__name__}.{f.name}", f.name, hints[f.name]) for f in msgspec.structs.fields(cls)]


def _plain(hint: Any) -> Any:
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    return type(typing.get_args(hint)[0]) if typing.get_origin(hint) is typing.Literal else hint


def _field(where: str, name: str, hint: Any) -> Field:
    hint = _plain(hint)
    optional = False
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        rest = [a for a in typing.get_args(hint) if a is not type(None)]
        if len(rest) != 1:
            raise TypeError(f"{where}: a union of more than one type and None has no protobuf field")
        optional, hint = True, _plain(rest[0])
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, tuple):
        of = _plain(args[0])
        return Field(name, "structs" if issubclass(of, Struct) else "list", of, optional=False)
    if origin is dict:
        return Field(name, "map", _plain(args[1]), optional=False)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return Field(name, "struct", hint, optional)
    if hint in (str, int, float, bool, bytes):
        return Field(name, "scalar", hint, optional)
    raise TypeError(f"{where}: {hint!r} has no protobuf field")


class Converters:
    """The compiled converters of all classes reachable from those asked for; `messages` finds the message by name."""

    def __init__(self, messages: Callable[[str], type[Message]]) -> None:
        self._messages = messages
        self._encoders: dict[type, Encoder] = {}
        self._decoders: dict[type, Decoder] = {}

    def encoder(self, cls: type[Struct]) -> Encoder:
        """Domain value → message."""
        if cls not in self._encoders:
            self._compile(cls)
        return self._encoders[cls]

    def decoder(self, cls: type[Struct]) -> Decoder:
        """Message → domain value."""
        if cls not in self._decoders:
            self._compile(cls)
        return self._decoders[cls]

    def holds_map(self, cls: type[Struct]) -> bool:
        """Whether a map can occur in this value: its bytes are the same each time only when its keys are sorted."""
        return any(f.kind == "map" or (f.kind in ("struct", "structs") and self.holds_map(f.of)) for f in shape(cls))

    def message(self, cls: type[Struct]) -> type[Message]:
        """The message class that carries this value."""
        return self._messages(cls.__name__)

    def _compile(self, cls: type[Struct]) -> None:
        names: dict[str, Any] = {"M": self._messages(cls.__name__), "C": cls}
        enc, dec = [], []
        by_place = cls.__match_args__  # named arguments of a wide value cost ten times as much as these
        for i, f in enumerate(shape(cls)):
            if f.kind in ("struct", "structs"):
                names[f"e{i}"], names[f"d{i}"] = self.encoder(f.of), self.decoder(f.of)
            enc.append(f"{f.name}={_encode(f, i)}")
            dec.append(_decode(f, i) if f.name in by_place else f"{f.name}={_decode(f, i)}")
        # The source is made of field names of our own classes alone; nothing a user sends reaches it.
        source = f"def enc(o): return M({', '.join(enc)})\ndef dec(m): return C({', '.join(dec)})\n"
        exec(compile(source, f"<codec {cls.__name__}>", "exec"), names)  # noqa: S102 - see the comment above
        self._encoders[cls], self._decoders[cls] = names["enc"], names["dec"]


def _encode(f: Field, i: int) -> str:
    if f.kind == "structs":
        return f"[e{i}(x) for x in o.{f.name}]"
    if f.kind == "struct":
        return f"e{i}(o.{f.name}) if o.{f.name} is not None else None" if f.optional else f"e{i}(o.{f.name})"
    return f"o.{f.name}"


def _decode(f: Field, i: int) -> str:
    if f.kind == "structs":
        return f"[d{i}(x) for x in m.{f.name}]"
    if f.kind == "list":
        return f"list(m.{f.name})"
    if f.kind == "map":
        return f"dict(sorted(m.{f.name}.items()))"
    if f.kind == "struct":
        return f"d{i}(m.{f.name}) if m.HasField('{f.name}') else None" if f.optional else f"d{i}(m.{f.name})"
    return f"m.{f.name} if m.HasField('{f.name}') else None" if f.optional else f"m.{f.name}"
