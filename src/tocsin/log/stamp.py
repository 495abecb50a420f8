"""Drafts become events: deterministic ids, sequence and hash of the region's chain, version of the subject. Pure."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from tocsin.codec.wire import chain_hash, encode_framed, event_frame
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
    versions: dict[str, int] = {}
    exercises: dict[str, bool] = {}
    frames: dict[bool, bytes] = {}
    o, count, at = origin, len(drafts), origin.recorded_at
    began = hashlib.blake2b(f"{o.command_id}\x1f{o.salt}\x1f".encode(), digest_size=ID_BYTES)
    seq, value = head.seq, head.value
    for index, draft in enumerate(drafts):
        subject, seq = draft.subject, seq + 1
        before = versions.get(subject)
        if before is None:
            before = version(subject)
            said = exercise(draft)
            exercises[subject] = o.exercise if said is None else said
        versions[subject] = before + 1
        whose = exercises[subject]
        hashed = began.copy()
        hashed.update(b"%d" % index)
        event = Event(
            event_id=hashed.hexdigest(), region=o.region, subject=subject, seq=seq, version=before + 1, recorded_at=at,
            occurred_at=at if draft.occurred_at is None else draft.occurred_at,
            command_id=o.command_id, index=index, count=count, source=o.source, data=draft.data,
            actor=o.actor, policy=o.policy, lane=o.lane, exercise=whose, trace=o.trace,
            prev_hash=chain_hash(value) if value else b"",
        )  # fmt: skip
        frame = frames.get(whose)
        if frame is None:
            frame = frames[whose] = event_frame(event)
        value = encode_framed(frame, event)
        stamped.append(Stamped(event, value))
    return stamped, Head(seq, value)
