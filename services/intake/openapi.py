"""The published OpenAPI 3.1: bodies are read by msgspec for speed, and their schemas come from the same classes."""

from typing import Any

import msgspec
from fastapi import FastAPI

from services.intake.accept import Receipt
from services.intake.act_body import FOUND, ON_CALL, ON_INCIDENT, ON_TASK
from services.intake.acts import Outcome
from services.intake.view import CallView, ProgressView
from tocsin.calls.posted import PostedCall
from tocsin.incident.commands import Act, Rate

_REF = "#/components/schemas/{name}"
_TYPES = (PostedCall, Receipt, CallView, ProgressView, Outcome, Rate)
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
}


def refs(name: str) -> dict[str, str]:
    """A reference to one of the published schemas."""
    return {"$ref": _REF.format(name=name)}


def body(name: str, media: str = "application/json") -> dict[str, Any]:
    """A required request body, for `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {media: {"schema": refs(name)}}}}


Answers = dict[int | str, dict[str, Any]]


def answers(name: str, *codes: int, success: tuple[int, ...] = (200,)) -> Answers:
    """The answers of a route: its success with this schema, and problems."""
    said: Answers = {
        s: {"description": "Success", "content": {"application/json": {"schema": refs(name)}}} for s in success
    }
    problem = {"application/problem+json": {"schema": refs("Problem")}}
    refused: Answers = {c: {"description": "Refused, with a stable code", "content": problem} for c in codes}
    return said | refused


def publish(app: FastAPI) -> None:
    """Adds the schemas to the app's document."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            document.setdefault("components", {}).setdefault("schemas", {}).update(_schemas())
            document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _schemas() -> dict[str, Any]:
    acts = tuple(dict.fromkeys((*ON_INCIDENT.values(), *ON_TASK.values(), *ON_CALL.values())))
    _, found = msgspec.json.schema_components((*_TYPES, *acts), ref_template=_REF)
    schemas: dict[str, Any] = {name: _times(schema) for name, schema in found.items()}
    for act in acts:
        _extend(schemas[act.__name__])
    for name, known in (("IncidentCommand", ON_INCIDENT), ("TaskCommand", ON_TASK), ("CallCommand", ON_CALL)):
        schemas[name] = _one_of(known)
    schemas["Problem"] = _PROBLEM
    schemas["BatchLines"] = {"type": "string", "description": "NDJSON: one PostedCall a line, at most 10,000 lines"}
    schemas["CapAlert"] = {"type": "string", "description": "An alert as OASIS CAP 1.2 has it, at most 1 MiB"}
    return schemas


def _times(schema: Any) -> Any:
    """Moments are RFC 3339 outside, whatever they are within."""
    if isinstance(schema, dict):
        if schema.get("format") == "unix-milliseconds":
            return {"type": "string", "format": "date-time"}
        return {k: _times(v) for k, v in schema.items()}
    return [_times(x) for x in schema] if isinstance(schema, list) else schema


def _extend(schema: dict[str, Any]) -> None:
    for name in FOUND:
        schema["properties"].pop(name, None)
    schema["properties"] |= {
        "command_id": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9._:\\-]{1,128}$"},
        "expected_version": {"type": ["integer", "null"], "minimum": 0},
    }


def _one_of(known: dict[str, type[Act]]) -> dict[str, Any]:
    return {
        "oneOf": [refs(a.__name__) for a in known.values()],
        "discriminator": {
            "propertyName": "command", "mapping": {t: _REF.format(name=a.__name__) for t, a in known.items()},
        },
    }  # fmt: skip
