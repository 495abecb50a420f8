"""From a firing to the command the router gets."""

from tocsin.envelope import SYSTEM, Command
from tocsin.incident.commands import FireClock
from tocsin.supervision.clocks import Firing


def command_for(firing: Firing, *, issued_at: int) -> Command[FireClock]:
    """The command; its `due_at` is the moment the level stands for, which the router holds against the log's time."""
    held = firing.held
    at = {"warning": held.warn_at, "missed": held.due_at, "red": held.red_at}[firing.level]
    return Command(
        command_id=firing.command_id, region=held.region, target=held.incident_id, actor=SYSTEM, issued_at=issued_at,
        lane=held.lane, exercise=held.exercise,
        data=FireClock(
            incident_id=held.incident_id, clock=held.clock, clock_id=held.clock_id, level=firing.level,
            due_at=held.due_at if at is None else at,
        ),
    )  # fmt: skip
