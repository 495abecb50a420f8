"""What every command and every event carries, whatever it says: pure values, no protobuf, no clock.

A command asks for a change; an event states one. Both are frozen values with their content in `data`, whose class
names the type (imperative for commands, past tense for events). Times are `Ms`: Unix milliseconds, UTC.
"""

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

Ms = Annotated[int, Meta(extra_json_schema={"format": "unix-milliseconds"}, extra={"time": True})]
"""A moment, in Unix milliseconds. JSON shows it as RFC 3339 in the county's time zone."""

Sealed = Annotated[str, Meta(extra={"sealed": True})]
"""A person's words or data. Clear only before intake's sealing and where someone may see it; on the log a token."""

Lane = Literal["urgent", "routine"]
"""Which command topic a matter travels on: urgent goes before routine everywhere (invariant 7)."""


class Frozen(Struct, frozen=True, gc=False):
    """An immutable value; equal by content."""


class Actor(Frozen, frozen=True):
    """Who asked: a person at a desk, an agency's dispatcher, a crew, or a part of the system."""

    subject: str = ""
    role: str = "system"
    agency: str = ""
    unit: str = ""

    @property
    def counts(self) -> bool:
        """Whether its acts count towards `expected_version` (people and agencies do, the system's own do not)."""
        return self.role != "system"


SYSTEM = Actor(subject="tocsin")


class Source(Frozen, frozen=True):
    """Where on the log the command stood that caused an event: the fold itself says how far the input is decided."""

    topic: str = ""
    partition: int = 0
    offset: int = -1


C = TypeVar("C")
E = TypeVar("E")


class Command(Frozen, Generic[C], frozen=True):
    """A wish for a change, as it stands on a command topic.

    `target` is the id acted on (incident, task, call, mission, unit, hospital or "" for the region itself).
    `recorded_at` is not part of the record: the owner fills it from the append time when it reads (invariant 9).
    """

    command_id: str
    region: str
    data: C
    target: str = ""
    actor: Actor = SYSTEM
    issued_at: Ms = 0
    expected_version: int | None = None
    lane: Lane = "urgent"
    trace: str = ""
    exercise: bool = False


class Event(Frozen, Generic[E], frozen=True):
    """A fact, as it stands on an event topic. `seq` and `prev_hash` chain all events of one region (invariant 6)."""

    event_id: str
    region: str
    subject: str
    seq: int
    version: int
    occurred_at: Ms
    recorded_at: Ms
    command_id: str
    index: int
    count: int
    source: Source
    data: E
    actor: Actor = SYSTEM
    policy: str = ""
    lane: Lane = "urgent"
    exercise: bool = False
    trace: str = ""
    prev_hash: bytes = b""

    @property
    def type(self) -> str:
        """The event's name, e.g. `IncidentOpened`."""
        return type(self.data).__name__


class Draft(Frozen, Generic[E], frozen=True):
    """An event as `decide` states it, before the owner gives it id, sequence, version and hash.

    `subject` is the incident, mission or unit it belongs to ("" for the region's own). `occurred_at` None means:
    when it was recorded.
    """

    subject: str
    data: E
    occurred_at: Ms | None = None
