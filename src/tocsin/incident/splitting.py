"""Calls taken out of an incident: into one of their own, or a merge undone. Nobody who is at work is called off."""

from tocsin.incident import events as ev
from tocsin.incident.callbacks import quiet, taken_out, waits
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, go_on, live, next_clock_id, start
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.moving import came_with, move, owed
from tocsin.incident.permissions import open_file
from tocsin.incident.routing import fair_plan, open_incident, route
from tocsin.incident.state import Call, Incident, Task
from tocsin.incident.unsettled import give_back
from tocsin.incident.values import Role


def unlink_call(case: Case) -> None:
    """UnlinkCall: the call gets a new incident, with the plan its words ask for. A merge is undone by `split`."""
    incident = open_file(case)
    call = case.region.calls.get(case.data.call_id)
    if case.data.call_id not in incident.links or call is None:
        raise Refused("not_linked", f"{case.data.call_id} is not linked to {incident.incident_id}")
    if len(incident.links) == 1:
        raise Refused("illegal_step", "it is the incident's only call")
    new_id = case.next_id()
    case.say(incident.incident_id, ev.CallUnlinked(call_id=case.data.call_id, to=new_id, reason=case.data.reason))
    _open_for(case, incident, call, new_id, "unlinked")
    taken_out(case, incident, [case.data.call_id])


def _open_for(case: Case, incident: Incident, call: Call, new_id: str, cause: str) -> Matter:
    u, r = call.understanding, call.record
    return open_incident(
        case, r.call_id, u, kind=u.kind, line=r.line, place=r.place, lane=incident.lane, exercise=incident.exercise,
        flags=r.flags, cause=cause, incident_id=new_id, called_back=quiet(u) and not waits(call),
    )  # fmt: skip


def split(case: Case) -> None:
    """Split: these calls out into one new incident; the first of the most urgent says its kind.

    Just the calls of an incident that went into this one: the merge is undone, that incident is open again.
    """
    incident = open_file(case)
    names = list(dict.fromkeys(case.data.call_ids))
    missing = [n for n in names if n not in incident.links or n not in case.region.calls]
    if missing and missing[0] not in case.region.calls:
        raise Refused("cross_region", f"no call {missing[0]} in this region; incidents of two regions are related")
    if missing:
        raise Refused("not_linked", f"{missing[0]} is not linked to {incident.incident_id}")
    former = _former(case, incident, names)
    if former is not None:
        _restore(case, incident, former)
        return
    if not names or len(names) == len(incident.links):
        raise Refused("illegal_step", "name some of the incident's calls, not none and not all")
    new_id = case.next_id()
    case.say(incident.incident_id, ev.IncidentSplit(call_ids=names, to=new_id, reason=case.data.reason))
    first = min(names, key=lambda n: (case.region.calls[n].understanding.priority, names.index(n)))
    lead = case.region.calls[first]
    matter = _open_for(case, incident, lead, new_id, "split")
    for name in names:
        if name != first:
            case.say(new_id, ev.CallLinked(call_id=name, decided_by="person", reason=case.data.reason))
    if not waits(lead) and any(waits(case.region.calls[n]) for n in names):
        start(case, matter, "callback")
    taken_out(case, incident, names)


def _former(case: Case, incident: Incident, names: list[str]) -> Incident | None:
    """The incident that went into this one and whose calls, all of them, these are; None where they are no merge's.

    Two matters of one call (related by that) share their call: it came by no merge and stays here.
    """
    came_from = {incident.links[n].former for n in names}
    merged = [came_from.pop()] if len(came_from) == 1 else []
    for former_id in merged if merged != [""] else incident.related:
        former = case.region.incidents.get(former_id)
        if former is None or former.state != "merged" or former.merged_into != incident.incident_id:
            continue
        whole = {n for n, link in incident.links.items() if link.former == former_id}
        if set(names) == (whole or _shared(incident, former)) and len(whole) < len(incident.links):
            return former
    return None


def _shared(incident: Incident, former: Incident) -> set[str]:
    """The calls that both had before they were merged."""
    if former.incident_id not in incident.related:
        return set()
    return {n for n in former.links if n in incident.links and incident.links[n].former != former.incident_id}


def _restore(case: Case, incident: Incident, former: Incident) -> None:
    """Undoes a merge: calls and moved tasks go back as they stand now, and what is owed and waits for a person.

    A call that has left this incident since is no longer that one's either.
    """
    reason = case.data.reason
    back = [t for t in incident.tasks.values() if t.merged_from.split()[-1:] == [former.incident_id]]
    names = [n for n, link in incident.links.items() if link.former == former.incident_id]
    shared = _shared(incident, former)
    gone = ev.IncidentSplit(call_ids=names, to=former.incident_id, reason=reason, tasks=[t.task_id for t in back])
    case.say(incident.incident_id, gone)
    give_back(case, incident, former)
    case.say(former.incident_id, ev.IncidentReopened(cause="split", reason=reason))
    for name in [*names, *(n for n in former.links if n in shared)]:
        call, first = case.region.calls[name], former.links.get(name)
        linked = ev.CallLinked(
            call_id=name, decided_by="person", reason=reason, former=first.former if first is not None else ""
        )
        case.say(former.incident_id, linked, call.recorded_at)
    for name in former.links:
        if name not in names and name not in shared:
            known = case.region.calls.get(name)
            to = known.incident_ids[0] if known is not None and known.incident_ids else ""
            case.say(former.incident_id, ev.CallUnlinked(call_id=name, to=to, reason=reason))
    lead = _lead(back)
    for t in back:
        role: Role = "lead" if t is lead else "joint"
        move(case, incident, former, t, role=role, merged_from=" ".join(t.merged_from.split()[:-1]))
    owed(case, incident, former, of=came_with(case, former))
    if former.review and not live(former, "review"):
        _wait_again(case, former)
    _call_anew(case, former, back, led=lead is not None)


def _wait_again(case: Case, former: Incident) -> None:
    """What waits for a person has a limit again; one it had missed before the merge it goes on having missed."""
    c = next((c for c in reversed(former.clocks.values()) if c.clock == "review"), None)
    if c is None or c.state != "stopped" or c.card not in ("yellow", "red"):
        start(case, Matter.of(former), "review")
        return
    name = (next_clock_id(Matter.of(former), former.incident_id, "review"), "", c.agency, c.agency_class)
    go_on(case, former, c, name, "split", missed=True)


def _lead(back: list[Task]) -> Task | None:
    """Who leads again of those that go back: who led before the merge, else who leads now; one at most."""
    open_ = [t for t in back if t.state not in ENDED]
    before = [t for t in open_ if t.former_role == "lead" and " " not in t.merged_from]
    return next(iter([*before, *(t for t in open_ if t.role == "lead")]), None)


def _call_anew(case: Case, former: Incident, back: list[Task], *, led: bool) -> None:
    """Whose work stays with the survivor (joined there, or handed on there since) is called to the former anew.

    By the former's plan, or beside it; nobody whose work on it has ended otherwise.
    """
    held = {t.held_by for t in back if t.state not in ENDED}
    had = {t.agency for t in (*former.tasks.values(), *back)}
    followed = {t.former_task for t in back}
    stays = {t.held_by: t.role for t in former.tasks.values() if t.state == "transferred" and t.held_by == t.agency}
    for t in back:
        if t.state in ("transferred", "returned") and t.task_id not in followed:
            stays.setdefault(t.held_by, "joint")
    matter = Matter.of(former)
    for planned in fair_plan(case, matter, former, former.raises).agencies:
        agency = planned.agency
        if agency not in held and (agency in stays or agency not in had):
            route(case, matter, agency, "joint" if led else planned.role, "split", needs=planned.capabilities)
            held.add(agency)
            led = led or planned.role == "lead"
    for agency in stays:
        if agency not in held:
            route(case, matter, agency, "joint", "split")
