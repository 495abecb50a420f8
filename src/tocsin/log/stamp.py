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


class Stamped(Struct, frozen=True):
    """An event and its record value."""

    event: Event[Any]
    value: bytes


def stamp(
    origin: Origin, drafts: Sequence[Draft[Any]], head: Head, version: Callable[[str], int]
) -> tuple[list[Stamped], Head]:
    """Events for these drafts, each with its bytes, and the chain's new head. Changes nothing."""
    stamped: list[Stamped] = []
    versions: dict[str, int] = {}
    frame = b""
    for index, draft in enumerate(drafts):
        before = versions.get(draft.subject)
        versions[draft.subject] = (version(draft.subject) if before is None else before) + 1
        event = Event(
            event_id=event_id(origin.command_id, origin.salt, index), region=origin.region, subject=draft.subject,
            seq=head.seq + 1, version=versions[draft.subject], recorded_at=origin.recorded_at,
            occurred_at=origin.recorded_at if draft.occurred_at is None else draft.occurred_at,
            command_id=origin.command_id, index=index, count=len(drafts), source=origin.source, data=draft.data,
            actor=origin.actor, policy=origin.policy, lane=origin.lane, exercise=origin.exercise, trace=origin.trace,
            prev_hash=chain_hash(head.value) if head.value else b"",
        )  # fmt: skip
        if index == 0:
            frame = event_frame(event)
        value = encode_framed(frame, event)
        head = Head(event.seq, value)
        stamped.append(Stamped(event, value))
    return stamped, head
