"""The owner in small: decides and folds in memory, without a log. For offline evaluation, benches and tests."""

from collections.abc import Sequence
from typing import Any

from tocsin.envelope import Command, Draft, Event, Lane, Ms, Source
from tocsin.incident.commands import RecordCall
from tocsin.incident.decide import decide
from tocsin.incident.evolve import evolve
from tocsin.incident.state import Facts, PartitionState
from tocsin.incident.values import CallRecord, Understanding
from tocsin.policy.model import Policy


def stamp(
    state: PartitionState, command: Command[Any], drafts: Sequence[Draft[Any]], at: Ms, seq: int
) -> list[Event[Any]]:
    """Drafts as events: versions follow each subject's present one, without gaps, numbers from `seq`."""
    versions: dict[str, int] = {}
    events = []
    for n, draft in enumerate(drafts):
        version = versions.get(draft.subject) or state.version(draft.subject)
        versions[draft.subject] = version + 1
        events.append(
            Event(
                event_id=f"{command.command_id}#{n}", region=command.region, subject=draft.subject, seq=seq + n,
                version=version + 1, occurred_at=at if draft.occurred_at is None else draft.occurred_at, recorded_at=at,
                command_id=command.command_id, index=n, count=len(drafts), source=Source(), data=draft.data,
                actor=command.actor, lane=command.lane, exercise=command.exercise,
            )
        )  # fmt: skip
    return events


class Ledger:
    """A partition's state with the events that made it."""

    def __init__(self) -> None:
        self.state = PartitionState()
        self.events: list[Event[Any]] = []

    def take(self, command: Command[Any], facts: Facts) -> list[Event[Any]]:
        """Decides one command and folds what it led to."""
        drafts = decide(self.state, command, facts)
        events = stamp(self.state, command, drafts, facts.recorded_at, len(self.events) + 1)
        for event in events:
            evolve(self.state, event)
        self.events += events
        return events

    def record(self, call: CallRecord, understanding: Understanding, policy: Policy, at: Ms) -> str:
        """Takes a call as intake would send it; the id of the incident it came to."""
        lane: Lane = "urgent" if call.line != "12345" or call.danger else "routine"
        command = Command(
            command_id=f"call:{call.call_id}", region=call.region, data=RecordCall(call=call), lane=lane,
            exercise=call.exercise,
        )  # fmt: skip
        return self.take(command, Facts(at, policy, understanding))[0].subject
