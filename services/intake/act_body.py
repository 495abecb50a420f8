"""An act's body: read by its `command` field, every field that cannot be used named, before anything is recorded."""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.intake.body import invalid
from tocsin.calls.fields import FieldError, field_errors
from tocsin.calls.posted import TEXT_MAX
from tocsin.calls.times import NotATime, moment
from tocsin.envelope import Ms, Sealed
from tocsin.incident import commands as c
from tocsin.place import Place

INCIDENT_ID: Final = re.compile(r"\d{6}-\d{8}-\d{1,9}", re.ASCII)
_COMMAND_ID: Final = re.compile(r"[A-Za-z0-9._:\-]{1,128}", re.ASCII)
_RESERVED: Final = ("call:", "clock:", "relay:", "mission:", "rate:", "probe:", "event:")
_PRIORITIES: Final = range(1, 5)
_SCORES: Final = range(1, 6)
_NAME_MAX: Final = 200
_WORDS_MAX: Final = 2_000
"""Characters of an id or a name; of one missing paper."""
_LIST_MAX: Final = 200
"""Entries of a list. Each is laid beside those that are there: fifty thousand units held a partition for seconds."""

FOUND: Final = ("place", "to_exercise")
"""Fields of an act that intake fills in itself."""


def _tags(acts: tuple[type[c.Act], ...]) -> dict[str, type[c.Act]]:
    return {str(a.__struct_config__.tag): a for a in acts}


ON_INCIDENT: Final = _tags(c.INCIDENT_COMMANDS)
ON_TASK: Final = _tags(c.TASK_COMMANDS)
ON_CALL: Final = {k: v for k, v in _tags(c.CALL_COMMANDS).items() if v is not c.Rate}


class Head(Struct, kw_only=True):
    """What every command's body may carry beside its own fields."""

    command_id: str | None = None
    expected_version: int | None = None


def read_act(value: Any, known: dict[str, type[c.Act]]) -> tuple[c.Act, Head]:
    """The act in a JSON body; Problem 422 with every field that cannot be used."""
    if type(value) is not dict:
        raise invalid("A command is a JSON object.", FieldError("", "expected an object"))
    name = value.get("command")
    cls = known.get(name) if isinstance(name, str) else None
    if cls is None:
        said = f"expected one of {', '.join(sorted(known))}"
        raise invalid("There is no such command here; see 'errors'.", FieldError("command", said))
    if cls is c.RequestInformation and isinstance(value.get("missing"), str):
        value = value | {"missing": [value["missing"]]}
    body, errors = _moments(value, cls)
    errors += field_errors(body, cls, tag="command")
    errors += field_errors(body, Head)
    if not errors:
        act, head = _said(msgspec.convert(body, cls)), msgspec.convert(body, Head)
        errors = _beyond_types(act, head)
        if not errors:
            return act, head
    raise invalid("The command has fields that cannot be used; see 'errors'.", *errors)


def read_rating(value: Any) -> c.Rate:
    """The caller's rating in a JSON body; Problem 422 with every field that cannot be used."""
    errors = field_errors(value, c.Rate, tag="command")
    if not errors:
        act = msgspec.convert({**value, "command": "rate"}, c.Rate)
        errors = _too_long(act)
        if act.score not in _SCORES:
            errors.append(FieldError("score", "expected 1 to 5"))
        if not errors:
            return act
    raise invalid("The rating has fields that cannot be used; see 'errors'.", *errors)


def _said(act: c.Act) -> c.Act:
    """Blanks say nothing: a reason or a result of blanks is none, and the rules ask for one."""
    blank = {n: "" for n in act.__struct_fields__ if isinstance(v := getattr(act, n), str) and v and not v.strip()}
    return msgspec.structs.replace(act, **blank) if blank else act


def _moments(value: dict[str, Any], cls: type[c.Act]) -> tuple[dict[str, Any], list[FieldError]]:
    """Times come as RFC 3339 and are kept as milliseconds; what is found by us is never taken from a body."""
    body = {k: v for k, v in value.items() if k not in FOUND}
    errors = []
    for f in msgspec.structs.fields(cls):
        if f.type != Ms or f.name not in body:
            continue
        try:
            at = moment(body[f.name]).at if isinstance(body[f.name], str) else None
            if at is None:
                errors.append(FieldError(f.name, "expected a time such as 2026-04-05T10:20:30+08:00"))
            body[f.name] = at or 0
        except NotATime as e:
            errors.append(FieldError(f.name, str(e)))
            body[f.name] = 0
    return body, errors


def _too_long(act: c.Act) -> list[FieldError]:
    """Texts and lists beyond what the log and the rules are to carry."""
    errors = []
    for f in msgspec.structs.fields(type(act)):
        value = getattr(act, f.name)
        if isinstance(value, list) and len(value) > _LIST_MAX:
            errors.append(FieldError(f.name, f"has {len(value)} entries; send at most {_LIST_MAX}"))
        elif isinstance(value, list):
            most = _WORDS_MAX if f.name == "missing" else _NAME_MAX
            long = (i for i, v in enumerate(value) if isinstance(v, str) and len(v) > most)
            errors += [FieldError(f"{f.name}.{i}", f"send at most {most} characters") for i in long]
        elif isinstance(value, str) and f.type == Sealed and len(value.encode()) > TEXT_MAX:
            errors.append(FieldError(f.name, f"is over {TEXT_MAX} bytes; send less"))
        elif isinstance(value, str) and f.type != Sealed and len(value) > _NAME_MAX:
            errors.append(FieldError(f.name, f"send at most {_NAME_MAX} characters"))
    return errors


def _beyond_types(act: c.Act, head: Head) -> list[FieldError]:
    errors = _too_long(act)
    if head.command_id is not None:
        if _COMMAND_ID.fullmatch(head.command_id) is None:
            errors.append(FieldError("command_id", "1-128 of A-Z a-z 0-9 . _ : -"))
        elif head.command_id.startswith(_RESERVED):
            errors.append(FieldError("command_id", f"may not begin with {', '.join(_RESERVED)}"))
    if head.expected_version is not None and not 0 <= head.expected_version < 1 << 53:
        errors.append(FieldError("expected_version", "expected a version, 0 or more"))
    if isinstance(act, c.SetPriority) and act.priority not in _PRIORITIES:
        errors.append(FieldError("priority", "expected 1 (danger to life) to 4"))
    other = "into" if isinstance(act, c.Merge) else "to" if isinstance(act, c.Relate) else ""
    if other and INCIDENT_ID.fullmatch(getattr(act, other)) is None:
        errors.append(FieldError(other, "expected an incident's number, such as 430921-20260405-000017"))
    if isinstance(act, c.CorrectLocation) and len(act.location.address) > _WORDS_MAX:
        errors.append(FieldError("location.address", f"send at most {_WORDS_MAX} characters"))
    return errors + _says_nothing(act)


def _says_nothing(act: c.Act) -> list[FieldError]:
    """The field without which the act is about nothing."""
    if isinstance(act, c.Note) and not act.text.strip():
        return [FieldError("text", "is empty")]
    if isinstance(act, c.RequestInformation) and not any(m.strip() for m in act.missing):
        return [FieldError("missing", "name what is missing, all of it")]
    if isinstance(act, c.CorrectLocation) and not act.location.address.strip() and act.location.point is None:
        return [FieldError("location", "needs an address or a point")]
    return []


def described(given: c.GivenLocation, place: Place) -> c.GivenLocation:
    """What a person gave, in words: a bare point is called what lies there, or itself, not what was said before."""
    point = place.point
    if given.address.strip() or point is None:
        return given
    return msgspec.structs.replace(given, address=place.label or f"{point.lon:.5f},{point.lat:.5f}")
