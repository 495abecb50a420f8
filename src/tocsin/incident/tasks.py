"""The task chain: routed → acknowledged → accepted → (dispatched → on_scene) → completed. Forward only."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, meet, start, stop
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.permissions import as_desk, as_taker, on_task, task_of
from tocsin.incident.state import Incident, Task
from tocsin.incident.transfers import take


def _behind(task: Task, state: str) -> None:
    """Refuses a step that has been taken or can no longer be."""
    if task.state in ENDED or RANK[task.state] >= RANK[state]:
        raise Refused("illegal_step", f"the task is {task.state}")


def advance(case: Case, incident: Incident, task: Task, upto: str) -> None:
    """States the steps that a later one implies: accepting acknowledges, being on the way accepts."""
    rank, goal = RANK[task.state], RANK[upto]
    if rank < RANK["acknowledged"] <= goal:
        case.say(incident.incident_id, ev.TaskAcknowledged(task_id=task.task_id, agency=task.held_by))
        meet(case, incident, "acknowledge", task_id=task.task_id)
    if rank < RANK["accepted"] <= goal:
        case.say(incident.incident_id, ev.TaskAccepted(task_id=task.task_id, agency=task.held_by))


def acknowledge(case: Case) -> None:
    """The agency has seen its task (签收)."""
    incident, task = task_of(case)
    _behind(task, "acknowledged")
    advance(case, incident, task, "acknowledged")


def accept(case: Case) -> None:
    """The agency takes its task, or one that is offered to it."""
    incident, task = case.task(case.command.target)
    if task.offered_to and as_taker(case, task):
        _behind(task, "completed")  # the giver may have done it meanwhile: its offer lapsed with the work
        take(case, incident, task)
        return
    on_task(case, task)
    _behind(task, "accepted")
    advance(case, incident, task, "accepted")


def dispatch_unit(case: Case) -> None:
    """Units are on their way; more units may follow later without the state going back."""
    incident, task = task_of(case)
    fresh = [u for u in dict.fromkeys(case.data.unit_ids) if u not in task.units]
    if task.state in ENDED or (RANK[task.state] >= RANK["dispatched"] and not fresh):
        raise Refused("illegal_step", f"the task is {task.state}; only further units can be sent")
    advance(case, incident, task, "accepted")
    send(case, incident, task, fresh)


def send(case: Case, incident: Incident, task: Task, unit_ids: list[str], *, met: bool = True) -> None:
    """States that units left; `met` False where the same decision states their arrival, which meets that limit too."""
    case.say(incident.incident_id, ev.UnitsDispatched(task_id=task.task_id, agency=task.held_by, unit_ids=unit_ids))
    if met:
        meet(case, incident, "dispatch", task_id=task.task_id)


def arrive(case: Case) -> None:
    """The first unit is there; from now on a report is due."""
    incident, task = task_of(case)
    _behind(task, "on_scene")
    advance(case, incident, task, "accepted")
    reach(case, incident, task, case.data.unit_id)


def reach(case: Case, incident: Incident, task: Task, unit_id: str, *, suitable: bool = True) -> None:
    """States the arrival, which also says that units had left. The arrival limit waits for a suitable unit."""
    case.say(incident.incident_id, ev.TaskArrived(task_id=task.task_id, agency=task.held_by, unit_id=unit_id))
    met = ("dispatch", "arrive") if suitable else ("dispatch",)
    meet(case, incident, *met, task_id=task.task_id)
    start(
        case, Matter.of(incident), "feedback", task_id=task.task_id, agency=task.held_by, agency_class=task.agency_class
    )


def feedback(case: Case) -> None:
    """A report (反馈单): it shows that the task was seen."""
    incident, task = task_of(case)
    if task.state in ENDED:
        raise Refused("illegal_step", f"the task is {task.state}")
    advance(case, incident, task, "acknowledged")
    case.say(
        incident.incident_id,
        ev.TaskFeedback(task_id=task.task_id, agency=task.held_by, stage=case.data.stage, text=case.data.text),
    )
    meet(case, incident, "feedback", task_id=task.task_id)


def complete(case: Case) -> None:
    """Done, with a result: nothing completes without one."""
    incident, task = task_of(case)
    _behind(task, "completed")
    if not case.data.result:
        raise Refused("result_required", "say what came of it")
    advance(case, incident, task, "accepted")
    finish(case, incident, task, disposition=case.data.disposition, result=case.data.result)


def finish(
    case: Case, incident: Incident, task: Task, *, disposition: str, result: str = "", outcome: str = ""
) -> None:
    """States the end of a task; what it still owed is met (late where it is late), what no longer applies stops."""
    case.say(
        incident.incident_id,
        ev.TaskCompleted(
            task_id=task.task_id, agency=task.held_by, disposition=disposition, result=result, outcome=outcome
        ),
    )
    _return_outcome(case, incident, task, disposition=disposition, result=result)
    meet(case, incident, "complete", "feedback", task_id=task.task_id)
    for c in incident.clocks.values():
        if (
            c.task_id == task.task_id
            and c.clock in ("arrive", "dispatch")
            and c.state in ("running", "paused", "missed")
        ):
            case.say(
                incident.incident_id,
                ev.ClockStopped(
                    clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, cause="completed"
                ),
            )


def _return_outcome(case: Case, incident: Incident, task: Task, *, disposition: str, result: str) -> None:
    """To the first receiver, where none of the work is its own. What a patient's task found stays with 120."""
    first = incident.first_receiver
    row = case.policy.agencies.get(first)
    if row is None or any(t.held_by == first and t.state in RANK for t in incident.tasks.values()):
        return
    case.say(
        incident.incident_id,
        ev.OutcomeReturned(
            to=first, to_class=row.agency_class, task_id=task.task_id, agency=task.held_by, disposition=disposition,
            result="" if task.agency_class == "medical" else result,
        ),
    )  # fmt: skip


def cancel(case: Case) -> None:
    """Calls a task off, with a reason; not one that has ended."""
    incident, task = case.task(case.command.target)
    as_desk(case, incident, task)
    reason = case.reason()
    if task.state in ENDED:
        raise Refused("too_late", f"the task is {task.state}")
    case.say(
        incident.incident_id, ev.TaskCancelled(task_id=task.task_id, agency=task.held_by, reason=reason, cause="person")
    )
    stop(case, incident, task_id=task.task_id, cause="cancelled")
