"""The owner's fold: what an event makes of a partition's regions. In place, without policy; takes every event ever."""

from collections.abc import Callable
from typing import Any

from tocsin.envelope import Event
from tocsin.incident import events as ev
from tocsin.incident.fold import apply, shell
from tocsin.incident.state import Call, Incident, PartitionState, RegionState
from tocsin.outcomes import PolicyActivated

__all__ = ["apply", "evolve"]

CALLER_MAX = 8
"""Incidents remembered of one caller, the newest."""


def evolve(state: PartitionState, event: Event[Any]) -> None:
    """Takes one event into the state. Events of a region come in the order of its chain."""
    region = state.regions.get(event.region)
    if region is None:
        region = state.regions[event.region] = RegionState(event.region)
    subject, data = event.subject, event.data
    kind = type(data)
    if not subject:
        if kind is PolicyActivated:
            region.policy = data.policy
        return
    incident = region.incidents.get(subject)
    if incident is None:
        if kind not in _FIRST:
            return
        incident = region.incidents[subject] = shell(event)
    apply(incident, event)
    handler = _REGION.get(kind)
    if handler is not None:
        handler(region, incident, data, event)


_FIRST = frozenset({ev.CallRecorded, ev.IncidentOpened})


def _call_recorded(r: RegionState, _i: Incident, d: ev.CallRecorded, e: Event[Any]) -> None:
    r.calls[d.call.call_id] = Call(d.call, d.understanding, e.recorded_at, list(d.incident_ids))
    for incident_id in d.incident_ids:
        _number(r, incident_id)


def _number(r: RegionState, incident_id: str) -> None:
    _, day, count = incident_id.split("-")
    if day > r.day:
        r.day, r.day_count = day, 0
    if day == r.day:
        r.day_count = max(r.day_count, int(count))


def _remember(r: RegionState, i: Incident, call_id: str, e: Event[Any]) -> None:
    """Puts the incident first among those near its place and of its caller."""
    r.grid.touch(i.incident_id, i.place, i.kind, e.recorded_at)
    call = r.calls.get(call_id)
    if call is None:
        return
    if i.incident_id not in call.incident_ids:
        call.incident_ids.append(i.incident_id)
    token = call.record.caller_token
    if token:
        known = r.callers.setdefault(token, {})
        known.pop(i.incident_id, None)
        known[i.incident_id] = None
        if len(known) > CALLER_MAX:
            del known[next(iter(known))]


def _opened(r: RegionState, i: Incident, d: ev.IncidentOpened, e: Event[Any]) -> None:
    _number(r, i.incident_id)
    _remember(r, i, d.call_id, e)


def _linked(r: RegionState, i: Incident, d: ev.CallLinked, e: Event[Any]) -> None:
    _remember(r, i, d.call_id, e)


def _taken_out(r: RegionState, i: Incident, call_ids: list[str]) -> None:
    for call_id in call_ids:
        call = r.calls.get(call_id)
        if call is not None and i.incident_id in call.incident_ids:
            call.incident_ids.remove(i.incident_id)


def _unlinked(r: RegionState, i: Incident, d: ev.CallUnlinked, _e: Event[Any]) -> None:
    _taken_out(r, i, [d.call_id])


def _split(r: RegionState, i: Incident, d: ev.IncidentSplit, _e: Event[Any]) -> None:
    _taken_out(r, i, d.call_ids)


def _merged(r: RegionState, i: Incident, _d: ev.IncidentMerged, e: Event[Any]) -> None:
    _taken_out(r, i, list(i.links))
    r.grid.remove(i.incident_id)
    r.ended[i.incident_id] = e.recorded_at


def _located(r: RegionState, i: Incident, d: ev.LocationCorrected, e: Event[Any]) -> None:
    if i.state != "merged" and d.place.point is not None:
        r.grid.touch(i.incident_id, d.place, i.kind, e.recorded_at)


def _reclassified(r: RegionState, i: Incident, _d: ev.Reclassified, e: Event[Any]) -> None:
    if i.state != "merged":
        r.grid.touch(i.incident_id, i.place, i.kind, e.recorded_at)


def _closed(r: RegionState, i: Incident, _d: ev.IncidentClosed, e: Event[Any]) -> None:
    r.ended[i.incident_id] = e.recorded_at
    r.grid.touch(i.incident_id, i.place, i.kind, e.recorded_at)


def _reopened(r: RegionState, i: Incident, _d: ev.IncidentReopened, e: Event[Any]) -> None:
    r.ended.pop(i.incident_id, None)
    r.grid.touch(i.incident_id, i.place, i.kind, e.recorded_at)


def _called_back(r: RegionState, _i: Incident, d: ev.CallBackRecorded, _e: Event[Any]) -> None:
    if d.call_id in r.calls:
        r.calls[d.call_id].called_back = True


def _call_closed(r: RegionState, _i: Incident, d: ev.CallClosed, _e: Event[Any]) -> None:
    if d.call_id in r.calls:
        r.calls[d.call_id].closed = d.reason


def _rated(r: RegionState, _i: Incident, d: ev.Rated, _e: Event[Any]) -> None:
    if d.call_id in r.calls:
        r.calls[d.call_id].rated = True


def _suggested(r: RegionState, i: Incident, d: ev.LinkSuggested, _e: Event[Any]) -> None:
    if d.call_id in r.calls:
        r.calls[d.call_id].suggested_to.append(i.incident_id)


def _archived(r: RegionState, i: Incident, _d: ev.IncidentArchived, _e: Event[Any]) -> None:
    r.grid.remove(i.incident_id)
    r.ended.pop(i.incident_id, None)
    del r.incidents[i.incident_id]
    for call_id in i.links:
        call = r.calls.get(call_id)
        if call is None:
            continue
        known = r.callers.get(call.record.caller_token)
        if known is not None:
            known.pop(i.incident_id, None)
            if not known:
                del r.callers[call.record.caller_token]
        if i.incident_id in call.incident_ids:
            call.incident_ids.remove(i.incident_id)
        if not call.incident_ids:
            del r.calls[call_id]


_REGION: dict[type[Any], Callable[[RegionState, Incident, Any, Event[Any]], None]] = {
    ev.CallRecorded: _call_recorded, ev.IncidentOpened: _opened, ev.CallLinked: _linked, ev.CallUnlinked: _unlinked,
    ev.IncidentSplit: _split, ev.IncidentMerged: _merged, ev.LocationCorrected: _located,
    ev.Reclassified: _reclassified, ev.IncidentClosed: _closed, ev.IncidentReopened: _reopened,
    ev.CallBackRecorded: _called_back, ev.CallClosed: _call_closed, ev.Rated: _rated, ev.LinkSuggested: _suggested,
    ev.IncidentArchived: _archived,
}  # fmt: skip
