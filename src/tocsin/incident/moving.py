"""Running work that changes its incident with a merge or a split: tasks as they stand, their limits, what is owed."""

from collections.abc import Collection

from tocsin.incident import events as ev
from tocsin.incident.callbacks import CALL_BACK
from tocsin.incident.case import Case
from tocsin.incident.clocks import LIVE, go_on, stop
from tocsin.incident.fold_tasks import RANK
from tocsin.incident.state import Clock, Incident, Task
from tocsin.incident.tasks import advance, reach, send
from tocsin.incident.values import ClockName, Role


def move(case: Case, incident: Incident, into: Incident, t: Task, *, role: Role, merged_from: str) -> None:
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
            _go_on(case, into, c, c.clock_id)


def _go_on(case: Case, into: Incident, c: Clock, clock_id: str) -> None:
    """A limit in another incident: from when it first ran, later by what it has stood, missed where it was missed."""
    name = (clock_id, c.task_id, c.agency, c.agency_class)
    go_on(case, into, c, name, "merged", missed=c.state == "missed")


def owed(case: Case, incident: Incident, into: Incident, *, of: Collection[str] = ()) -> None:
    """The call-backs that are still owed here are owed there, within the same time: all, or those `of` some incidents.

    Each goes on under the next number of its own name: the former one ends here.
    """
    for c in incident.clocks.values():
        owner, name, number = c.clock_id.rsplit(":", 2)
        if name == CALL_BACK and c.state in LIVE and (not of or owner in of):
            case.say(
                incident.incident_id,
                ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, agency=c.agency, cause="merged"),
            )
            _go_on(case, into, c, f"{owner}:{name}:{int(number) + 1}")


def join(case: Case, incident: Incident, into: Incident, t: Task, same: Task) -> None:
    """One agency, two tasks for what proves one matter: the survivor's goes on, as far as either had come."""
    case.say(
        incident.incident_id,
        ev.TaskTransferred(task_id=t.task_id, agency=t.held_by, to=same.held_by, new_task=same.task_id),
    )
    stop(case, incident, task_id=t.task_id, cause="merged")
    case.say(into.incident_id, ev.TaskAlerted(task_id=same.task_id, agency=same.held_by, cause="merged"))
    advance(case, into, same, "accepted" if RANK[t.state] >= RANK["accepted"] else t.state)
    units = [u for u in t.units if u not in same.units]
    there = t.state == "on_scene" and RANK[same.state] < RANK["on_scene"]
    if RANK[t.state] >= RANK["dispatched"] and (units or RANK[same.state] < RANK["dispatched"]):
        send(case, into, same, units, met=not there)
    if there:
        reach(case, into, same, t.units[0] if t.units else "")


def met_by(t: Task) -> list[ClockName]:
    """The limits that a task's steps have met: joined to another, they are met there too."""
    met: list[ClockName] = ["acknowledge"] if RANK[t.state] >= RANK["acknowledged"] else []
    return [*met, "arrive"] if t.state == "on_scene" else met


def came_with(case: Case, former: Incident) -> set[str]:
    """An incident and all that had gone into it before, one through the other."""
    found, left = set(), [former.incident_id]
    while left:
        incident = case.region.incidents.get(left.pop())
        if incident is not None and incident.incident_id not in found:
            found.add(incident.incident_id)
            left += [link.former for link in incident.links.values() if link.former]
    return found
