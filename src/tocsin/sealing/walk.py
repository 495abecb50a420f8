"""Seals and unseals every field typed `Sealed`, however deep: nested structs, lists of them, optional ones."""

import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from tocsin.envelope import Sealed
from tocsin.sealing.keyring import Keyring

S = TypeVar("S", bound=Struct)


class _Step(NamedTuple):
    name: str
    kind: Literal["word", "words", "struct", "structs"]


def seal_words(value: S, subject: str, keyring: Keyring) -> S:
    """The value with each of its `Sealed` fields sealed under `subject`. KeyMissing where it was not ensured."""
    return _walk(value, lambda text: keyring.seal(subject, text))


def unseal_words(value: S, keyring: Keyring, gone: str = "") -> S:
    """The value with each of its sealed fields in clear words; `gone` stands for what no key opens any more."""

    def clear(token: str) -> str:
        words = keyring.unseal(token)
        return gone if words is None else words

    return _walk(value, clear)


def has_words(cls: type[Struct]) -> bool:
    """Whether a class has any field to seal."""
    return bool(_steps(cls))


def _walk(value: S, change: Callable[[str], str]) -> S:
    changed: dict[str, Any] = {}
    for name, kind in _steps(type(value)):
        held = getattr(value, name)
        if held is None:
            continue
        if kind == "word":
            changed[name] = change(held)
        elif kind == "words":
            changed[name] = [change(w) for w in held]
        elif kind == "struct":
            changed[name] = _walk(held, change)
        else:
            changed[name] = [_walk(v, change) for v in held]
    return msgspec.structs.replace(value, **changed) if changed else value


@cache
def _steps(cls: type[Struct]) -> tuple[_Step, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    found = (_step(f.name, hints[f.name]) for f in msgspec.structs.fields(cls))
    return tuple(s for s in found if s is not None)


def _step(name: str, hint: Any) -> _Step | None:
    if hint == Sealed:
        return _Step(name, "word")
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        rest = [a for a in args if a is not type(None)]
        return _step(name, rest[0]) if len(rest) == 1 else None
    if origin in (list, tuple) and args:
        inner = _step(name, args[0])
        return None if inner is None else _Step(name, "words" if inner.kind == "word" else "structs")
    if isinstance(hint, type) and issubclass(hint, Struct) and _steps(hint):
        return _Step(name, "struct")
    return None
