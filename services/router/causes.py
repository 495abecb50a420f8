"""What the router's events cause elsewhere, relayed after the commit: ambulances, facts, border probes."""

from collections.abc import Callable, Sequence
from typing import Any

from tocsin.codec.peek import EventHead
from tocsin.codec.wire import encode_command
from tocsin.envelope import Command, Event
from tocsin.incident import events as ev
from tocsin.incident.commands import ProbeBorder, SuggestRelation
from tocsin.incident.state import Incident, PartitionState, Task
from tocsin.incident.values import CallRecord
from tocsin.log.headers import command_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.relay import Cause
from tocsin.log.topics import EMS_COMMANDS, ROUTINE, SUPERVISION_FACTS, URGENT, Topic
from tocsin.mission.commands import CancelMissions, OpenMission, UpdateScene
from tocsin.policy.model import Policy
from tocsin.runtime.clock import Clock
from tocsin.supervision.facts import is_fact

SOURCE_OFFSET = "tocsin_source_offset"
SCENE = (ev.CallLinked, ev.VictimsReported, ev.LocationCorrected, ev.Reclassified, ev.PriorityChanged)
STAND_DOWN = (ev.TaskCancelled, ev.TaskReturned, ev.TaskTransferred, ev.TaskCompleted)
MEDICAL = "medical"
MISSIONS = frozenset(c.__name__ for c in (ev.TaskRouted, *SCENE, *STAND_DOWN))
BORDERS = frozenset(c.__name__ for c in (ev.IncidentOpened, ev.RelationProbed, ev.IncidentsRelated))
"""Events that ambulances and neighbours are told of; all others are never opened for them."""
ROUTED, OPENED = ev.TaskRouted.__name__, ev.IncidentOpened.__name__
"""Most of these are to other agencies and far from every border: one field says so."""


class Causes:
    """The router's causes. `policy` gives the one in force; only regions' neighbours and servers are read from it."""

    def __init__(self, partitions: int, policy: Callable[[], Policy], clock: Clock) -> None:
        self._partitions, self._policy, self._clock = partitions, policy, clock

    def all(self) -> tuple[Cause[PartitionState], ...]:
        """In the order in which they are sent."""
        return (self.ambulances, self.facts, self.borders)

    def _command(self, topic: Topic, event: Event[Any], region: str, target: str, data: Any, part: str = "") -> Append:
        command = Command(
            command_id=f"relay:{event.event_id}{':' if part else ''}{part}", region=region, target=target, data=data,
            issued_at=event.recorded_at, lane=event.lane, trace=event.trace, exercise=event.exercise,
        )  # fmt: skip
        partition = partition_of(region, self._partitions)
        headers = command_headers(command, clock=self._clock)
        return Append(topic.name, partition, region.encode(), encode_command(command), headers)

    def ambulances(self, state: PartitionState, head: EventHead, record: Record) -> Sequence[Append]:
        """Medical tasks and what becomes known of them, to the 120 centre that serves the region."""
        del record
        if head.type not in MISSIONS or (head.type == ROUTED and head.said("agency_class") != MEDICAL):
            return []
        event = head.event()
        data = event.data
        incident = _incident(state, event)
        if incident is None:
            return []
        if isinstance(data, ev.TaskRouted):
            call = _first_call(state, event, incident)
            return [self._open(event, incident, data, call, _raises(state, event, incident))]
        if isinstance(data, ev.TaskCompleted) and data.outcome:
            return []  # its missions said so
        if isinstance(data, STAND_DOWN):
            task = incident.tasks.get(data.task_id)
            return (
                [self._stand_down(event, incident, task)] if task is not None and task.agency_class == MEDICAL else []
            )
        held = [
            t for t in incident.tasks.values() if t.agency_class == MEDICAL and t.state not in ("returned", "cancelled")
        ]
        raises = _raises(state, event, incident) if held else []
        return [self._scene(event, incident, task, raises) for task in held]

    def _ems(self, event: Event[Any], incident: Incident, target: str, data: Any, part: str = "") -> Append:
        row = self._policy().regions.get(incident.region)
        region = row.served_by if row is not None and row.served_by else incident.region
        return self._command(EMS_COMMANDS, event, region, target, data, part)

    def _open(
        self, event: Event[Any], incident: Incident, routed: ev.TaskRouted, call: CallRecord | None, raises: list[str]
    ) -> Append:
        kind = self._policy().kinds.get(incident.kind)
        secret = (call is not None and call.confidential) or (kind is not None and kind.confidential)
        data = OpenMission(
            task_id=routed.task_id, incident_id=incident.incident_id, kind=incident.kind, priority=incident.priority,
            place=incident.place, address=incident.address, victims=incident.victims, raises=raises,
            call_ids=list(incident.links), routed_at=event.recorded_at, lane=incident.lane,
            private=call.private if call is not None else "",
            confidential=secret and incident.first_receiver != routed.agency,
        )  # fmt: skip
        return self._ems(event, incident, routed.task_id, data)

    def _scene(self, event: Event[Any], incident: Incident, task: Task, raises: list[str]) -> Append:
        call_id = event.data.call_id if isinstance(event.data, ev.CallLinked) else ""
        own = _opened_in(task)
        data = UpdateScene(
            incident_id=own, task_id=task.task_id, call_id=call_id,
            victims=_patients_of_its_own(incident) if own == incident.incident_id else None,
            place=incident.place, address=incident.address, kind=incident.kind, priority=incident.priority,
            raises=raises,
        )  # fmt: skip
        return self._ems(event, incident, task.task_id, data, task.task_id)

    def _stand_down(self, event: Event[Any], incident: Incident, task: Task) -> Append:
        cause = getattr(event.data, "cause", "") or event.type
        data = CancelMissions(incident_id=_opened_in(task), task_id=task.task_id, cause=cause)
        return self._ems(event, incident, task.task_id, data)

    def facts(self, state: PartitionState, event: EventHead, record: Record) -> Sequence[Append]:
        """The events supervision needs, their bytes unchanged, with the offset they have in the truth."""
        del state
        if not is_fact(event.type, event.command_id):
            return []
        headers = (*record.headers, (SOURCE_OFFSET, str(record.offset).encode()))
        return [Append(SUPERVISION_FACTS.name, record.partition, event.region.encode(), record.value, headers)]

    def borders(self, state: PartitionState, head: EventHead, record: Record) -> Sequence[Append]:
        """A probe to each neighbour of an incident near a border; the neighbour's answer as a suggestion back.

        What a person relates across it is told over there, once: what that leads to is no person's act.
        """
        del state, record
        if head.type not in BORDERS or (head.type == OPENED and not head.said("place").neighbours):
            return []
        event = head.event()
        data, topic = event.data, URGENT if event.lane == "urgent" else ROUTINE
        if isinstance(data, ev.IncidentOpened):
            probe = ProbeBorder(
                incident_id=event.subject, kind=data.kind, priority=data.priority, place=data.place,
                opened_at=event.recorded_at,
            )  # fmt: skip
            return [self._command(topic, event, n, event.subject, probe, n) for n in data.place.neighbours]
        if isinstance(data, ev.RelationProbed):
            asking = data.asking_incident
            answer = SuggestRelation(incident_id=asking, to=event.subject, score=data.score, reasons=data.reasons)
            return [self._command(topic, event, asking[:6], asking, answer)]
        if isinstance(data, ev.IncidentsRelated) and event.actor.counts and data.to[:6] != event.region:
            told = SuggestRelation(incident_id=data.to, to=event.subject, score=1.0, by_person=True)
            return [self._command(topic, event, data.to[:6], data.to, told)]
        return []


def _opened_in(task: Task) -> str:
    """The incident a task was opened in: the 120 centre knows its missions by it, wherever a merge took the task."""
    return task.task_id.rpartition("-T")[0]


def _patients_of_its_own(incident: Incident) -> int | None:
    """How many the incident's own medical task has to carry: those that came with a merge have their missions."""
    if incident.victims is None:
        return None
    others = (
        max(1, len(t.missions))
        for t in incident.tasks.values()
        if t.agency_class == MEDICAL and t.merged_from and t.state not in ("returned", "cancelled", "transferred")
    )
    return max(0, incident.victims - sum(others)) or None


def _first_call(state: PartitionState, event: Event[Any], incident: Incident) -> CallRecord | None:
    """The incident's first call that says anything: the crew needs the address and the caller's words."""
    calls = state.regions[event.region].calls
    said = (calls[c].record for c in incident.links if c in calls and calls[c].record.private)
    return next(said, None)


def _raises(state: PartitionState, event: Event[Any], incident: Incident) -> list[str]:
    """What all its calls say of the patient, the first as the latest; the incident itself keeps the first's alone."""
    calls = state.regions[event.region].calls
    said = {r for c in incident.links if c in calls for r in calls[c].understanding.raises}
    return sorted({*incident.raises, *said})


def _incident(state: PartitionState, event: Event[Any]) -> Incident | None:
    region = state.regions.get(event.region)
    return region.incidents.get(event.subject) if region is not None else None
