"""An event's envelope: the frame that all events of one decision share, written and read once for all of them."""

from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from msgspec import Struct

from tocsin.codec import registry
from tocsin.codec.messages import EventMessage, actor_message, actor_of, source_of, writers
from tocsin.codec.upcast import VERSIONS
from tocsin.codec.varint import FEW, SMALL, varint
from tocsin.envelope import Actor, Event, Frozen, Ms, Source


def _head(cls: type[Struct]) -> tuple[Any, bytes, str]:
    """How an event's content is written, its type in the envelope (version 1), and its name."""
    name = cls.__name__.encode()
    return writers.writer(cls), b"\x12" + varint(len(name)) + name + b"\x18\x01", cls.__name__


_heads = {c: _head(c) for c in registry.EVENTS}
HASH_BYTES = 32
_PREV = b"\x9a\x01" + varint(HASH_BYTES)
_OFTEN = 256
_VERSION = [b"", *(b"\x38" + varint(n) for n in range(1, _OFTEN))]
_INDEX = [b"", *(b"\x58" + varint(n) for n in range(1, _OFTEN))]
"""An incident's version and an event's place in its decision, as fields: nearly always small."""


def _text(tag: bytes, text: str) -> bytes:
    said = text.encode()
    return tag + varint(len(said)) + said if said else b""


@lru_cache(maxsize=256)
def _region(region: str) -> bytes:
    return _text(b"\x22", region)


@lru_cache(maxsize=256)
def _standing(topic: str, partition: int) -> bytes:
    return _text(b"\x0a", topic) + (b"\x10" + varint(partition) if partition else b"")


@lru_cache(maxsize=1024)
def _who(actor: Actor, policy: str, lane: str, exercise: bool) -> bytes:
    said: bytes = actor_message(actor).SerializeToString()
    who = b"\x72" + varint(len(said)) + said
    return who + _text(b"\x7a", policy) + _text(b"\x82\x01", lane) + (b"\x88\x01\x01" if exercise else b"")


def event_frame(event: Event[Any]) -> bytes:
    """What all events of one decision say alike, encoded once: a message's bytes may be joined from parts of it."""
    offset, at = event.source.offset, event.recorded_at
    source = _standing(event.source.topic, event.source.partition) + (b"\x18" + varint(offset) if offset else b"")
    return b"".join(
        (
            _region(event.region),
            b"\x48" + varint(at) if at else b"",
            _text(b"\x52", event.command_id),
            b"\x60" + varint(event.count) if event.count else b"",
            b"\x6a" + varint(len(source)) + source,
            _who(event.actor, event.policy, event.lane, event.exercise),
            _text(b"\x92\x01", event.trace),
        )
    )


def encode_framed(frame: bytes, event: Event[Any]) -> bytes:
    """An event's record value, its decision's `event_frame` given."""
    return join_framed(
        frame, event.data, id_field(event.event_id), subject_field(event.subject), event.seq, event.version,
        moment_field(event.occurred_at), event.index, event.prev_hash,
    )  # fmt: skip


def id_field(event_id: str) -> bytes:
    """The envelope's field that names the event."""
    return _text(b"\x0a", event_id)


def subject_field(subject: str) -> bytes:
    """The envelope's field that says whose event it is."""
    return _text(b"\x2a", subject)


def moment_field(at: Ms) -> bytes:
    """The envelope's field that says when it happened."""
    return b"\x40" + varint(at) if at else b""


def join_framed(
    frame: bytes, data: Any, event_id: bytes, subject: bytes, seq: int, version: int, moment: bytes, index: int,
    prev: bytes,
) -> bytes:  # fmt: skip
    """An event's record value from its parts; those that events of one decision share come ready as fields.

    The envelope's own fields are written as protobuf's wire format has them (a tag, then a varint or a length and the
    bytes; what is empty is left out): a message object for ten scalars costs three times as much.
    """
    write, head, name = _heads[type(data)]
    said = write(data)
    size = len(said)
    return b"".join(
        (
            frame,
            event_id,
            head if name not in VERSIONS else head[:-1] + varint(VERSIONS[name]),
            subject,
            b"\x30" + varint(seq) if seq else b"",
            _VERSION[version] if 0 <= version < _OFTEN else b"\x38" + varint(version),
            moment,
            _INDEX[index] if 0 <= index < _OFTEN else b"\x58" + varint(index),
            _PREV + prev if len(prev) == HASH_BYTES else b"\x9a\x01" + varint(len(prev)) + prev if prev else b"",
            b"\xa2\x01" + (SMALL[size] if size < FEW else varint(size)) if size else b"",
            said,
        )
    )


class Frame(Frozen, frozen=True):
    """The beginning that all events of a decision share, as `event_frame` wrote it, and what it says."""

    value: bytes
    size: int
    region: str
    recorded_at: int
    command_id: str
    count: int
    source: Source
    actor: Actor
    policy: str
    lane: Any
    exercise: bool
    trace: str


def frame_of(value: bytes) -> Frame | None:
    """The frame that a value begins with; None where it is not written as `encode_framed` writes.

    The own part begins with the event's id, 32 characters long. What stands before it must read as a message by itself:
    a cut within a field never does, so a find inside of someone's words cannot be taken for the beginning.
    """
    size = value.find(b"\x0a\x20")
    if size <= 0:
        return None
    try:
        m = EventMessage.FromString(value[:size])
    except DecodeError:
        return None
    if m.event_id or m.type or m.type_version or m.subject or m.seq or m.version or m.index or m.data or m.prev_hash:
        return None
    if m.occurred_at:
        return None
    return Frame(
        value[:size], size, m.region, m.recorded_at, m.command_id, m.count, source_of(m.source), actor_of(m.actor),
        m.policy, m.lane, m.exercise, m.trace,
    )  # fmt: skip
