"""Registered webhooks in the read model: folded from the deliveries' topic, so every replica knows the same ones."""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from services.notifier.store import Store
from tocsin.codec.wire import encode_event
from tocsin.delivery import DeliveryAttempted, WebhookAdvanced, WebhookFailing, WebhookRegistered, WebhookRemoved
from tocsin.envelope import SYSTEM, Actor, Event, Ms, Source
from tocsin.log.headers import event_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import DELIVERIES
from tocsin.policy.model import Policy
from tocsin.runtime import positions
from tocsin.runtime.security import Principal
from tocsin.sight import Sight, sight_of


class Hook(Struct, kw_only=True):
    """An endpoint, its words sealed as on the log, and how it fares."""

    webhook_id: str
    region: str
    agency: str
    url: str
    secret: str
    event_types: list[str]
    created_at: Ms
    created_by: str
    delivered: int = 0
    last_status: int = 0
    last_error: str = ""
    last_at: Ms | None = None
    failing_since: Ms | None = None
    escalated: bool = False


_pack = msgspec.msgpack.Encoder().encode
_hook = msgspec.msgpack.Decoder(Hook).decode
OWN = (WebhookRegistered, WebhookRemoved, DeliveryAttempted, WebhookAdvanced, WebhookFailing)
"""What is folded here."""


def fold(db: sqlite3.Connection, event: Event[Any]) -> None:
    """One event of a webhook into its rows; one about an unknown or removed webhook changes nothing."""
    data = event.data
    if isinstance(data, WebhookRegistered):
        hook = Hook(
            webhook_id=data.webhook_id, region=event.region, agency=data.agency, url=data.url, secret=data.secret,
            event_types=list(data.event_types), created_at=event.occurred_at, created_by=data.by,
        )  # fmt: skip
        _write(db, hook)
        _advance(db, data.webhook_id, data.since)
        return
    row = db.execute("SELECT body FROM webhooks WHERE webhook_id = ?", (data.webhook_id,)).fetchone()
    if row is None:
        return
    if isinstance(data, WebhookRemoved):
        db.execute("DELETE FROM webhooks WHERE webhook_id = ?", (data.webhook_id,))
        db.execute("DELETE FROM webhook_positions WHERE webhook_id = ?", (data.webhook_id,))
    elif isinstance(data, WebhookAdvanced):
        _advance(db, data.webhook_id, data.since)
    else:
        _write(db, _fared(_hook(row[0]), data, event.occurred_at))
        if isinstance(data, DeliveryAttempted) and data.outcome != "failed":
            _reach(db, data.webhook_id, data.partition, data.next)


def _fared(hook: Hook, data: DeliveryAttempted | WebhookFailing, at: Ms) -> Hook:
    if isinstance(data, WebhookFailing):
        hook.escalated = True
        return hook
    hook.last_status, hook.last_error, hook.last_at = data.status, data.error, at
    if data.outcome == "delivered":
        hook.delivered, hook.failing_since, hook.escalated = hook.delivered + 1, None, False
    elif hook.failing_since is None:
        hook.failing_since = at
    return hook


def _write(db: sqlite3.Connection, hook: Hook) -> None:
    db.execute(
        "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?, ?)", (hook.webhook_id, hook.region, hook.agency, _pack(hook))
    )


def _advance(db: sqlite3.Connection, webhook_id: str, since: str) -> None:
    for partition, following in enumerate(positions.values(since) or ()):
        _reach(db, webhook_id, partition, following)


def _reach(db: sqlite3.Connection, webhook_id: str, partition: int, following: int) -> None:
    db.execute(
        "INSERT INTO webhook_positions VALUES (?, ?, ?)"
        " ON CONFLICT (webhook_id, partition) DO UPDATE SET next = max(next, excluded.next)",
        (webhook_id, partition, following),
    )


def record_of(
    webhook_id: str, region: str, data: Any, *, now: Ms, key: str, partitions: int, subject: str = "",
    actor: Actor = SYSTEM, exercise: bool = False,
) -> Append:  # fmt: skip
    """An event about a webhook for the deliveries' topic; all of one webhook's stand in one partition, in order.

    `key` tells its events apart: the same key is the same event.
    """
    event = Event(
        event_id=hashlib.blake2b(f"webhook:{webhook_id}:{key}".encode(), digest_size=16).hexdigest(),
        region=region, subject=subject or webhook_id, seq=0, version=0, occurred_at=now, recorded_at=now,
        command_id=webhook_id, index=0, count=1, source=Source(), data=data, actor=actor, exercise=exercise,
    )  # fmt: skip
    at = partition_of(region, partitions)
    return Append(DELIVERIES.name, at, webhook_id.encode(), encode_event(event), event_headers(event))


def hooks(store: Store, *, agency: str | None = None) -> list[Hook]:
    """All webhooks, or one agency's, oldest first."""
    with store.reading() as db:
        rows = db.execute("SELECT body FROM webhooks WHERE ? IS NULL OR agency = ?", (agency, agency)).fetchall()
    return sorted((_hook(r[0]) for r in rows), key=lambda h: (h.created_at, h.webhook_id))


def get_hook(store: Store, webhook_id: str) -> Hook | None:
    """One webhook."""
    with store.reading() as db:
        row = db.execute("SELECT body FROM webhooks WHERE webhook_id = ?", (webhook_id,)).fetchone()
    return _hook(row[0]) if row else None


def served(store: Store, webhook_id: str, partitions: int) -> list[int]:
    """How far a webhook has been served, per partition."""
    with store.reading() as db:
        sql = "SELECT partition, next FROM webhook_positions WHERE webhook_id = ?"
        held: dict[int, int] = dict(db.execute(sql, (webhook_id,)).fetchall())
    return [held.get(p, 0) for p in range(partitions)]


def sight_of_hook(hook: Hook, policy: Policy) -> Sight:
    """What an endpoint is told: what its agency's dispatcher may see; all but medical words where it has no agency."""
    role: Any = "dispatcher" if hook.agency else "admin"
    return sight_of(Principal(f"webhook:{hook.webhook_id}", role, hook.region, hook.agency), policy)


def wanted(types: Sequence[str], name: str) -> bool:
    """Whether an event of this type was asked for."""
    return not types or name in types
