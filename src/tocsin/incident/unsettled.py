"""A three-way that nobody settled when its incident ends, goes into another or comes back: it goes on, or is told."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case
from tocsin.incident.routing import open_tasks
from tocsin.incident.state import Incident


def carry(case: Case, incident: Incident, into: Incident, reason: str, *, joined: set[str]) -> None:
    """The incident goes into another: so does its question, and both are told; two of the same two are one.

    Where the other has a question of its own between others, or nobody works on this one any more, it is the first
    receiver's: still unclear, who received it acts. `joined`: tasks there that the two's own went into.
    """
    if not incident.three_way:
        return
    pair = set(incident.three_way)
    work = [t for t in open_tasks(incident) if t.held_by in pair]
    if not work or (into.three_way and set(into.three_way) != pair):
        end(case, incident, "merged", reason)
    else:
        case.say(incident.incident_id, ev.ThreeWayMoved(to=into.incident_id, cause="merged", reason=reason))
        first, other = into.three_way or incident.three_way
        opened = ev.ThreeWayOpened(first=first, other=other, cause="merged", reason=reason, former=incident.incident_id)
        case.say(into.incident_id, opened)
    there = [t for t in open_tasks(into) if t.held_by in pair]
    moved = [t for t in work if t.held_by not in {x.held_by for x in there if x.task_id in joined}]
    for task in (*there, *moved) if work else ():
        case.say(into.incident_id, ev.TaskAlerted(task_id=task.task_id, agency=task.held_by, cause="three_way"))


def give_back(case: Case, incident: Incident, former: Incident) -> None:
    """The merge is undone: a question that came with it and has no answer yet goes back with it."""
    if not incident.three_way or former.incident_id not in incident.three_way_of or not former.three_way_moved:
        return
    stays = len(incident.three_way_of) > 1
    moved = ev.ThreeWayMoved(to=former.incident_id, cause="split", reason=case.data.reason, stays=stays)
    case.say(incident.incident_id, moved)
    first, other = former.three_way_moved
    case.say(former.incident_id, ev.ThreeWayOpened(first=first, other=other, cause="split", reason=case.data.reason))


def end(case: Case, incident: Incident, cause: str, reason: str = "") -> None:
    """Nobody will settle it any more: it was whose who did it, the first receiver before the other."""
    if not incident.three_way:
        return
    first = incident.three_way[0]
    done = {t.held_by for t in incident.tasks.values() if t.state == "completed"}
    whose = next((a for a in incident.three_way if a in done), first)
    case.say(incident.incident_id, ev.ThreeWaySettled(agency=whose, reason=reason, cause=cause))
