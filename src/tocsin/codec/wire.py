"""Events and commands to bytes and back, through the compiled converters."""

import hashlib
import importlib
import pkgutil
from typing import Any

from google.protobuf.message import DecodeError, Message
from msgspec import Struct

from tocsin.codec import registry
from tocsin.codec.reflect import Converters
from tocsin.codec.upcast import UPCASTERS, VERSIONS
from tocsin.envelope import Actor, Command, Event, Source


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
_events = {
    c.__name__: (_converters.message(c), _converters.decoder(c), _converters.encoder(c)) for c in registry.EVENTS
}
_commands = {
    c.__name__: (_converters.message(c), _converters.decoder(c), _converters.encoder(c)) for c in registry.COMMANDS
}
_values = {c: (_converters.message(c), _converters.decoder(c), _converters.encoder(c)) for c in registry.VALUES}
_EventMessage: Any = _converters.message(registry.EventEnvelope)
_CommandMessage: Any = _converters.message(registry.CommandEnvelope)
_actor, _actor_of = _converters.encoder(Actor), _converters.decoder(Actor)
_source, _source_of = _converters.encoder(Source), _converters.decoder(Source)


def chain_hash(value: bytes) -> bytes:
    """The hash by which the next event of a region names this one: BLAKE2b-256 of the record's bytes."""
    return hashlib.blake2b(value, digest_size=32).digest()


def encode_event(event: Event[Any]) -> bytes:
    """An event's record value."""
    return encode_framed(event_frame(event), event)


def event_frame(event: Event[Any]) -> bytes:
    """What all events of one decision say alike, encoded once: a message's bytes may be joined from parts of it."""
    frame: bytes = _EventMessage(
        region=event.region, recorded_at=event.recorded_at, command_id=event.command_id, count=event.count,
        source=_source(event.source), actor=_actor(event.actor), policy=event.policy, lane=event.lane,
        exercise=event.exercise, trace=event.trace,
    ).SerializeToString()  # fmt: skip
    return frame


def encode_framed(frame: bytes, event: Event[Any]) -> bytes:
    """An event's record value, its decision's `event_frame` given."""
    name = event.type
    # Only what may hold a map needs the deterministic form; an envelope has none.
    own: bytes = _EventMessage(
        event_id=event.event_id, type=name, type_version=VERSIONS.get(name, 1), subject=event.subject, seq=event.seq,
        version=event.version, occurred_at=event.occurred_at, index=event.index, prev_hash=event.prev_hash,
        data=_events[name][2](event.data).SerializeToString(deterministic=True),
    ).SerializeToString()  # fmt: skip
    return frame + own


def decode_event(value: bytes) -> Event[Any]:
    """A record value's event, brought up to the present version; UnreadableRecord where it is none."""
    try:
        m = _EventMessage.FromString(value)
        data = _content(m, _events, "event")
        return Event(
            event_id=m.event_id, region=m.region, subject=m.subject, seq=m.seq, version=m.version,
            occurred_at=m.occurred_at, recorded_at=m.recorded_at, command_id=m.command_id, index=m.index, count=m.count,
            source=_source_of(m.source), actor=_actor_of(m.actor), policy=m.policy, lane=m.lane, exercise=m.exercise,
            trace=m.trace, prev_hash=m.prev_hash, data=data,
        )  # fmt: skip
    except DecodeError as e:
        raise UnreadableRecord(f"not an event: {e}") from e


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
        data = _content(m, _commands, "command")
        if not m.command_id or not m.region:
            raise UnreadableRecord("a command without an id or a region")
        return Command(
            command_id=m.command_id, region=m.region, target=m.target, actor=_actor_of(m.actor), issued_at=m.issued_at,
            expected_version=m.expected_version if m.HasField("expected_version") else None, lane=m.lane, trace=m.trace,
            exercise=m.exercise, data=data,
        )  # fmt: skip
    except DecodeError as e:
        raise UnreadableRecord(f"not a command: {e}") from e


def encode_value(value: Struct) -> bytes:
    """The record value of what is neither event nor command (dispatch orders)."""
    encoded: bytes = _values[type(value)][2](value).SerializeToString(deterministic=True)
    return encoded


def decode_value(cls: type[Struct], value: bytes) -> Any:
    """The reverse of `encode_value`."""
    message, decode, _ = _values[cls]
    try:
        return decode(message.FromString(value))
    except DecodeError as e:
        raise UnreadableRecord(f"not a {cls.__name__}: {e}") from e


def _content(m: Any, known: dict[str, Any], what: str) -> Any:
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
