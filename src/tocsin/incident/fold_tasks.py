"""What each event makes of a task and of a clock. A step that is already behind a task leaves its state as it is."""

from collections.abc import Callable
from typing import Any

from tocsin.envelope import Event
from tocsin.incident import events as ev
from tocsin.incident.state import Clock, Incident, Task

RANK = {"routed": 0, "acknowledged": 1, "accepted": 2, "dispatched": 3, "on_scene": 4, "completed": 5}
"""How far a task has come; states that are not here have ended otherwise."""
ENDED = frozenset({"completed", "returned", "transferred", "cancelled"})


def _routed(i: Incident, d: ev.TaskRouted, e: Event[Any]) -> None:
    former = i.tasks.get(d.former_task)
    i.task_count += 1
    i.tasks[d.task_id] = Task(
        d.task_id, d.agency, d.agency_class, d.role, held_by=d.agency, duty=d.duty, cause=d.cause, round=d.round,
        routed_at=e.recorded_at, former_task=d.former_task, transfers=former.transfers if former else 0,
        returns=former.returns if former else 0, capabilities=tuple(d.capabilities),
    )  # fmt: skip


def _joined(i: Incident, d: ev.TaskJoined, _e: Event[Any]) -> None:
    i.tasks[d.task_id] = Task(
        d.task_id, d.agency, d.agency_class, d.role, d.state, list(d.units), d.held_by, d.offered_to, d.transfers,
        d.return_code, d.returns, d.round, d.duty, d.cause, d.routed_at, d.former_task, dict(d.missions), d.merged_from,
        d.former_role, tuple(d.capabilities),
    )  # fmt: skip


def _step(state: str) -> Callable[[Incident, Any, Event[Any]], None]:
    rank = RANK[state]

    def step(i: Incident, d: Any, _e: Event[Any]) -> None:
        task = i.tasks.get(d.task_id)
        if task is not None and RANK.get(task.state, rank) < rank:
            task.state = state  # type: ignore[assignment]  # RANK's keys are task states

    return step


_on_the_way, _there = _step("dispatched"), _step("on_scene")


def _dispatched(i: Incident, d: ev.UnitsDispatched, e: Event[Any]) -> None:
    _on_the_way(i, d, e)
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.units.extend(u for u in d.unit_ids if u not in task.units)


def _arrived(i: Incident, d: ev.TaskArrived, e: Event[Any]) -> None:
    _there(i, d, e)
    task = i.tasks.get(d.task_id)
    if task is not None and d.unit_id and d.unit_id not in task.units:
        task.units.append(d.unit_id)


def _feedback(i: Incident, d: ev.TaskFeedback, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None and d.mission_id:
        task.missions[d.mission_id] = d.stage


def _return_requested(i: Incident, d: ev.ReturnRequested, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.return_code = d.code
        task.returns += 1


def _return_refused(i: Incident, d: ev.ReturnRefused, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.return_code = ""


def _returned(i: Incident, d: ev.TaskReturned, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.state, task.held_by, task.return_code = "returned", d.to or task.held_by, ""


def _offered(i: Incident, d: ev.TransferOffered, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.offered_to, task.transfers = d.to, d.count


def _declined(i: Incident, d: ev.TransferDeclined, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.offered_to = ""


def _transferred(i: Incident, d: ev.TaskTransferred, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.state, task.held_by, task.offered_to = "transferred", d.to, ""


def _cancelled(i: Incident, d: ev.TaskCancelled, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.state, task.offered_to, task.return_code = "cancelled", "", ""


def _role(i: Incident, d: ev.RoleChanged, _e: Event[Any]) -> None:
    task = i.tasks.get(d.task_id)
    if task is not None:
        task.role = d.role


def _alerted(i: Incident, d: ev.TaskAlerted, e: Event[Any]) -> None:
    """An alert is for its hearer; the task stays as it is."""


TASK_HANDLERS: dict[type[Any], Callable[[Incident, Any, Event[Any]], None]] = {
    ev.TaskRouted: _routed, ev.TaskJoined: _joined, ev.TaskAlerted: _alerted,
    ev.TaskAcknowledged: _step("acknowledged"), ev.TaskAccepted: _step("accepted"), ev.UnitsDispatched: _dispatched,
    ev.TaskArrived: _arrived, ev.TaskFeedback: _feedback, ev.TaskCompleted: _step("completed"),
    ev.ReturnRequested: _return_requested, ev.TaskReturned: _returned, ev.ReturnRefused: _return_refused,
    ev.TransferOffered: _offered, ev.TaskTransferred: _transferred, ev.TransferDeclined: _declined,
    ev.TaskCancelled: _cancelled, ev.RoleChanged: _role,
}  # fmt: skip


def _started(i: Incident, d: ev.ClockStarted, _e: Event[Any]) -> None:
    i.clocks[d.clock_id] = Clock(
        d.clock_id, d.clock, d.task_id, d.agency, d.agency_class, d.started_at, d.due_at, d.warn_at, d.red_at
    )


def _met(i: Incident, d: ev.ClockMet, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.state, clock.paused_at = "met", None


def _warned(i: Incident, d: ev.ClockWarned, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None and clock.card == "none":
        clock.card = "warning"


def _missed(i: Incident, d: ev.ClockMissed, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.state, clock.card = "missed", d.card


def _red(i: Incident, d: ev.CardRaised, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.card = d.card


def _stopped(i: Incident, d: ev.ClockStopped, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.state, clock.paused_at = "stopped", None


def _paused(i: Incident, d: ev.ClockPaused, e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.state, clock.paused_at = "paused", e.recorded_at


def _resumed(i: Incident, d: ev.ClockResumed, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.state, clock.paused_at = "running", None
        clock.due_at, clock.warn_at, clock.red_at = d.due_at, d.warn_at, d.red_at


def _extended(i: Incident, d: ev.DeadlineExtended, _e: Event[Any]) -> None:
    clock = i.clocks.get(d.clock_id)
    if clock is not None:
        clock.due_at, clock.warn_at, clock.red_at = d.due_at, d.warn_at, d.red_at
        if clock.card == "warning":
            clock.card = "none"


CLOCK_HANDLERS: dict[type[Any], Callable[[Incident, Any, Event[Any]], None]] = {
    ev.ClockStarted: _started, ev.ClockMet: _met, ev.ClockWarned: _warned, ev.ClockMissed: _missed, ev.CardRaised: _red,
    ev.ClockStopped: _stopped, ev.ClockPaused: _paused, ev.ClockResumed: _resumed, ev.DeadlineExtended: _extended,
}  # fmt: skip
