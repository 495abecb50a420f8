"""What the 120 centre reports to the incident: how far its medical task is, without medical detail. Pure."""

from typing import Any, Literal

from tocsin.envelope import SYSTEM, Command, Event
from tocsin.incident.commands import ReportMission
from tocsin.mission import events as ev

REPORTED = Literal["assigned", "acknowledged", "departed", "arrived", "feedback", "completed", "no_unit"]

_STEPS: dict[type, REPORTED] = {
    ev.UnitAssigned: "assigned",
    ev.MissionAcknowledged: "acknowledged",
    ev.UnitDeparted: "departed",
    ev.UnitArrived: "arrived",
    ev.MissionTakenOver: "arrived",
    ev.SceneLeft: "feedback",
    ev.MissionEnded: "completed",
    ev.MissionQueued: "no_unit",
}
TOLD = frozenset(c.__name__ for c in _STEPS)
"""Types of the events that lead to a report."""


def incident_of(mission_id: str) -> str:
    """The incident of a mission: its id without `-M<n>`."""
    return mission_id.rpartition("-M")[0]


def report_of(event: Event[Any]) -> Command[ReportMission] | None:
    """The report an event leads to, its id made from the event's: a repeat is known as one. None for most events."""
    step = _STEPS.get(type(event.data))
    task_id = getattr(event.data, "task_id", "")
    if step is None or not task_id:
        return None
    report = ReportMission(
        mission_id=event.subject, step=step, unit_id=getattr(event.data, "unit_id", ""),
        outcome=getattr(event.data, "outcome", ""), all_ended=getattr(event.data, "all_ended", False),
        unsuitable=not getattr(event.data, "suitable", True),
    )  # fmt: skip
    return Command(
        command_id=f"report:{event.event_id}", region=task_id[:6], target=task_id, data=report, actor=SYSTEM,
        issued_at=event.recorded_at, lane="urgent", trace=event.trace, exercise=event.exercise,
    )  # fmt: skip
