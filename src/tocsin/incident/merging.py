"""Calls and incidents put together and taken apart by people; running work moves with them, nothing is cancelled."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.changing import looked
from tocsin.incident.clocks import LIVE, Matter, stop
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.permissions import on_incident
from tocsin.incident.routing import fair_plan, open_incident, open_tasks, raise_priority, route
from tocsin.incident.state import Call, Incident, Task
from tocsin.incident.tasks import advance, reach, send
from tocsin.incident.values import Role


def _mine(case: Case) -> Incident:
    incident = case.known(case.command.target)
    on_incident(case, incident)
    return case.open(incident)


def link_call(case: Case) -> None:
    """LinkCall: the call belongs here. An incident of its own that it leaves empty goes into this one with its work."""
    incident = _mine(case)
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
            former=former.incident_id if alone else "",
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


def unlink_call(case: Case) -> None:
    """UnlinkCall: the call gets a new incident, with the plan its words ask for. A merge is undone by `split`."""
    incident = _mine(case)
    call = case.region.calls.get(case.data.call_id)
    if case.data.call_id not in incident.links or call is None:
        raise Refused("not_linked", f"{case.data.call_id} is not linked to {incident.incident_id}")
    if len(incident.links) == 1:
        raise Refused("illegal_step", "it is the incident's only call")
    new_id = case.next_id()
    case.say(incident.incident_id, ev.CallUnlinked(call_id=case.data.call_id, to=new_id, reason=case.data.reason))
    _open_for(case, incident, call, new_id, "unlinked")


def dismiss_suggestion(case: Case) -> None:
    """DismissSuggestion: the suggested call does not belong here; it is not suggested again."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    if case.data.call_id not in incident.suggestions:
        raise Refused("illegal_step", "this call is not suggested here")
    case.say(incident.incident_id, ev.LinkDismissed(call_id=case.data.call_id))


def _open_for(case: Case, incident: Incident, call: Call, new_id: str, cause: str) -> None:
    u, r = call.understanding, call.record
    open_incident(
        case, r.call_id, u, kind=u.kind, line=r.line, place=r.place, lane=incident.lane, exercise=incident.exercise,
        flags=r.flags, cause=cause, incident_id=new_id,
    )  # fmt: skip


def split(case: Case) -> None:
    """Split: these calls out into one new incident; the first of the most urgent says its kind.

    Just the calls of an incident that went into this one: the merge is undone, that incident is open again.
    """
    incident = _mine(case)
    names = list(dict.fromkeys(case.data.call_ids))
    missing = [n for n in names if n not in incident.links or n not in case.region.calls]
    if missing and missing[0] not in case.region.calls:
        raise Refused("cross_region", f"no call {missing[0]} in this region; incidents of two regions are related")
    if missing:
        raise Refused("not_linked", f"{missing[0]} is not linked to {incident.incident_id}")
    if not names or len(names) == len(incident.links):
        raise Refused("illegal_step", "name some of the incident's calls, not none and not all")
    former = _former(case, incident, names)
    if former is not None:
        _restore(case, incident, former, names)
        return
    new_id = case.next_id()
    case.say(incident.incident_id, ev.IncidentSplit(call_ids=names, to=new_id, reason=case.data.reason))
    first = min(names, key=lambda n: (case.region.calls[n].understanding.priority, names.index(n)))
    _open_for(case, incident, case.region.calls[first], new_id, "split")
    for name in names:
        if name != first:
            case.say(new_id, ev.CallLinked(call_id=name, decided_by="person", reason=case.data.reason))


def _former(case: Case, incident: Incident, names: list[str]) -> Incident | None:
    """The merged incident whose calls, all of them, these are; None where they are no merge's."""
    came_from = {incident.links[n].former for n in names}
    former = case.region.incidents.get(came_from.pop()) if len(came_from) == 1 else None
    if former is None or former.state != "merged" or former.merged_into != incident.incident_id:
        return None
    whole = {n for n, link in incident.links.items() if link.former == former.incident_id}
    return former if whole == set(names) else None


def _restore(case: Case, incident: Incident, former: Incident, names: list[str]) -> None:
    """Undoes a merge: calls and moved tasks go back as they stand now.

    Agencies whose tasks were joined to the survivor's work on there; the former incident's plan calls them anew.
    """
    reason = case.data.reason
    back = [t for t in incident.tasks.values() if t.merged_from.split()[-1:] == [former.incident_id]]
    moved = [t.task_id for t in back]
    gone = ev.IncidentSplit(call_ids=names, to=former.incident_id, reason=reason, tasks=moved)
    case.say(incident.incident_id, gone)
    case.say(former.incident_id, ev.IncidentReopened(cause="split", reason=reason))
    for name in names:
        call = case.region.calls[name]
        first = former.links.get(name)
        case.say(
            former.incident_id,
            ev.CallLinked(
                call_id=name, decided_by="person", reason=reason, former=first.former if first is not None else ""
            ),
            call.recorded_at,
        )
    for t in back:
        stack = " ".join(t.merged_from.split()[:-1])
        role: Role = t.role if stack or t.former_role != "lead" else "lead"
        _move(case, incident, former, t, role=role, merged_from=stack)
    held = {t.held_by for t in back if t.state not in ENDED}
    matter = Matter.of(former)
    plan = fair_plan(case, matter, former, former.raises)
    for planned in plan.agencies:
        if planned.agency not in held:
            route(case, matter, planned.agency, planned.role, "split", needs=planned.capabilities)


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
                    call_id=call_id, decided_by="person", reason=case.data.reason, former=incident.incident_id
                ),
            )
    _go_into(case, incident, into, case.data.reason)
    looked(case, into, "merge")


def _go_into(case: Case, incident: Incident, into: Incident, reason: str) -> None:
    """Moves what runs.

    A task of an agency that works there already is joined to its task there; every other, and each medical one (two
    patients never share a mission), goes over as it stands, under its own id.
    """
    raise_priority(case, into, incident.priority, "merged")
    hazards = [h for h in incident.hazards if h not in into.hazards]
    if incident.victims is not None or hazards:
        case.say(into.incident_id, ev.VictimsReported(victims=incident.victims, hazards=hazards))
    there = {t.held_by: t for t in open_tasks(into) if t.agency_class != "medical"}
    moved: list[str] = []
    for task in incident.tasks.values():
        if task.state in ENDED:
            continue
        same = there.get(task.held_by) if task.agency_class != "medical" else None
        if same is None:
            moved.append(task.task_id)
            stack = f"{task.merged_from} {incident.incident_id}".strip()
            _move(case, incident, into, task, role="joint", merged_from=stack)
        else:
            _join(case, incident, into, task, same)
    for c in incident.clocks.values():
        if not c.task_id and c.state in ("running", "paused"):
            case.say(
                incident.incident_id,
                ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, agency=c.agency, cause="merged"),
            )
    case.say(incident.incident_id, ev.IncidentMerged(into=into.incident_id, reason=reason, tasks=moved))


def _move(case: Case, incident: Incident, into: Incident, t: Task, *, role: Role, merged_from: str) -> None:
    """States a task in another incident as it stands here. `merged_from`: where it came from, the last merge last."""
    case.say(
        into.incident_id,
        ev.TaskJoined(
            task_id=t.task_id, agency=t.agency, agency_class=t.agency_class, role=role, state=t.state,
            units=list(t.units),
            held_by=t.held_by, offered_to=t.offered_to, transfers=t.transfers, return_code=t.return_code,
            returns=t.returns,
            round=t.round, duty=t.duty, cause=t.cause, routed_at=t.routed_at, former_task=t.former_task,
            missions=dict(t.missions), merged_from=merged_from, former_role=t.former_role or t.role,
            capabilities=list(t.capabilities),
        ),
    )  # fmt: skip
    for c in incident.clocks.values():
        if c.task_id == t.task_id and c.state in LIVE:
            case.say(
                into.incident_id,
                ev.ClockStarted(
                    clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, agency_class=c.agency_class,
                    started_at=c.started_at, due_at=c.due_at, warn_at=c.warn_at, red_at=c.red_at, source="merged",
                ),
            )  # fmt: skip
            if c.state == "paused":
                case.say(
                    into.incident_id,
                    ev.ClockPaused(
                        clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, cause="merged"
                    ),
                )
            if c.state == "missed":
                case.say(
                    into.incident_id,
                    ev.ClockMissed(
                        clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency,
                        agency_class=c.agency_class, due_at=c.due_at,
                    ),
                )  # fmt: skip


def _join(case: Case, incident: Incident, into: Incident, t: Task, same: Task) -> None:
    """One agency, two tasks for what proves one matter: the survivor's goes on, as far as either had come."""
    case.say(
        incident.incident_id,
        ev.TaskTransferred(task_id=t.task_id, agency=t.held_by, to=same.held_by, new_task=same.task_id),
    )
    stop(case, incident, task_id=t.task_id, cause="merged")
    case.say(into.incident_id, ev.TaskAlerted(task_id=same.task_id, agency=same.held_by, cause="merged"))
    advance(case, into, same, "accepted" if RANK[t.state] >= RANK["accepted"] else t.state)
    units = [u for u in t.units if u not in same.units]
    if RANK[t.state] >= RANK["dispatched"] and (units or RANK[same.state] < RANK["dispatched"]):
        send(case, into, same, units)
    if t.state == "on_scene" and RANK[same.state] < RANK["on_scene"]:
        reach(case, into, same, t.units[0] if t.units else "")


def relate(case: Case) -> None:
    """Relate: two incidents, possibly of two regions, have to do with each other."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    to = case.data.to
    if to == incident.incident_id:
        raise Refused("illegal_step", "name another incident; this is the one itself")
    if to in incident.related:
        raise Refused("illegal_step", "these are related already")
    other = case.known(to) if to[:6] == case.command.region else None
    if other is not None and other.exercise != incident.exercise:
        raise Refused("illegal_step", "an exercise and a live alarm are never related")
    case.say(incident.incident_id, ev.IncidentsRelated(to=to, decided_by="person", reason=case.data.reason))
    if other is not None and incident.incident_id not in other.related:
        case.say(to, ev.IncidentsRelated(to=incident.incident_id, decided_by="person", reason=case.data.reason))
