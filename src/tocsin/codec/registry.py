"""Which classes travel in which .proto file, and where the generated messages are found."""

from msgspec import Struct

from tocsin import delivery, outcomes
from tocsin.envelope import Actor, Frozen, Ms, Source
from tocsin.incident import commands as incident_commands
from tocsin.incident import events as incident_events
from tocsin.incident.view import Dispatch, IncidentView
from tocsin.mission import commands as mission_commands
from tocsin.mission import events as mission_events
from tocsin.mission.values import Position
from tocsin.place import Place, Point
from tocsin.supervision import events as supervision_events


class CommandEnvelope(Frozen, frozen=True, kw_only=True):
    """One envelope for all commands: `type` and `type_version` say how to read `data`."""

    command_id: str
    type: str
    type_version: int
    region: str
    target: str
    actor: Actor
    issued_at: Ms
    expected_version: int | None
    lane: str
    trace: str
    exercise: bool
    data: bytes


class EventEnvelope(Frozen, frozen=True, kw_only=True):
    """One envelope for all events; the hash of its bytes is what the next event of the region names as `prev_hash`."""

    event_id: str
    type: str
    type_version: int
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
    actor: Actor
    policy: str
    lane: str
    exercise: bool
    trace: str
    prev_hash: bytes
    data: bytes


_SHARED: tuple[type[Struct], ...] = (Actor, Source, Point, Place)
_OUTCOMES: tuple[type[Struct], ...] = (
    outcomes.CommandRefused, outcomes.CommandRepeated, outcomes.CommandNoted, outcomes.InputDeadLettered,
    outcomes.InputForwarded, outcomes.PolicyActivated,
)  # fmt: skip

FILES: dict[str, tuple[type[Struct], ...]] = {
    "tocsin/v1/shared.proto": _SHARED,
    "tocsin/v1/envelope.proto": (CommandEnvelope, EventEnvelope),
    "tocsin/v1/outcomes.proto": _OUTCOMES,
    "tocsin/v1/incident_commands.proto": incident_commands.COMMANDS,
    "tocsin/v1/incident_events.proto": incident_events.EVENTS,
    "tocsin/v1/mission_commands.proto": mission_commands.COMMANDS,
    "tocsin/v1/mission_events.proto": mission_events.EVENTS,
    "tocsin/v1/dispatch.proto": (Dispatch,),
    "tocsin/v1/position.proto": (Position,),
    "tocsin/v1/supervision_events.proto": supervision_events.EVENTS,
    "tocsin/v1/delivery_events.proto": delivery.EVENTS,
}
"""File → its classes. A class stands in the first file that reaches it; imports follow from that."""

COMMANDS: tuple[type[Struct], ...] = (*incident_commands.COMMANDS, *mission_commands.COMMANDS)
EVENTS: tuple[type[Struct], ...] = (
    *dict.fromkeys((*incident_events.EVENTS, *mission_events.EVENTS, *supervision_events.EVENTS, *delivery.EVENTS)),
)
VALUES: tuple[type[Struct], ...] = (Dispatch, IncidentView, Position)
