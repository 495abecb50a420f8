"""A task's promise stands still, runs on, or gets more time: with a reason, and before it has ended only."""

from collections.abc import Collection

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import PROMISES, Matter, live, shifted, start
from tocsin.incident.clocks import pause as stand_still
from tocsin.incident.clocks import resume as run_on
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.permissions import as_desk
from tocsin.incident.state import Clock, Incident, Task
from tocsin.policy.limits import due_from

SHORTENED = ("acknowledge", "arrive", "complete")
"""Limits whose length hangs on how urgent the matter is."""


def _task(case: Case) -> tuple[Incident, Task]:
    incident, task = case.task(case.command.target)
    as_desk(case, incident, task)
    return incident, task


def _promises(case: Case) -> tuple[Incident, list[Clock]]:
    """The task's promise clocks that have not passed; refused where they have, or where the task has none."""
    incident, task = _task(case)
    if task.state in ENDED:
        raise Refused("too_late", f"the task is {task.state}")
    clocks = live(incident, *PROMISES, task_id=task.task_id)
    if not clocks:
        raise Refused("illegal_step", "no promise of this task is running")
    return incident, [c for c in clocks if c.state == "paused" or (c.state == "running" and case.now <= c.due_at)]


def shorten(case: Case, incident: Incident, matter: Matter, *, but: Collection[tuple[str, str]] = ()) -> None:
    """A matter turned out more urgent: what was promised for later is due by its limit from now on, where sooner.

    `but`: tasks' limits, by task and name, that the same decision meets.
    """
    for c in list(incident.clocks.values()):
        if c.clock not in SHORTENED or c.state != "running" or (c.task_id, c.clock) in but:
            continue
        row = matter.limit(case.policy, c.clock, c.agency_class)
        if row is None or due_from(case.policy, row, case.now).due_at >= c.due_at:
            continue
        case.say(
            incident.incident_id,
            ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, cause="raised"),
        )
        start(case, matter, c.clock, task_id=c.task_id, agency=c.agency, agency_class=c.agency_class)


def pause(case: Case) -> None:
    """Pause: every promise of the task that has not passed stands still."""
    case.reason()
    incident, clocks = _promises(case)
    if not clocks:
        raise Refused("too_late", "the promise has passed")
    running = [c for c in clocks if c.state == "running"]
    if not running:
        raise Refused("illegal_step", "the task's clocks stand still already")
    stand_still(case, incident, running, reason=case.data.reason, cause="person")


def resume(case: Case) -> None:
    """Resume: what stood still runs on, later by the time it stood."""
    incident, task = _task(case)
    paused = [c for c in live(incident, task_id=task.task_id) if c.state == "paused"]
    if not paused:
        raise Refused("illegal_step", "no clock of this task stands still")
    run_on(case, incident, paused)


def extend(case: Case) -> None:
    """ExtendDeadline: asked before expiry only, with a reason; the whole promise where there is one."""
    reason = case.reason()
    incident, clocks = _promises(case)
    if not clocks:
        raise Refused("too_late", "the promise has passed; an extension is asked for before it ends")
    clock = min(clocks, key=lambda c: PROMISES.index(c.clock))
    if (
        any(c.clock == "complete" for c in live(incident, *PROMISES, task_id=clock.task_id))
        and clock.clock != "complete"
    ):
        raise Refused("too_late", "the promise has passed; an extension is asked for before it ends")
    if case.data.until <= clock.due_at:
        raise Refused("illegal_step", "the new end is not after the present one")
    due = shifted(clock, case.data.until - clock.due_at)
    case.say(
        incident.incident_id,
        ev.DeadlineExtended(
            clock_id=clock.clock_id, clock=clock.clock, task_id=clock.task_id, agency=clock.agency, due_at=due.due_at,
            former_due_at=clock.due_at, warn_at=due.warn_at, red_at=due.red_at, reason=reason,
        ),
    )  # fmt: skip
