"""Events and commands to bytes and back, through the compiled converters."""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError, Message
from msgspec import Struct

from tocsin.codec import registry
from tocsin.codec.reflect import Converters
from tocsin.codec.upcast import UPCASTERS, VERSIONS
from tocsin.envelope import Actor, Command, Event, Frozen, Source


class UnreadableRecord(ValueError):
    """The bytes are no record this version can read; the text says why."""


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {}
    package = importlib.import_module("tocsin.v1")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.endswith("_pb2"):
            names = vars(importlib.import_module(f"tocsin.v1.{module.name}"))
            found |= {k: v for k, v in names.items() if isinstance(v, type) and issubclass(v, Message)}
    return found


_converters = Converters(_messages().__getitem__)
event_codecs = {
    c.__name__: (_converters.message(c), _converters.decoder(c), _converters.encoder(c)) for c in registry.EVENTS
}
_commands = {
    c.__name__: (_converters.message(c), _converters.decoder(c), _converters.encoder(c)) for c in registry.COMMANDS
}
_values = {c: (_converters.message(c), _converters.decoder(c), _converters.encoder(c)) for c in registry.VALUES}
EventMessage: Any = _converters.message(registry.EventEnvelope)
_CommandMessage: Any = _converters.message(registry.CommandEnvelope)
_OUT_OF_STEP = "the code and its generated messages differ; run scripts/proto.py"
_actor, _actor_of = _converters.encoder(Actor), _converters.decoder(Actor)
_source, _source_of = _converters.encoder(Source), _converters.decoder(Source)


def _varint(n: int) -> bytes:
    """A whole number as protobuf writes it; negative ones as their 64 bits' complement."""
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:  # noqa: PLR2004 - seven bits a byte
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


_FEW = 1 << 14
_SMALL = [_varint(n) for n in range(_FEW)]


def varint(n: int) -> bytes:
    """A whole number as protobuf writes it: lengths, indexes and versions are small, and stand in a table."""
    return _SMALL[n] if 0 <= n < _FEW else _varint(n)


_moment = lru_cache(maxsize=256)(_varint)
"""All events of a decision have one time."""


def _writer(cls: type[Struct]) -> tuple[Callable[[Any], Any], bytes, str, bool]:
    """How an event's content becomes a message, its type in the envelope and by name, and whether maps need sorting."""
    name = cls.__name__.encode()
    head = b"\x12" + _varint(len(name)) + name + b"\x18"
    # Only what may hold a map needs the deterministic form.
    return _converters.encoder(cls), head, cls.__name__, _converters.holds_map(cls)


_writers = {c: _writer(c) for c in registry.EVENTS}


def chain_hash(value: bytes) -> bytes:
    """The hash by which the next event of a region names this one: BLAKE2b-256 of the record's bytes."""
    return hashlib.blake2b(value, digest_size=32).digest()


def encode_event(event: Event[Any]) -> bytes:
    """An event's record value."""
    return encode_framed(event_frame(event), event)


def event_frame(event: Event[Any]) -> bytes:
    """What all events of one decision say alike, encoded once: a message's bytes may be joined from parts of it."""
    frame: bytes = EventMessage(
        region=event.region, recorded_at=event.recorded_at, command_id=event.command_id, count=event.count,
        source=_source(event.source), actor=_actor(event.actor), policy=event.policy, lane=event.lane,
        exercise=event.exercise, trace=event.trace,
    ).SerializeToString()  # fmt: skip
    return frame


def encode_framed(frame: bytes, event: Event[Any]) -> bytes:
    """An event's record value, its decision's `event_frame` given.

    The envelope's own fields are written as protobuf's wire format has them (a tag, then a varint or a length and the
    bytes; what is empty is left out): a message object for ten scalars costs three times as much.
    """
    encode, head, name, ordered = _writers[type(event.data)]
    message = encode(event.data)
    data: bytes = message.SerializeToString(deterministic=True) if ordered else message.SerializeToString()
    event_id, subject, prev = event.event_id.encode(), event.subject.encode(), event.prev_hash
    seq, version, at, index, size = event.seq, event.version, event.occurred_at, event.index, len(data)
    return b"".join(
        (
            frame,
            b"\x0a" + varint(len(event_id)) + event_id if event_id else b"",
            head + varint(VERSIONS.get(name, 1)),
            b"\x2a" + varint(len(subject)) + subject if subject else b"",
            b"\x30" + varint(seq) if seq else b"",
            b"\x38" + varint(version) if version else b"",
            b"\x40" + _moment(at) if at else b"",
            b"\x58" + varint(index) if index else b"",
            b"\x9a\x01" + varint(len(prev)) + prev if prev else b"",
            b"\xa2\x01" + varint(size) if size else b"",
            data,
        )
    )


def decode_event(value: bytes) -> Event[Any]:
    """A record value's event, brought up to the present version; UnreadableRecord where it is none."""
    global _frame  # noqa: PLW0603 - a memo of one entry: events of one decision follow one another and share a frame
    try:
        frame = _frame
        if frame is None or not value.startswith(frame.value):
            frame = _frame_of(value)
        if frame is not None:
            _frame = frame
            m = EventMessage.FromString(value[frame.size :])
            if not (
                m.region or m.recorded_at or m.command_id or m.count or m.policy or m.lane or m.exercise or m.trace
                or m.HasField("source") or m.HasField("actor")
            ):  # fmt: skip
                return Event(
                    event_id=m.event_id, region=frame.region, subject=m.subject, seq=m.seq, version=m.version,
                    occurred_at=m.occurred_at, recorded_at=frame.recorded_at, command_id=frame.command_id,
                    index=m.index, count=frame.count, source=frame.source, actor=frame.actor, policy=frame.policy,
                    lane=frame.lane, exercise=frame.exercise, trace=frame.trace, prev_hash=m.prev_hash,
                    data=content_of(m, event_codecs, "event"),
                )  # fmt: skip
        m = EventMessage.FromString(value)
        data = content_of(m, event_codecs, "event")
        return Event(
            event_id=m.event_id, region=m.region, subject=m.subject, seq=m.seq, version=m.version,
            occurred_at=m.occurred_at, recorded_at=m.recorded_at, command_id=m.command_id, index=m.index, count=m.count,
            source=_source_of(m.source), actor=_actor_of(m.actor), policy=m.policy, lane=m.lane, exercise=m.exercise,
            trace=m.trace, prev_hash=m.prev_hash, data=data,
        )  # fmt: skip
    except DecodeError as e:
        raise UnreadableRecord(f"not an event: {e}") from e
    except AttributeError as e:
        raise UnreadableRecord(f"{_OUT_OF_STEP}: {e}") from e


class _Frame(Frozen, frozen=True):
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


_frame: _Frame | None = None


def _frame_of(value: bytes) -> _Frame | None:
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
    return _Frame(
        value[:size], size, m.region, m.recorded_at, m.command_id, m.count, _source_of(m.source), _actor_of(m.actor),
        m.policy, m.lane, m.exercise, m.trace,
    )  # fmt: skip


def encode_command(command: Command[Any]) -> bytes:
    """A command's record value."""
    name = type(command.data).__name__
    value: bytes = _CommandMessage(
        command_id=command.command_id, type=name, type_version=VERSIONS.get(name, 1), region=command.region,
        target=command.target, actor=_actor(command.actor), issued_at=command.issued_at,
        expected_version=command.expected_version, lane=command.lane, trace=command.trace, exercise=command.exercise,
        data=_commands[name][2](command.data).SerializeToString(deterministic=True),
    ).SerializeToString(deterministic=True)  # fmt: skip
    return value


def decode_command(value: bytes) -> Command[Any]:
    """A record value's command; UnreadableRecord where it is none (garbage, unknown type or version)."""
    try:
        m = _CommandMessage.FromString(value)
        data = content_of(m, _commands, "command")
        if not m.command_id or not m.region:
            raise UnreadableRecord("a command without an id or a region")
        return Command(
            command_id=m.command_id, region=m.region, target=m.target, actor=_actor_of(m.actor), issued_at=m.issued_at,
            expected_version=m.expected_version if m.HasField("expected_version") else None, lane=m.lane, trace=m.trace,
            exercise=m.exercise, data=data,
        )  # fmt: skip
    except DecodeError as e:
        raise UnreadableRecord(f"not a command: {e}") from e
    except AttributeError as e:
        raise UnreadableRecord(f"{_OUT_OF_STEP}: {e}") from e


def encode_value(value: Struct) -> bytes:
    """The record value of what is neither event nor command (dispatch orders)."""
    encoded: bytes = _values[type(value)][2](value).SerializeToString(deterministic=True)
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
    return _varint(_values[cls][0].DESCRIPTOR.fields_by_name[field].number << 3 | length_delimited)


def decode_value(cls: type[Struct], value: bytes) -> Any:
    """The reverse of `encode_value`."""
    message, decode, _ = _values[cls]
    try:
        return decode(message.FromString(value))
    except DecodeError as e:
        raise UnreadableRecord(f"not a {cls.__name__}: {e}") from e
    except AttributeError as e:
        raise UnreadableRecord(f"{_OUT_OF_STEP}: {e}") from e


def content_of(m: Any, known: dict[str, Any], what: str) -> Any:
    """The content of an envelope's message as the domain's value, brought up to the present version."""
    entry = known.get(m.type)
    if entry is None:
        raise UnreadableRecord(
            f"{what} type {m.type!r} is not known to this version; upgrade, then replay the dead letters"
        )
    newest = VERSIONS.get(m.type, 1)
    if not 1 <= m.type_version <= newest:
        raise UnreadableRecord(f"{m.type} version {m.type_version} is not known to this version (newest: {newest})")
    value = entry[1](entry[0].FromString(m.data))
    for version in range(m.type_version, newest):
        value = UPCASTERS[m.type, version](value)
    return value
