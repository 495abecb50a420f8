"""Events and commands to bytes and back, through the compiled converters."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from msgspec import Struct

from tocsin.codec import registry
from tocsin.codec.frames import HASH_BYTES, Frame, encode_framed, event_frame, frame_of
from tocsin.codec.messages import (
    OUT_OF_STEP,
    CommandMessage,
    EventMessage,
    UnreadableRecord,
    actor_message,
    actor_of,
    command_codecs,
    content_of,
    converters,
    event_codecs,
    source_of,
    writers,
)
from tocsin.codec.upcast import VERSIONS
from tocsin.codec.varint import varint
from tocsin.envelope import Command, Event
from tocsin.incident.commands import RecordCall

__all__ = [
    "EventMessage", "UnreadableRecord", "chain_hash", "content_of", "decode_command", "decode_event", "decode_value",
    "encode_command", "encode_event", "encode_framed", "encode_joined", "encode_value", "event_codecs", "event_frame",
]  # fmt: skip
_frame: Frame | None = None
_values = {c: (converters.message(c), converters.decoder(c), writers.writer(c)) for c in registry.VALUES}


def chain_hash(value: bytes) -> bytes:
    """The hash by which the next event of a region names this one: BLAKE2b-256 of the record's bytes."""
    return hashlib.blake2b(value, digest_size=HASH_BYTES).digest()


def encode_event(event: Event[Any]) -> bytes:
    """An event's record value."""
    return encode_framed(event_frame(event), event)


def decode_event(value: bytes) -> Event[Any]:
    """A record value's event, brought up to the present version; UnreadableRecord where it is none."""
    global _frame  # noqa: PLW0603 - a memo of one entry: events of one decision follow one another and share a frame
    try:
        frame = _frame
        if frame is None or not value.startswith(frame.value):
            frame = frame_of(value)
        if frame is not None:
            _frame = frame
            m = EventMessage.FromString(value[frame.size :])
            if not (
                m.region or m.recorded_at or m.command_id or m.count or m.policy or m.lane or m.exercise or m.trace
                or m.HasField("source") or m.HasField("actor")
            ):  # fmt: skip
                # By place, in the order of the fields: named arguments cost ten times as much.
                return Event(
                    m.event_id, frame.region, m.subject, m.seq, m.version, m.occurred_at, frame.recorded_at,
                    frame.command_id, m.index, frame.count, frame.source, content_of(m, event_codecs, "event"),
                    frame.actor, frame.policy, frame.lane, frame.exercise, frame.trace, m.prev_hash,
                )  # fmt: skip
        m = EventMessage.FromString(value)
        data = content_of(m, event_codecs, "event")
        return Event(
            event_id=m.event_id, region=m.region, subject=m.subject, seq=m.seq, version=m.version,
            occurred_at=m.occurred_at, recorded_at=m.recorded_at, command_id=m.command_id, index=m.index, count=m.count,
            source=source_of(m.source), actor=actor_of(m.actor), policy=m.policy, lane=m.lane, exercise=m.exercise,
            trace=m.trace, prev_hash=m.prev_hash, data=data,
        )  # fmt: skip
    except DecodeError as e:
        raise UnreadableRecord(f"not an event: {e}") from e
    except AttributeError as e:
        raise UnreadableRecord(f"{OUT_OF_STEP}: {e}") from e


def encode_command(command: Command[Any]) -> bytes:
    """A command's record value."""
    name = type(command.data).__name__
    value: bytes = CommandMessage(
        command_id=command.command_id, type=name, type_version=VERSIONS.get(name, 1), region=command.region,
        target=command.target, actor=actor_message(command.actor), issued_at=command.issued_at,
        expected_version=command.expected_version, lane=command.lane, trace=command.trace, exercise=command.exercise,
        data=writers.writer(type(command.data))(command.data),
    ).SerializeToString(deterministic=True)  # fmt: skip
    return value


def decode_command(value: bytes) -> Command[Any]:
    """A record value's command; UnreadableRecord where it is none (garbage, unknown type or version)."""
    try:
        m = CommandMessage.FromString(value)
        data = content_of(m, command_codecs, "command")
        if not m.command_id or not m.region:
            raise UnreadableRecord("a command without an id or a region")
        if type(data) is RecordCall and m.type_version == VERSIONS.get(m.type, 1):
            writers.keep(data.call, m.data)
        return Command(
            m.command_id, m.region, data, m.target, actor_of(m.actor), m.issued_at,
            m.expected_version if m.HasField("expected_version") else None, m.lane, m.trace, m.exercise,
        )  # fmt: skip
    except DecodeError as e:
        raise UnreadableRecord(f"not a command: {e}") from e
    except AttributeError as e:
        raise UnreadableRecord(f"{OUT_OF_STEP}: {e}") from e


def encode_value(value: Struct) -> bytes:
    """The record value of what is neither event nor command (dispatch orders)."""
    encoded: bytes = _values[type(value)][2](value)
    return encoded


def encode_joined(cls: type[Struct], own: Mapping[str, Any], field: str, encoded: bytes) -> bytes:
    """A value's record value from its plain fields and one nested value that is encoded already.

    What several records share is encoded once: a message's bytes may be joined from parts of it.
    """
    message = _values[cls][0]
    head: bytes = message(**own).SerializeToString(deterministic=True)
    return b"".join((head, _tag(cls, field), varint(len(encoded)), encoded))


@lru_cache(maxsize=64)
def _tag(cls: type[Struct], field: str) -> bytes:
    length_delimited = 2
    return varint(_values[cls][0].DESCRIPTOR.fields_by_name[field].number << 3 | length_delimited)


def decode_value(cls: type[Struct], value: bytes) -> Any:
    """The reverse of `encode_value`."""
    message, decode, _ = _values[cls]
    try:
        return decode(message.FromString(value))
    except DecodeError as e:
        raise UnreadableRecord(f"not a {cls.__name__}: {e}") from e
    except AttributeError as e:
        raise UnreadableRecord(f"{OUT_OF_STEP}: {e}") from e
