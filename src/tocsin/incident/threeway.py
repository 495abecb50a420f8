"""110 and 12345: unclear whose it is, both join and the first receiver acts; what came of it flows back to it.

Rules: the notice on working 110 and 12345 hand in hand (国办发〔2022〕12号). Clearly the other's: a transfer. Unclear
or overlapping: three-way (三方), then agreement. Still unclear: the first receiver acts.
"""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, stop
from tocsin.incident.complained import away_of, looks_into
from tocsin.incident.fold_tasks import RANK
from tocsin.incident.permissions import DESK_CLASSES, WHOLE, on_incident
from tocsin.incident.routing import agency, open_tasks, route
from tocsin.incident.state import Incident, Task
from tocsin.incident.tasks import advance
from tocsin.incident.values import Role, Understanding
from tocsin.policy.model import Policy

HOTLINE, POLICE = "12345", "110"
KINDS_LOOKED = 2
"""Of what a call may be, so many of the likeliest are asked which side they are of."""


def counterpart(policy: Policy, line: str) -> str:
    """Who answers on the other side: 110's first receiver for 12345, the hotline's for every other line."""
    return policy.first_receivers.get(POLICE if line == HOTLINE else HOTLINE, policy.command_agency)


def unclear(policy: Policy, line: str, u: Understanding) -> bool:
    """Whether the likeliest readings of a call that is not understood are of both sides, 110's and 12345's."""
    if u.kind != "unknown" or line not in (HOTLINE, POLICE):
        return False
    likely = sorted(u.alternatives.items(), key=lambda a: (-a[1], a[0]))
    sides = [s for kind, _ in likely if (s := _side(policy, kind))][:KINDS_LOOKED]
    return len(set(sides)) > 1


def _side(policy: Policy, kind: str) -> str:
    row = policy.kinds.get(kind)
    lead = next((p.agency for p in row.plan if p.role == "lead"), "") if row is not None and kind != "unknown" else ""
    held = policy.agencies.get(lead)
    if held is None:
        return ""
    return HOTLINE if held.agency_class == "department" else POLICE


def join(case: Case, matter: Matter, first: str, other: str, held: set[str], *, led: bool, reason: str = "") -> None:
    """Both get a task, where they hold none; the first receiver's leads where nobody does."""
    cause = "unclear" if matter.incident is None else "person"
    case.say(matter.incident_id, ev.ThreeWayOpened(first=first, other=other, cause=cause, reason=reason))
    if first not in held:
        route(case, matter, first, "joint" if led else "lead", "three_way")
    if other not in held:
        route(case, matter, other, "joint", "three_way")


def three_way(case: Case) -> None:
    """ThreeWay: the other side is brought in; nobody waits for anybody."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    case.open(incident)
    first = incident.first_receiver or case.policy.command_agency
    other = case.data.to or _other_side(case, incident)
    agency(case, other)
    if incident.three_way:
        raise Refused("illegal_step", "these are joined already; settle says whose it is")
    if other == first:
        raise Refused("illegal_step", f"{other} received the call itself")
    tasks = open_tasks(incident)
    led = any(t.role == "lead" for t in tasks)
    join(case, Matter.of(incident), first, other, {t.held_by for t in tasks}, led=led, reason=case.data.reason)


def _other_side(case: Case, incident: Incident) -> str:
    """The counterpart, where the calls do not complain of it; else who looks into that. A person may name either."""
    other = counterpart(case.policy, incident.line)
    away = away_of(case.policy, case.region, incident, incident.kind, incident.raises)
    return looks_into(case.policy, away) if other in away else other


def settle(case: Case) -> None:
    """Settle: the first receiver keeps it, whoever of the two says so; the other only by taking it."""
    incident = case.known(case.command.target)
    case.open(incident)
    to = case.data.agency
    if to not in incident.three_way:
        raise Refused("illegal_step", f"{to} is not one of the two" if incident.three_way else "nothing is unclear")
    first, other = incident.three_way
    speaks = _speaks(case, first, other)
    mine = {t.held_by: t for t in open_tasks(incident)}
    taken = mine.get(other)
    if to == other and speaks == {first} and (taken is None or RANK[taken.state] < RANK["accepted"]):
        raise Refused("illegal_step", f"{other} has not taken it; until then {first} acts")
    if to not in mine and not any(t.held_by == to and t.state == "completed" for t in incident.tasks.values()):
        raise Refused("illegal_step", f"{to} has no work here any more; route it to them first")
    case.say(incident.incident_id, ev.ThreeWaySettled(agency=to, reason=case.data.reason))
    keeps, leaves = mine.get(to), mine.get(first if to == other else other)
    if keeps is None:
        return
    advance(case, incident, keeps, "accepted")
    if leaves is None:
        return
    leads = leaves.role == "lead" and keeps.role != "lead"
    if RANK[leaves.state] < RANK["dispatched"] and leaves.agency_class != "medical":
        _leave(case, incident, leaves, keeps)
    elif leads:
        _role(case, incident, leaves, "joint")
    if leads:
        _role(case, incident, keeps, "lead")


def _role(case: Case, incident: Incident, task: Task, role: Role) -> None:
    case.say(
        incident.incident_id,
        ev.RoleChanged(task_id=task.task_id, agency=task.held_by, role=role, cause="settled"),
    )


def _leave(case: Case, incident: Incident, leaves: Task, keeps: Task) -> None:
    """The other's task, on which nobody went out, is joined to the keeper's; a patient's never is."""
    case.say(
        incident.incident_id,
        ev.TaskTransferred(task_id=leaves.task_id, agency=leaves.held_by, to=keeps.held_by, new_task=keeps.task_id),
    )
    stop(case, incident, task_id=leaves.task_id, cause="settled")


def _speaks(case: Case, first: str, other: str) -> set[str]:
    """For which of the two the actor speaks; refused where for neither."""
    actor = case.command.actor
    if actor.role in WHOLE or (actor.role == "dispatcher" and actor.agency == case.policy.command_agency):
        return {first, other}
    if actor.role == "dispatcher":
        found = {actor.agency} & {first, other}
    else:
        classes = DESK_CLASSES.get(actor.role, frozenset())
        found = {a for a in (first, other) if a in case.policy.agencies and _class(case, a) in classes}
    if not found:
        raise Refused("not_your_task", f"{first} and {other} settle this between them")
    return found


def _class(case: Case, agency_id: str) -> str:
    return case.policy.agencies[agency_id].agency_class
