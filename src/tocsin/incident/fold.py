"""What each event makes of one incident. Used by the owner's fold and by every reader; never looks at a policy."""

from collections.abc import Callable
from typing import Any

from tocsin.envelope import Event
from tocsin.incident import events as ev
from tocsin.incident.fold_tasks import CLOCK_HANDLERS, TASK_HANDLERS
from tocsin.incident.state import Incident, Link
from tocsin.outcomes import CommandNoted, CommandRefused, CommandRepeated
from tocsin.place import Place

URGENT_PRIORITY = 2
"""From here on a matter travels on the urgent lane, whatever line it came by (domain: danger leaves the queue)."""

Handler = Callable[[Incident, Any, Event[Any]], None]


def shell(event: Event[Any]) -> Incident:
    """The incident before anything is said of it but that it exists."""
    data = event.data
    first: Any = data.call.place if isinstance(data, ev.CallRecorded) else getattr(data, "place", None)
    return Incident(
        incident_id=event.subject, region=event.region, opened_at=event.recorded_at, updated_at=event.recorded_at,
        kind="unknown", priority=URGENT_PRIORITY, place=first or Place(region=event.region), policy=event.policy,
    )  # fmt: skip


def _nothing(i: Incident, d: Any, e: Event[Any]) -> None:
    """This event changes nothing but the version."""


def call_time(event: Event[Any]) -> int:
    """When an event's call was made: never later than it was recorded."""
    return min(event.occurred_at, event.recorded_at)


def _recorded(i: Incident, d: ev.CallRecorded, e: Event[Any]) -> None:
    if not i.call_at:
        i.line, i.exercise = d.call.line, d.call.exercise
    i.call_at = max(i.call_at, call_time(e))
    i.touched_at = e.recorded_at


def _opened(i: Incident, d: ev.IncidentOpened, e: Event[Any]) -> None:
    i.kind, i.priority, i.place, i.first_receiver = d.kind, d.priority, d.place, d.first_receiver
    i.flags, i.review, i.hazards, i.raises = list(d.flags), list(d.review), list(d.hazards), list(d.raises)
    i.victims, i.line, i.exercise, i.policy = d.victims, d.line, d.exercise, e.policy
    i.lane = "routine" if d.lane == "routine" else "urgent"
    i.opened_at = i.touched_at = e.recorded_at
    i.call_at = max(i.call_at, call_time(e))
    i.links[d.call_id] = Link(d.call_id, 1.0, "rule")


def _linked(i: Incident, d: ev.CallLinked, e: Event[Any]) -> None:
    i.links[d.call_id] = Link(d.call_id, d.score, d.decided_by, dict(d.reasons), d.former)
    i.suggestions.pop(d.call_id, None)
    i.call_at = max(i.call_at, call_time(e))
    i.touched_at = e.recorded_at
    if d.untold:
        i.caller_informed = ""


def _suggested(i: Incident, d: ev.LinkSuggested, _e: Event[Any]) -> None:
    i.suggestions[d.call_id] = Link(d.call_id, d.score, "rule", dict(d.reasons))


def _dismissed(i: Incident, d: ev.LinkDismissed, _e: Event[Any]) -> None:
    i.suggestions.pop(d.call_id, None)
    if d.call_id not in i.dismissed:
        i.dismissed.append(d.call_id)


def _unlinked(i: Incident, d: ev.CallUnlinked, _e: Event[Any]) -> None:
    i.links.pop(d.call_id, None)
    if d.call_id not in i.dismissed:
        i.dismissed.append(d.call_id)
    _gone(i, d.tasks)


def _split(i: Incident, d: ev.IncidentSplit, _e: Event[Any]) -> None:
    for call_id in d.call_ids:
        i.links.pop(call_id, None)
    _gone(i, d.tasks)


def _gone(i: Incident, tasks: list[str]) -> None:
    """These tasks and their clocks stand in another incident now."""
    for task_id in tasks:
        i.tasks.pop(task_id, None)
    for clock_id in [c.clock_id for c in i.clocks.values() if c.task_id in tasks] if tasks else ():
        del i.clocks[clock_id]


def _merged(i: Incident, d: ev.IncidentMerged, e: Event[Any]) -> None:
    i.state, i.merged_into, i.closed_at = "merged", d.into, e.recorded_at
    _gone(i, d.tasks)


def _related(i: Incident, d: ev.IncidentsRelated, _e: Event[Any]) -> None:
    i.related[d.to] = Link(d.to, d.score if d.score is not None else 1.0, d.decided_by, dict(d.reasons))


def _review(i: Incident, d: ev.ReviewRequested, _e: Event[Any]) -> None:
    i.review.extend(r for r in d.reasons if r not in i.review)


def _reviewed(i: Incident, _d: ev.ReviewEnded, _e: Event[Any]) -> None:
    i.review.clear()


def _reclassified(i: Incident, d: ev.Reclassified, e: Event[Any]) -> None:
    i.kind, i.touched_at = d.kind, e.recorded_at


def _priority(i: Incident, d: ev.PriorityChanged, _e: Event[Any]) -> None:
    i.priority = d.priority
    if d.priority <= URGENT_PRIORITY:
        i.lane = "urgent"


def _located(i: Incident, d: ev.LocationCorrected, e: Event[Any]) -> None:
    i.place, i.touched_at = d.place, e.recorded_at
    i.address = d.address or i.address


def _victims(i: Incident, d: ev.VictimsReported, _e: Event[Any]) -> None:
    if d.victims is not None:
        i.victims = max(i.victims or 0, d.victims)
    i.hazards.extend(h for h in d.hazards if h not in i.hazards)


def _asked(i: Incident, _d: ev.InformationRequested, _e: Event[Any]) -> None:
    i.asked = True


def _supervised(i: Incident, _d: ev.SupervisionOrdered, _e: Event[Any]) -> None:
    i.supervised = True


def _informed(i: Incident, d: ev.CallerInformed, _e: Event[Any]) -> None:
    i.caller_informed = d.result


def _followed(i: Incident, d: ev.FollowedUp, _e: Event[Any]) -> None:
    i.followed_up = True
    if not d.solved and d.round == 1:
        i.round, i.followed_up, i.caller_informed = 2, False, ""


def _closed(i: Incident, d: ev.IncidentClosed, e: Event[Any]) -> None:
    i.state, i.disposition, i.closed_at, i.touched_at = "closed", d.disposition, e.recorded_at, e.recorded_at
    i.suggestions.clear()


def _reopened(i: Incident, _d: ev.IncidentReopened, e: Event[Any]) -> None:
    i.state, i.disposition, i.closed_at, i.touched_at = "open", "", None, e.recorded_at
    i.caller_informed = i.merged_into = ""
    if not i.three_way:
        # A question that does not come back was answered where it had gone.
        i.three_way_of, i.three_way_moved = [], []


def _three_way(i: Incident, d: ev.ThreeWayOpened, _e: Event[Any]) -> None:
    i.three_way, i.three_way_moved = [d.first, d.other], []
    # Given back by a split it is still the question of whoever asked first.
    if d.cause != "split" or not i.three_way_of:
        i.three_way_of.append(d.former or i.incident_id)


def _three_way_moved(i: Incident, d: ev.ThreeWayMoved, _e: Event[Any]) -> None:
    if d.cause == "merged":
        i.three_way_moved = list(i.three_way)
    elif d.to in i.three_way_of:
        i.three_way_of.remove(d.to)
    if not d.stays:
        i.three_way.clear()


def _settled(i: Incident, _d: ev.ThreeWaySettled, _e: Event[Any]) -> None:
    i.three_way.clear()
    i.three_way_of.clear()


HANDLERS: dict[type[Any], Handler] = {
    ev.CallRecorded: _recorded, ev.IncidentOpened: _opened, ev.CallLinked: _linked, ev.LinkSuggested: _suggested,
    ev.LinkDismissed: _dismissed, ev.CallUnlinked: _unlinked, ev.IncidentSplit: _split, ev.IncidentMerged: _merged,
    ev.IncidentsRelated: _related, ev.ReviewRequested: _review, ev.ReviewEnded: _reviewed,
    ev.Reclassified: _reclassified, ev.PriorityChanged: _priority, ev.LocationCorrected: _located,
    ev.VictimsReported: _victims, ev.InformationRequested: _asked, ev.SupervisionOrdered: _supervised,
    ev.CallerInformed: _informed, ev.FollowedUp: _followed, ev.IncidentClosed: _closed, ev.IncidentReopened: _reopened,
    ev.CallConflict: _nothing, ev.InformationProvided: _nothing, ev.NoteAdded: _nothing,
    ev.CallBackRecorded: _nothing, ev.Rated: _nothing, ev.NumberRevealed: _nothing, ev.IncidentArchived: _nothing,
    ev.CallClosed: _nothing, ev.RelationProbed: _nothing, ev.OutcomeReturned: _nothing,
    ev.ThreeWayOpened: _three_way, ev.ThreeWayMoved: _three_way_moved, ev.ThreeWaySettled: _settled,
     **TASK_HANDLERS, **CLOCK_HANDLERS,
}  # fmt: skip
"""Event class → what it makes of its incident. An event that is not here changes only the version."""

QUIET = (CommandRefused, CommandRepeated, CommandNoted)
"""Answers that changed nothing: no later command is outdated by them."""


def apply(incident: Incident | None, event: Event[Any]) -> Incident:
    """Takes one of an incident's events, in order, in place; None before its first. The reader's fold."""
    if incident is None:
        incident = shell(event)
    data = event.data
    handler = HANDLERS.get(type(data))
    if handler is not None:
        handler(incident, data, event)
    incident.version = event.version
    incident.updated_at = event.recorded_at
    if event.actor.counts and not isinstance(data, QUIET):
        incident.act_version = event.version
    return incident
