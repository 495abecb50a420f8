# ruff: noqa: ARG002 - a kernel's methods take what the protocol gives, needed or not
"""A small kernel for tests of the owner: notes counted by incident; words in a note make it fail on purpose."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from tocsin.codec.wire import encode_command
from tocsin.envelope import Command, Draft, Event, Ms
from tocsin.incident.commands import Note
from tocsin.incident.events import NoteAdded
from tocsin.log.headers import command_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import FOREVER, Topic
from tocsin.outcomes import CommandNoted, CommandRefused


class Counts(Struct):
    """How often each subject was noted, and the hash over all notes in their order."""

    versions: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    order: bytes = b""


class CounterKernel:
    """Counts notes. `crash:` fails in decide, `evolve:` in evolve, `prepare:` in prepare, `big:N` is N bytes."""

    def __init__(self, prefix: str = "t") -> None:
        self.name = f"{prefix}counter"
        make = lambda n, **more: Topic(f"{prefix}.{n}", FOREVER, append_time=True, **more)  # noqa: E731 - three alike
        self.urgent, self.routine, self.events, self.out = (make(n) for n in ("urgent", "routine", "events", "out"))
        self.inputs = (self.urgent, self.routine)
        self.armed: set[str] = set()

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All topics it needs."""
        return (self.urgent, self.routine, self.events, self.out)

    def policy(self, state: Counts, region: str) -> str:
        """See `Kernel`."""
        return "sha256:test"

    def initial(self) -> Counts:
        """See `Kernel`."""
        return Counts()

    def prepare(self, state: Counts, commands: Sequence[tuple[Command[Any], Ms]]) -> list[str]:
        """See `Kernel`: the note's words."""
        words = [c.data.text if isinstance(c.data, Note) else "" for c, _ in commands]
        if any(w.startswith("prepare:") for w in words):
            raise ValueError("asked to fail in prepare")
        return words

    def decide(self, state: Counts, command: Command[Any], facts: str) -> list[Draft[Any]]:
        """See `Kernel`: `n` events for `many:n`, a refusal for what is no note."""
        if facts.startswith("crash:"):
            raise ValueError("asked to fail in decide")
        if not isinstance(command.data, Note):
            return [Draft(subject="", data=CommandRefused(command="?", target=command.target, code="illegal_step"))]
        if facts.startswith("big:"):
            return [Draft(subject=command.target, data=NoteAdded(text="x" * int(facts[4:])))]
        many = int(facts[5:]) if facts.startswith("many:") else 1
        return [Draft(subject=command.target, data=NoteAdded(text=facts)) for _ in range(many)]

    def rescue(self, state: Counts, command: Command[Any], facts_at: Ms, error: str) -> list[Draft[Any]]:
        """See `Kernel`."""
        return [Draft(subject="", data=CommandNoted(command="rescued", cause=error[:80]))]

    def evolve(self, state: Counts, event: Event[Any]) -> None:
        """See `Kernel`."""
        state.order = hashlib.blake2b(state.order + event.event_id.encode(), digest_size=16).digest()
        if event.subject:
            state.versions[event.subject] = event.version
        if isinstance(event.data, NoteAdded):
            if event.data.text.startswith("evolve:"):
                raise ValueError("asked to fail in evolve")
            state.notes[event.subject] = state.notes.get(event.subject, 0) + 1

    def line(self, state: Counts, subject: str) -> str:
        """See `Kernel`."""
        return ""

    def version(self, state: Counts, subject: str) -> int:
        """See `Kernel`."""
        return state.versions.get(subject, 0)

    def conflicts(self, state: Counts, command: Command[Any]) -> bool:
        """See `Kernel`: a note that says so."""
        return isinstance(command.data, Note) and command.data.text.startswith("conflict:")

    def exercise(self, state: Counts, draft: Draft[Any]) -> bool | None:
        """See `Kernel`: what is noted about an `ex…` is an exercise, about a `live…` is not."""
        return True if draft.subject.startswith("ex") else False if draft.subject.startswith("live") else None

    def outputs(self, state: Counts, events: Sequence[Event[Any]]) -> list[Append]:
        """See `Kernel`: one record for each note, on a topic of its own, same partition."""
        return [
            Append(self.out.name, e.source.partition, e.subject.encode(), e.event_id.encode())
            for e in events
            if isinstance(e.data, NoteAdded)
        ]

    def digest(self, state: Counts) -> bytes:
        """See `Kernel`."""
        return hashlib.blake2b(msgspec.msgpack.Encoder(order="deterministic").encode(state), digest_size=32).digest()


def note(command_id: str, region: str, text: str = "n", *, target: str = "", issued_at: Ms = 0) -> Command[Note]:
    """A note on an incident of the region."""
    return Command(
        command_id=command_id, region=region, target=target or f"{region}-20260405-000001", data=Note(text=text),
        issued_at=issued_at,
    )  # fmt: skip


def as_append(topic: Topic, command: Command[Any], partitions: int, *, partition: int | None = None) -> Append:
    """Its record, in the region's partition or in the one given."""
    p = partition_of(command.region, partitions) if partition is None else partition
    return Append(topic.name, p, command.region.encode(), encode_command(command), command_headers(command))


def regions_of(partition: int, partitions: int, count: int = 3) -> list[str]:
    """Some region codes that belong to a partition."""
    found = (f"{n:06d}" for n in range(430000, 999999))
    return [
        r for r, _ in zip((r for r in found if partition_of(r, partitions) == partition), range(count), strict=False)
    ]
