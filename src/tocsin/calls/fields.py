"""Every wrong field of a JSON value, where a decoder stops at the first."""

import types
import typing
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct


class FieldError(NamedTuple):
    """A field by its path (`location.point.lon`, "" the whole) and what is wrong with it."""

    field: str
    message: str

    @property
    def shown(self) -> dict[str, str]:
        """As problem+json carries it."""
        return {"field": self.field, "message": self.message}


def field_errors(value: Any, cls: type[Struct], path: str = "", *, tag: str = "") -> list[FieldError]:
    """The errors of a JSON value read as this struct, one a field, in its order. `tag` names a field to skip."""
    if type(value) is not dict:
        return [FieldError(path, f"expected an object, got {_named(value)}")]
    errors: list[FieldError] = []
    for f in _shape(cls):
        here = f"{path}.{f.name}" if path else f.name
        if f.name == tag:
            continue
        if f.name not in value:
            if f.required:
                errors.append(FieldError(here, "is required"))
            continue
        errors += _one(value[f.name], f, here)
    return errors


class _Field(NamedTuple):
    name: str
    hint: Any
    required: bool
    struct: type[Struct] | None
    listed: type[Struct] | None
    nullable: bool


def _one(value: Any, f: _Field, here: str) -> list[FieldError]:
    try:
        msgspec.convert(value, f.hint)
    except (msgspec.ValidationError, OverflowError) as e:
        if f.struct is not None and type(value) is dict:
            return field_errors(value, f.struct, here) or [FieldError(here, _said(e))]
        if f.listed is not None and type(value) is list:
            deeper = [x for i, v in enumerate(value[:100]) for x in field_errors(v, f.listed, f"{here}.{i}")]
            return deeper or [FieldError(here, _said(e))]
        return [FieldError(here, _said(e) + _allowed(e, f.hint))]
    return []


def _allowed(error: Exception, hint: Any) -> str:
    """Behind a word that is none of a list: the list."""
    if not str(error).startswith("Invalid enum value"):
        return ""
    inner = _bare(hint)
    literals = [inner, *map(_bare, typing.get_args(inner))]
    listed = [str(v) for x in literals if typing.get_origin(x) is typing.Literal for v in typing.get_args(x)]
    return f", one of {', '.join(listed)}" if listed else ""


def _said(error: Exception) -> str:
    """The decoder's sentence without its path, which may hold what the sender wrote."""
    said = str(error).split(" - at ")[0][:300]
    return said[:1].lower() + said[1:]


def _named(value: Any) -> str:
    names = {str: "a string", int: "a number", float: "a number", bool: "a boolean", list: "a list"}
    return "null" if value is None else names.get(type(value), "another type")


@cache
def _shape(cls: type[Struct]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(_field(f, hints[f.name]) for f in msgspec.structs.fields(cls))


def _field(f: msgspec.structs.FieldInfo, hint: Any) -> _Field:
    nullable, inner = False, _bare(hint)
    if typing.get_origin(inner) in (types.UnionType, typing.Union):
        rest = [a for a in typing.get_args(inner) if a is not type(None)]
        nullable, inner = True, _bare(rest[0]) if len(rest) == 1 else inner
    listed = None
    if typing.get_origin(inner) is list:
        of = _bare(typing.get_args(inner)[0])
        listed = of if isinstance(of, type) and issubclass(of, Struct) else None
    struct = inner if isinstance(inner, type) and issubclass(inner, Struct) else None
    return _Field(f.encode_name, hint, f.required, struct, listed, nullable)


def _bare(hint: Any) -> Any:
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    return hint
