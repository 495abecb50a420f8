"""Calls and incidents put together by people; running work moves along, nothing is cancelled."""

from tocsin.incident import events as ev
from tocsin.incident.callbacks import CALL_BACK, brought_in, taken_out
from tocsin.incident.case import Case, Refused
from tocsin.incident.changing import looked
from tocsin.incident.clocks import LIVE, Matter
from tocsin.incident.closing import nobody_called
from tocsin.incident.deadlines import shorten
from tocsin.incident.moving import join, met_by, move, owed
from tocsin.incident.permissions import on_incident, open_file
from tocsin.incident.routing import alert, open_tasks, raise_priority
from tocsin.incident.state import Incident, Task
from tocsin.incident.unsettled import carry


def link_call(case: Case) -> None:
    """LinkCall: the call belongs here. An incident of its own that it leaves empty goes into this one with its work."""
    incident = open_file(case)
    call = case.region.calls.get(case.data.call_id)
    if call is None or not call.incident_ids:
        raise Refused("cross_region", "no such call in this region; incidents of two regions are related instead")
    if case.data.call_id in incident.links:
        raise Refused("illegal_step", "the call is linked here already")
    if call.record.exercise != incident.exercise:
        raise Refused("illegal_step", "an exercise and a live alarm are never linked")
    former = case.survivor(call.incident_ids[0])
    other = former.incident_id != incident.incident_id
    alone = other and set(former.links) == {case.data.call_id} and former.state == "open"
    case.say(
        incident.incident_id,
        ev.CallLinked(
            call_id=case.data.call_id, decided_by="person", reason=case.data.reason,
            former=former.incident_id if alone else "", untold=_untold(case, former, incident),
        ),
        call.recorded_at,
    )  # fmt: skip
    looked(case, incident, "link_call")
    if not other:
        return
    if alone:
        _go_into(case, former, incident, case.data.reason)
    else:
        case.say(
            former.incident_id,
            ev.CallUnlinked(call_id=case.data.call_id, to=incident.incident_id, reason=case.data.reason),
        )
        taken_out(case, former, [case.data.call_id])
        brought_in(case, incident, call)


def dismiss_suggestion(case: Case) -> None:
    """DismissSuggestion: the suggested call does not belong here; it is not suggested again."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    if case.data.call_id not in incident.suggestions:
        raise Refused("illegal_step", "this call is not suggested here")
    case.say(incident.incident_id, ev.LinkDismissed(call_id=case.data.call_id))


def merge(case: Case) -> None:
    """Merge: this incident goes into another of its region."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    if case.data.into[:6] != case.command.region:
        raise Refused("cross_region", "incidents of two regions are related, never merged")
    into = case.known(case.data.into)
    if into.incident_id == incident.incident_id:
        raise Refused("illegal_step", "an incident does not go into itself")
    case.open(incident)
    case.open(into)
    if incident.exercise != into.exercise:
        raise Refused("illegal_step", "an exercise and a live alarm are never merged")
    for call_id in incident.links:
        if call_id not in into.links:
            case.say(
                into.incident_id,
                ev.CallLinked(
                    call_id=call_id, decided_by="person", reason=case.data.reason, former=incident.incident_id,
                    untold=_untold(case, incident, into),
                ),
            )  # fmt: skip
    _go_into(case, incident, into, case.data.reason)
    looked(case, into, "merge")


def _untold(case: Case, incident: Incident, into: Incident) -> bool:
    """Whether a call that comes from here has a caller to be told yet, where the other incident's was told already."""
    return bool(into.caller_informed) and not incident.caller_informed and not nobody_called(case, incident)


def _go_into(case: Case, incident: Incident, into: Incident, reason: str) -> None:
    """Moves what runs.

    A task of an agency that works there already is joined to its task there; every other, and each medical one (two
    patients never share a mission), goes over as it stands, under its own id.
    """
    there = {t.held_by: t for t in open_tasks(into) if t.agency_class != "medical"}
    mine = open_tasks(incident)
    joined = {t.task_id: there[t.held_by] for t in mine if t.agency_class != "medical" and t.held_by in there}
    _make_as_urgent(case, into, incident.priority, {same.task_id: incident.tasks[t] for t, same in joined.items()})
    hazards = [h for h in incident.hazards if h not in into.hazards]
    if incident.victims is not None or hazards:
        case.say(into.incident_id, ev.VictimsReported(victims=incident.victims, hazards=hazards))
    led = any(t.role == "lead" for t in open_tasks(into))
    for task in mine:
        leads = task.role == "lead" and not led
        led = led or leads
        same = joined.get(task.task_id)
        if same is None:
            move(
                case,
                incident,
                into,
                task,
                role="joint",
                merged_from=f"{task.merged_from} {incident.incident_id}".strip(),
            )
        else:
            join(case, incident, into, task, same)
        if leads:
            now = same or task
            lead = ev.RoleChanged(task_id=now.task_id, agency=now.held_by, role="lead", cause="merged")
            case.say(into.incident_id, lead)
    carry(case, incident, into, reason, joined={t.task_id for t in joined.values()})
    owed(case, incident, into)
    for c in incident.clocks.values():
        if not c.task_id and c.clock != CALL_BACK and c.state in LIVE:
            case.say(
                incident.incident_id,
                ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, agency=c.agency, cause="merged"),
            )
    moved = [t.task_id for t in mine if t.task_id not in joined]
    case.say(incident.incident_id, ev.IncidentMerged(into=into.incident_id, reason=reason, tasks=moved))


def _make_as_urgent(case: Case, into: Incident, priority: int, joined: dict[str, Task]) -> None:
    """What goes in is more urgent: whoever works there hears of it, and is due by the shorter limits.

    Not by those that a task joined to theirs has met already.
    """
    if not raise_priority(case, into, priority, "merged"):
        return
    matter = Matter.of(into)
    matter.priority = priority
    shorten(case, into, matter, but={(name, clock) for name, t in joined.items() for clock in met_by(t)})
    alert(case, into, "priority", but=joined)


def relate(case: Case) -> None:
    """Relate: two incidents, possibly of two regions, have to do with each other; over there a relay says it."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    to = case.data.to
    if to == incident.incident_id:
        raise Refused("illegal_step", "name another incident; this is the one itself")
    if to in incident.related:
        raise Refused("illegal_step", "these are related already")
    other = case.known(to) if to[:6] == case.command.region else None
    exercise = other.exercise if other is not None else case.data.to_exercise
    if exercise not in (None, incident.exercise):
        raise Refused("illegal_step", "an exercise and a live alarm are never related")
    case.say(incident.incident_id, ev.IncidentsRelated(to=to, decided_by="person", reason=case.data.reason))
    if other is not None and incident.incident_id not in other.related:
        case.say(to, ev.IncidentsRelated(to=incident.incident_id, decided_by="person", reason=case.data.reason))
