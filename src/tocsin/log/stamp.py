"""Drafts become events: deterministic ids, sequence and hash of the region's chain, version of the subject. Pure."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from tocsin.codec.frames import event_frame, id_field, join_framed, moment_field, subject_field
from tocsin.codec.wire import chain_hash
from tocsin.envelope import SYSTEM, Actor, Draft, Event, Lane, Ms, Source
from tocsin.log.ledger import Head

ID_BYTES = 16
"""128 bits: at a thousand million events the chance that two are equal is below 10^-20."""


def event_id(*parts: str | int) -> str:
    """A deterministic id: BLAKE2b of what makes it this one and no other (invariant 2)."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=ID_BYTES).hexdigest()


class Origin(Struct, frozen=True, kw_only=True):
    """What caused a group of events. `salt` tells events about a record from the command's own."""

    command_id: str
    region: str
    source: Source
    recorded_at: Ms
    policy: str
    actor: Actor = SYSTEM
    lane: Lane = "urgent"
    exercise: bool = False
    trace: str = ""
    salt: str = ""


class Stamped(Struct, frozen=True, gc=False):
    """An event and its record value."""

    event: Event[Any]
    value: bytes


def stamp(
    origin: Origin,
    drafts: Sequence[Draft[Any]],
    head: Head,
    version: Callable[[str], int],
    exercise: Callable[[Draft[Any]], bool | None] = lambda _: None,
) -> tuple[list[Stamped], Head]:
    """Events for these drafts, each with its bytes, and the chain's new head. Changes nothing.

    An event is an exercise's where `exercise` says so of its draft, whatever the command said (invariant 10); where it
    says nothing, as the command said, or as the subject's earlier draft.
    """
    stamped: list[Stamped] = []
    subjects: dict[str, _Subject] = {}
    frames: dict[bool, bytes] = {}
    o, count, recorded_at = origin, len(drafts), origin.recorded_at
    region, command_id, source, actor, policy, lane, trace = (
        o.region, o.command_id, o.source, o.actor, o.policy, o.lane, o.trace,
    )  # fmt: skip
    began = hashlib.blake2b(f"{command_id}\x1f{o.salt}\x1f".encode(), digest_size=ID_BYTES)
    recorded, seq, value = moment_field(recorded_at), head.seq, head.value
    for index, draft in enumerate(drafts):
        name, at, data = draft.subject, draft.occurred_at, draft.data
        subject = subjects.get(name)
        if subject is None:
            said = exercise(draft)
            subject = subjects[name] = _Subject(
                version(name), o.exercise if said is None else said, subject_field(name)
            )
        subject.version += 1
        whose = subject.exercise
        hashed = began.copy()
        hashed.update(b"%d" % index)
        event_id, prev = hashed.hexdigest(), chain_hash(value) if value else b""
        seq += 1
        # By place, in the order of the fields: eighteen named arguments cost more than all else here.
        event = Event(
            event_id, region, name, seq, subject.version, recorded_at if at is None else at, recorded_at, command_id,
            index, count, source, data, actor, policy, lane, whose, trace, prev,
        )  # fmt: skip
        frame = frames.get(whose)
        if frame is None:
            frame = frames[whose] = event_frame(event)
        value = join_framed(
            frame, data, id_field(event_id), subject.field, seq, subject.version,
            recorded if at is None else moment_field(at), index, prev,
        )  # fmt: skip
        stamped.append(Stamped(event, value))
    return stamped, Head(seq, value)


class _Subject(Struct, gc=False):
    """What the events of one subject in a decision share; `version` is the last one's."""

    version: int
    exercise: bool
    field: bytes
