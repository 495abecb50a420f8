"""A call as those may see it who may see it: words unsealed, numbers masked, medical words on 120's screens alone."""

from typing import Any

from msgspec import Struct

from services.intake.accept import record_of
from services.intake.access import Sights
from services.intake.index import CallRow, IncidentRow
from services.intake.segments import Held
from tocsin.calls.record import Words, read_party, read_words
from tocsin.codec.text import rfc3339
from tocsin.incident.show import masked
from tocsin.incident.values import CallRecord
from tocsin.place import Point
from tocsin.runtime.security import Principal
from tocsin.sealing import Keyring


class CallView(Struct, frozen=True, kw_only=True):
    """The answer of `GET /v1/calls/{call_id}`."""

    call_id: str
    region: str
    status: str
    durability: str
    recorded_at: str
    disposition: str | None
    incident_ids: list[str]
    flags: list[str]
    kind: str | None
    priority: int | None
    call: dict[str, Any]


def call_view(row: CallRow, who: Principal, sights: Sights, keyring: Keyring, first: str = "") -> CallView:
    """A call that is on the log; `first` received its matter first."""
    record = record_of(row.value)
    return CallView(
        call_id=row.call_id, region=row.region, status=row.status, durability="log",
        recorded_at=rfc3339(row.answered_at) or "", disposition=row.disposition, incident_ids=row.incident_ids,
        flags=record.flags, kind=row.kind, priority=row.priority,
        call=posted_shape(record, who, sights, keyring, row.kind, first),
    )  # fmt: skip


def spooled_view(held: Held, who: Principal, sights: Sights, keyring: Keyring) -> CallView:
    """A call that waits in the spool."""
    record = record_of(held.value)
    return CallView(
        call_id=record.call_id, region=record.region, status="recorded", durability="spooled",
        recorded_at=rfc3339(held.at) or "", disposition=None, incident_ids=[], flags=record.flags, kind=None,
        priority=None, call=posted_shape(record, who, sights, keyring),
    )  # fmt: skip


def posted_shape(
    record: CallRecord, who: Principal, sights: Sights, keyring: Keyring, kind: str | None = None, first: str = ""
) -> dict[str, Any]:
    """The call in the shape it was posted in."""
    clear = keyring.unseal(record.private)
    words = read_words(clear) or Words()
    hidden = sights.caller_hidden(who, record, kind, first)
    medical = sights.text_hidden(who, record)
    shown: dict[str, Any] = {
        "call_id": record.call_id, "line": record.line, "channel": record.channel, "region": record.region,
        "caller": {
            "number": "" if hidden else masked(words.caller.number), "name": "" if hidden else words.caller.name,
            "confidential": record.confidential, "safe_to_contact": record.safe_to_contact,
        },
        "location": {"address": words.address, "point": _point(record.given), "accuracy_m": record.accuracy_m},
        "text": None if medical else words.text, "operator": record.operator, "recording_ref": record.recording_ref,
        "external_ids": [{"system": x.system, "id": x.id} for x in record.external_ids], "exercise": record.exercise,
    }  # fmt: skip
    for name in ("rang_at", "answered_at", "ended_at", "occurred_at", "received_at"):
        shown[name] = words.times.get(name) or rfc3339(getattr(record, name))
    party = read_party(keyring.unseal(record.party)) if record.party else None
    if party is not None and hidden:
        # The person concerned is often the caller, or names the caller by being known.
        shown["party"] = {"name": "", "number": "", "relation": ""}
    elif party is not None:
        shown["party"] = {"name": party.name, "number": masked(party.number), "relation": party.relation}
    if clear is None:
        shown["forgotten"] = True
    if hidden or medical:
        shown["hidden"] = True
    return shown


def _point(point: Point | None) -> dict[str, Any] | None:
    return None if point is None else {"lon": point.lon, "lat": point.lat, "crs": point.crs}


class ProgressView(Struct, frozen=True, kw_only=True):
    """What a caller sees of the own matter: steps, limits, outcome. Nobody else's data, no words."""

    call_id: str
    recorded_at: str
    status: str
    steps: list[dict[str, Any]]
    limits: list[dict[str, Any]]
    outcome: dict[str, Any] | None


def progress_view(call_id: str, at: int, status: str, incidents: list[IncidentRow]) -> ProgressView:
    """The progress of a call's matters. Of the limits only `complete` is a promise to callers."""
    steps: list[dict[str, Any]] = [{"step": "recorded", "at": rfc3339(at)}]
    limits: dict[str, dict[str, Any]] = {}
    outcome = None
    for incident in incidents:
        for s in incident.steps:
            shown = {k: rfc3339(v) if k in ("at", "due_at") else v for k, v in s.items()}
            if s["step"] in ("limit", "deadline_extended") and s.get("limit") == "complete":
                limits[s.get("agency", "")] = {k: shown[k] for k in ("limit", "agency", "due_at") if k in shown}
            if s["step"] != "limit":
                steps.append(shown)
            if s["step"] == "closed":
                outcome = {"state": "closed", "disposition": s.get("disposition"), "at": shown["at"]}
            elif s["step"] == "reopened":
                outcome = None
    return ProgressView(
        call_id=call_id, recorded_at=rfc3339(at) or "", status=status,
        steps=sorted(steps, key=lambda s: str(s["at"])), limits=list(limits.values()), outcome=outcome,
    )  # fmt: skip
