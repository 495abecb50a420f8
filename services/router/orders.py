"""Dispatch orders: what the agencies that hold a task are sent, in the transaction of the events that cause it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from tocsin.codec.wire import encode_joined, encode_value
from tocsin.envelope import Event
from tocsin.incident import events as ev
from tocsin.incident.permissions import LEFT
from tocsin.incident.show import Words, incident_view
from tocsin.incident.state import Incident, PartitionState, RegionState, Task
from tocsin.incident.view import Dispatch, IncidentView
from tocsin.log.headers import order_headers
from tocsin.log.port import Append
from tocsin.log.topics import DISPATCH
from tocsin.outcomes import (
    CommandNoted,
    CommandRefused,
    CommandRepeated,
    InputDeadLettered,
    InputForwarded,
    PolicyActivated,
)
from tocsin.policy.model import Kind

WITHDRAWN = (ev.TaskCancelled, ev.TaskReturned, ev.TaskTransferred)
SILENT: tuple[type[Any], ...] = (
    ev.ClockStarted, ev.ClockMet, ev.ClockWarned, ev.ClockMissed, ev.CardRaised, ev.ClockStopped, ev.RelationProbed,
    ev.NumberRevealed, ev.Rated, ev.IncidentArchived, ev.CallConflict, CommandRefused, CommandRepeated, CommandNoted,
    InputDeadLettered, InputForwarded, PolicyActivated,
)  # fmt: skip
"""Events that change nothing an agency acts on."""
VIEW_MAX = 850 * 1024
"""Bytes of the incident within an order: a record's 900 KiB less what stands beside it."""
WORDS_KEPT = 2_000
ENDED = frozenset({"completed", "returned", "transferred", "cancelled"})


def orders(
    state: PartitionState, events: Sequence[Event[Any]], kinds: Mapping[str, Kind], words: Words
) -> list[Append]:
    """One order a task: `route` for a new one, `withdraw` for one taken back, `update` for what a holder must know."""
    found: list[Append] = []
    by_subject: dict[str, list[Event[Any]]] = {}
    for event in events:
        if event.subject and not isinstance(event.data, SILENT):
            by_subject.setdefault(event.subject, []).append(event)
    for subject, own in by_subject.items():
        region = state.regions.get(own[0].region)
        incident = region.incidents.get(subject) if region is not None else None
        if region is None or incident is None or not incident.tasks:
            continue
        actions = _actions(incident, own)
        returned = [e for e in own if isinstance(e.data, ev.OutcomeReturned)]
        if actions or returned:
            show = _Views(region, incident, kinds, words)
            found += [_order(incident.tasks[t], do, event, show) for t, (do, event) in actions.items()]
            found += [_outcome(e, incident, show) for e in returned]
    return found


class _Views:
    """The incident as agencies see it, each form encoded once.

    A confidential caller is shown to the first receiver alone, what was said on 120 to 120 alone.
    """

    def __init__(self, region: RegionState, incident: Incident, kinds: Mapping[str, Kind], words: Words) -> None:
        self.incident, self._kinds, self._words = incident, kinds, words
        self._calls = {c: region.calls[c].record for c in incident.links if c in region.calls}
        self._made: dict[tuple[bool, bool], bytes] = {}
        self._patients = any(c.line == "120" for c in self._calls.values())

    def of(self, agency: str, agency_class: str) -> bytes:
        """For this agency."""
        first = agency == self.incident.first_receiver
        medical = agency_class == "medical" or not self._patients
        view = self._made.get((first, medical))
        if view is None:
            view = self._made[first, medical] = fitting(
                incident_view(self.incident, self._calls, self._kinds, self._words, confidential=first, medical=medical)
            )
        return view


def fitting(view: IncidentView) -> bytes:
    """The incident's bytes, within a record: an order that is too large would reach nobody.

    Beyond it long words are cut, then calls between the first and the newest left out; `calls_shortened` says so.
    """
    value = encode_value(view)
    if len(value) <= VIEW_MAX:
        return value
    calls = [structs.replace(c, text=c.text[:WORDS_KEPT]) for c in view.calls]
    flags = [*view.flags, "calls_shortened"]
    while True:
        value = encode_value(structs.replace(view, calls=calls, flags=flags))
        if len(value) <= VIEW_MAX or len(calls) <= 1:
            return value
        calls = [calls[0], *calls[len(calls) // 2 + 1 :]]


def _actions(incident: Incident, events: Sequence[Event[Any]]) -> dict[str, tuple[str, Event[Any]]]:
    """Task → (action, the event that causes it), in the order of the tasks."""
    actions: dict[str, tuple[str, Event[Any]]] = {}
    for event in events:
        if isinstance(event.data, ev.TaskRouted):
            actions[event.data.task_id] = ("route", event)
        elif isinstance(event.data, WITHDRAWN):
            actions[event.data.task_id] = ("withdraw", event)
        elif isinstance(event.data, ev.TaskJoined) and event.data.state not in LEFT:
            # By the event itself, a task that was done too: its agency must learn the incident it now serves. Whoever
            # was told that it has no part in it any more is not told the contrary.
            actions[event.data.task_id] = ("update", event)
    for task_id, task in incident.tasks.items():
        if task_id not in actions and task.state not in ENDED:
            actions[task_id] = ("update", events[-1])
    return {t: a for t, a in actions.items() if t in incident.tasks}


def _order(task: Task, action: str, event: Event[Any], views: _Views) -> Append:
    return _addressed(views, event, action, task.task_id, task.agency, task.agency_class, task.role)


def _outcome(event: Event[ev.OutcomeReturned], incident: Incident, views: _Views) -> Append:
    """To the first receiver, who has no task of its own here: the task that ended, with the incident as it stands."""
    d = event.data
    task = incident.tasks.get(d.task_id)
    return _addressed(views, event, "update", d.task_id, d.to, d.to_class, task.role if task is not None else "joint")


def _addressed(
    views: _Views, event: Event[Any], action: str, task_id: str, agency: str, agency_class: str, role: str
) -> Append:
    i = views.incident
    own = {
        "task_id": task_id, "incident_id": i.incident_id, "action": action, "agency": agency, "role": role,
        "event_id": event.event_id, "recorded_at": event.recorded_at, "exercise": i.exercise,
    }  # fmt: skip
    value = encode_joined(Dispatch, own, "incident", views.of(agency, agency_class))
    headers = order_headers(event, task_id, i.incident_id, i.line)
    return Append(DISPATCH[agency_class].name, event.source.partition, agency.encode(), value, headers)
