"""Bodies as they come in: bounded, read straight into the domain's commands, refused with an entry a bad field."""

import re
import typing
from typing import Any

import msgspec
from fastapi import Request
from msgspec import Struct

from tocsin.calls.fields import said
from tocsin.calls.times import moment
from tocsin.enrich.crs import is_position, to_wgs84
from tocsin.mission import commands as cmd
from tocsin.mission.triage import bad_answers
from tocsin.place import Point
from tocsin.runtime.bodies import bounded, json_of
from tocsin.runtime.problems import Problem

BODY_MAX = 64 * 1024
TEXT_MAX = 8_000
"""Characters of a reason or note."""
YEAR_2100_MS = 4_102_444_800_000
NUMBER_MAX = 1_000_000
ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
COMMAND_ID = re.compile(r"[A-Za-z0-9._:\-]{1,64}")
RESERVED = ("clock:", "seed:", "report:", "open:", "relay:")
"""How the ids of the system's own commands begin: nobody may take one before it."""

Errors = list[dict[str, str]]


class Asked(Struct, frozen=True):
    """A command as asked for at the edge; `command_id` is "" where the sender gave none."""

    command_id: str
    expected_version: int | None
    data: Any


def invalid(*errors: tuple[str, str]) -> Problem:
    """422 with its fields."""
    listed = [{"field": f, "message": m} for f, m in errors]
    return Problem(422, "invalid", "The request has fields that cannot be used; see 'errors'.", errors=listed)


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; Problem 413 where it is too large, 422 where it is none."""
    body = json_of(await bounded(request, BODY_MAX))
    if not isinstance(body, dict):
        raise invalid(("", "expected a JSON object"))
    return body


def asked(body: dict[str, Any], commands: tuple[type[Struct], ...]) -> Asked:
    """The command a body asks for, of these; Problem 422 with every bad field."""
    by_tag = {str(c.__struct_config__.tag): c for c in commands}
    name = body.get("command")
    cls = by_tag.get(name) if isinstance(name, str) else None
    if cls is None:
        raise invalid(("command", f"expected one of {', '.join(sorted(by_tag))}"))
    errors = _about(body)
    data = _read(cls, body, errors)
    if data is not None:
        errors += _rules(data)
    if errors or data is None:
        raise invalid(*((e["field"], e["message"]) for e in errors))
    return Asked(body.get("command_id") or "", body.get("expected_version"), data)


def _about(body: dict[str, Any]) -> Errors:
    errors: Errors = []
    command_id, expected = body.get("command_id"), body.get("expected_version")
    if command_id is not None and not (isinstance(command_id, str) and COMMAND_ID.fullmatch(command_id)):
        errors.append(_error("command_id", "expected 1-64 of A-Z a-z 0-9 . _ : -"))
    elif isinstance(command_id, str) and command_id.startswith(RESERVED):
        errors.append(_error("command_id", f"ids that begin with {', '.join(RESERVED)} are the system's own"))
    if expected is not None and (isinstance(expected, bool) or not isinstance(expected, int) or expected < 0):
        errors.append(_error("expected_version", "expected a version, 0 or more"))
    elif isinstance(expected, int) and expected > 2**53:
        errors.append(_error("expected_version", "too large"))
    return errors


def _read(cls: type[Struct], body: dict[str, Any], errors: Errors) -> Any:
    """The value, field by field, so that each bad one has its entry; None where there was any."""
    hints = typing.get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    before = len(errors)
    for f in msgspec.structs.fields(cls):
        if f.name not in body or (body[f.name] is None and not f.required):
            if f.required:
                errors.append(_error(f.name, "is required"))
            continue
        value = body[f.name]
        try:
            if f.name == "at":
                values["at"] = _time(value)
            else:
                values[f.name] = msgspec.convert(value, hints[f.name], strict=True)
        except (msgspec.ValidationError, OverflowError) as e:
            errors.append(_error(f.name, said(e, hints[f.name])))
        except ValueError as e:
            errors.append(_error(f.name, str(e)))
    return cls(**values) if len(errors) == before else None


def _time(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("expected a time such as 2026-04-05T10:20:30+08:00")  # noqa: TRY004 - as for any bad field
    at = moment(value).at
    if at is None or not 0 <= at <= YEAR_2100_MS:
        raise ValueError("not a time of this century")
    return at


def _rules(data: Any) -> Errors:
    """What a type cannot say."""
    errors: Errors = []
    for name in ("reason", "note", "label", "station"):
        text = getattr(data, name, "")
        if len(text) > TEXT_MAX:
            errors.append(_error(name, f"over {TEXT_MAX} characters"))
        elif _unsendable(text):
            errors.append(_error(name, "holds a surrogate without its pair"))
    for name in ("unit_id", "hospital_id"):
        text = getattr(data, name, "")
        if text and not ID.fullmatch(text):
            errors.append(_error(name, "expected an id: 1-128 of A-Z a-z 0-9 . _ : -"))
    beds = getattr(data, "beds", 0)
    if not 0 <= beds <= NUMBER_MAX:
        errors.append(_error("beds", f"expected 0 to {NUMBER_MAX}"))
    if isinstance(data, cmd.TriagePatient):
        errors += [_error("answers", wrong) for wrong in bad_answers(data.answers)]
        if not data.answers and not data.triage:
            errors.append(_error("triage", "say a level (I II III IV) or answers"))
    return errors


def _unsendable(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def registration(body: dict[str, Any], *, hospital: bool) -> Any:
    """`PUT /v1/units/{id}` or `/v1/hospitals/{id}`: `type` and `position` are the contract's words for our fields."""
    shown = dict(body)
    if "position" in shown and "point" not in shown:
        shown["point"] = shown.pop("position")
    if "type" in shown and "unit_type" not in shown:
        shown["unit_type"] = shown.pop("type")
    errors: Errors = _about(body)
    cls = cmd.RegisterHospital if hospital else cmd.RegisterUnit
    data = _read(cls, shown, errors)
    if data is not None:
        errors += _rules(data)
        if not is_position(data.point.lon, data.point.lat):
            errors.append(_error("position", "not a position: lon -180 to 180, lat -90 to 90"))
    words = {"point": "position", "unit_type": "type"}
    if errors or data is None:
        raise invalid(*((words.get(e["field"], e["field"]), e["message"]) for e in errors))
    return msgspec.structs.replace(data, point=to_wgs84(data.point))


class Reported(Struct, frozen=True):
    """A position as a vehicle reports it."""

    point: Point
    at: int | None = None
    speed_kmh: float | None = None
    heading: float | None = None


def reported(body: dict[str, Any]) -> Reported:
    """`PUT /v1/units/{id}/position`: `{"point": {...}}` or the point's fields themselves; coordinates become WGS84."""
    shown = dict(body)
    if "position" in shown and "point" not in shown:
        shown["point"] = shown.pop("position")
    if "point" not in shown and "lon" in shown:
        shown["point"] = {k: shown.pop(k) for k in ("lon", "lat", "crs") if k in shown}
    errors: Errors = []
    data: Reported | None = _read(Reported, shown, errors)
    if data is not None and not is_position(data.point.lon, data.point.lat):
        errors.append(_error("point", "not a position: lon -180 to 180, lat -90 to 90"))
    if data is not None and not all(abs(v) <= NUMBER_MAX for v in (data.speed_kmh or 0.0, data.heading or 0.0)):
        errors.append(_error("speed_kmh", "not a speed"))
    if errors or data is None:
        raise invalid(*((e["field"], e["message"]) for e in errors))
    return msgspec.structs.replace(data, point=to_wgs84(data.point))


def _error(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}


def shown_schema(commands: tuple[type[Struct], ...]) -> dict[str, Any]:
    """The request body of a commands route for the OpenAPI document: one object for each command, all written out."""
    about = {
        "command_id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
        "expected_version": {"type": "integer", "minimum": 0},
    }
    one_of = []
    for cls in commands:
        schema = msgspec.json.schema(cls)
        body = _inlined(schema["$defs"][cls.__name__], schema["$defs"])
        body["properties"] |= about
        if "at" in body["properties"]:
            body["properties"]["at"] = {"type": "string", "format": "date-time"}
        one_of.append(body)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": one_of}}}}}


def _inlined(schema: Any, defs: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(defs[schema["$ref"].rpartition("/")[2]], defs)
        return {k: _inlined(v, defs) for k, v in schema.items()}
    return [_inlined(v, defs) for v in schema] if isinstance(schema, list) else schema
