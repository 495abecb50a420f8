"""The published OpenAPI 3.1: answers are rendered from domain values, and their schemas come from the same classes."""

from typing import Any

import msgspec
from fastapi import FastAPI

from tocsin.incident.view import IncidentView

_REF = "#/components/schemas/{name}"
_MOMENT = {"type": "string", "format": "date-time"}
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_MAYBE = {"anyOf": [{"type": "string"}, {"type": "null"}]}
Json = dict[str, Any]


def _object(**properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def refs(name: str) -> Json:
    """A reference to one of the published schemas."""
    return {"$ref": _REF.format(name=name)}


def _page(name: str) -> Json:
    cursor = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    return _object(items={"type": "array", "items": refs(name)}, next_cursor=cursor)


_OWN: dict[str, Json] = {
    "Problem": _object(type=_TEXT, title=_TEXT, status=_WHOLE, code=_TEXT, detail=_TEXT),
    "Event": _object(
        event_id=_TEXT,
        type=_TEXT,
        incident_id=_TEXT,
        version=_WHOLE,
        region=_TEXT,
        occurred_at=_MOMENT,
        recorded_at=_MOMENT,
        actor={"type": "object"},
        command_id=_TEXT,
        policy=_TEXT,
        seq=_WHOLE,
        lane=_TEXT,
        exercise={"type": "boolean"},
        data={"type": "object"},
    ),
    "Delivery": _object(
        type=_TEXT, at=_MOMENT, times=_WHOLE, task_id=_TEXT, incident_id=_TEXT, agency=_TEXT, cause_id=_TEXT
    ),
    "Proof": _object(
        event_id=_TEXT,
        partition=_WHOLE,
        offset=_WHOLE,
        seq=_WHOLE,
        prev_hash=_TEXT,
        hash=_TEXT,
        next={"anyOf": [_object(seq=_WHOLE, prev_hash=_TEXT), {"type": "null"}]},
        record=_TEXT,
    ),
    "Number": _object(call_id=_TEXT, number=_TEXT, revealed_at=_MOMENT),
    "CallIncidents": _object(
        call_id=_TEXT, incident_ids={"type": "array", "items": _TEXT}, linked={"type": "array", "items": _TEXT}
    ),
    "Now": _object(now=_MOMENT, mode={"enum": ["real", "manual", "scaled"]}, factor={"type": "number"}, policy=_TEXT),
    "Who": _object(subject=_TEXT, role=_TEXT, region=_TEXT, agency=_TEXT, unit=_TEXT),
    "Catalogue": _object(
        policy=_TEXT,
        default_region=_TEXT,
        command_agency=_TEXT,
        agencies={"type": "array", "items": {"type": "object"}},
        kinds={"type": "array", "items": {"type": "object"}},
        regions={"type": "array", "items": {"type": "object"}},
    ),
    "WebhookAsked": {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": {
            "url": {"type": "string", "format": "uri", "maxLength": 2000},
            "agency": {"anyOf": [_TEXT, {"type": "null"}]},
            "event_types": {"type": "array", "items": _TEXT},
        },
    },
    "NewWebhook": _object(
        id=_TEXT, secret=_TEXT, url=_TEXT, agency=_MAYBE, event_types={"type": "array", "items": _TEXT}
    ),
    "Webhook": _object(
        id=_TEXT,
        url=_TEXT,
        agency=_MAYBE,
        event_types={"type": "array", "items": _TEXT},
        created_at=_MOMENT,
        created_by=_TEXT,
        state={"enum": ["active", "failing"]},
        delivered=_WHOLE,
        last_status=_WHOLE,
        last_error=_TEXT,
        last_at=_MAYBE,
        failing_since=_MAYBE,
        escalated={"type": "boolean"},
    ),
    "WebhookPage": _page("Webhook"),
    "IncidentPage": _page("IncidentView"),
    "EventPage": _page("Event"),
    "DeliveryPage": _page("Delivery"),
    "ProofPage": _page("Proof"),
}


def body(name: str) -> Json:
    """`openapi_extra` of a route that reads its body itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": refs(name)}}}}


def answers(
    name: str, *codes: int, media: str = "application/json", success: int = 200
) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: its success with this schema (text where there is none), and problems."""
    schema = refs(name) if name else {"type": "string"}
    problem = {"application/problem+json": {"schema": refs("Problem")}}
    content = {media: {"schema": schema}}
    said: dict[int | str, dict[str, Any]] = {success: {"description": "Success", "content": content}}
    refused = {c: {"description": "Refused, with a stable code", "content": problem} for c in (401, 403, *codes)}
    return said | refused


def publish(app: FastAPI) -> None:
    """Adds the schemas to the app's document."""
    bare = app.openapi

    def whole() -> Json:
        document = bare()
        _, found = msgspec.json.schema_components((IncidentView,), ref_template=_REF)
        document.setdefault("components", {}).setdefault("schemas", {}).update(_shown(found) | _OWN)
        return document

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _shown(schema: Any) -> Any:
    """Moments as they go out: RFC 3339 text, where the domain holds milliseconds."""
    if isinstance(schema, dict):
        if schema.get("format") == "unix-milliseconds":
            return dict(_MOMENT)
        return {k: _shown(v) for k, v in schema.items()}
    return [_shown(v) for v in schema] if isinstance(schema, list) else schema
