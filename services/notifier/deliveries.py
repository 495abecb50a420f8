"""Who was sent what and when: one replica writes it down for each partition, and never twice without saying so."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Sequence
from typing import Any, Literal

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from services.notifier.feed import Feed
from services.notifier.hub import Hub
from services.notifier.store import Store
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import UnreadableRecord, encode_event
from tocsin.delivery import DeliveryAcknowledged, DeliverySent
from tocsin.envelope import Event, Source
from tocsin.incident.events import (
    TaskAcknowledged,
    TaskAlerted,
    TaskCancelled,
    TaskReturned,
    TaskRouted,
    TaskTransferred,
)
from tocsin.log.connect import client_options
from tocsin.log.headers import event_headers
from tocsin.log.port import Append, LogUnavailable, Producer
from tocsin.log.topics import DELIVERIES, INCIDENT_EVENTS
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
COMMIT_S = 1.0
"""A position is committed at most this often: what is read again after a crash is known by its id in the read model."""
_ACTIONS: dict[type[Any], Literal["route", "update", "withdraw"]] = {
    TaskRouted: "route",
    TaskAlerted: "update",
    TaskCancelled: "withdraw",
    TaskReturned: "withdraw",
    TaskTransferred: "withdraw",
}
_TOLD = {TaskAcknowledged.__name__, *(c.__name__ for c in _ACTIONS)}
"""Events of which something is written; all others are not opened."""


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    def __init__(self, clerk: "Clerk") -> None:
        self._clerk = clerk
        self.fresh: frozenset[int] = frozenset()

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002 - the listener's signature
        """Nothing is held between batches."""
        self._clerk.held = frozenset()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """What the former holder wrote must be read before going on."""
        self.fresh = frozenset(tp.partition for tp in assigned)


class Clerk:
    """A member of the replicas' group: each partition's deliveries are written by whoever holds it."""

    def __init__(
        self, settings: Settings, store: Store, hub: Hub, feed: Feed, producer: Producer, clock: Clock
    ) -> None:
        self._settings, self._store, self._hub, self._feed = settings, store, hub, feed
        self._producer, self._clock = producer, clock
        self.held: frozenset[int] = frozenset()
        """The partitions this replica delivers, once all that their former holder wrote has been read."""

    async def run(self, stop: asyncio.Event) -> None:
        """Writes deliveries until `stop`; a log out of reach is tried again each second, from the last commit."""
        while not stop.is_set():
            try:
                await self._clerk(stop)
            except (KafkaError, LogUnavailable, OSError) as e:
                log.warning("deliveries_interrupted", error=repr(e))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)

    async def _clerk(self, stop: asyncio.Event) -> None:
        suffix = f"-{self._settings.instance}" if self._settings.instance else ""
        consumer = AIOKafkaConsumer(
            group_id=f"tocsin-deliveries{suffix}",
            group_instance_id=f"notifier-{self._settings.slot}",
            session_timeout_ms=6000,
            heartbeat_interval_ms=2000,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **client_options(self._settings),
        )
        assigned = _Assigned(self)
        consumer.subscribe([INCIDENT_EVENTS.name], listener=assigned)
        try:
            await consumer.start()
            kept, done = time.monotonic(), dict[TopicPartition, int]()
            while not stop.is_set():
                found = await consumer.getmany(timeout_ms=300, max_records=1000)
                if fresh := assigned.fresh:
                    assigned.fresh = frozenset()
                    await self._feed.reach_end(stop)
                    self.held = fresh
                if found:
                    await self._write([r for rs in found.values() for r in rs])
                    done |= {tp: rs[-1].offset + 1 for tp, rs in found.items()}
                if done and time.monotonic() - kept > COMMIT_S:
                    await consumer.commit({tp: n for tp, n in done.items() if tp in consumer.assignment()})
                    kept = time.monotonic()
                    done.clear()
        finally:
            self.held = frozenset()
            await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=3)

    async def _write(self, records: Sequence[ConsumerRecord]) -> None:
        made = [d for r in records if (d := self._delivery(r)) is not None]
        known = await asyncio.to_thread(self._known, [d.event_id for d in made])
        fresh = [d for d in made if d.event_id not in known]
        if fresh:
            await self._producer.append_all(
                [
                    Append(
                        DELIVERIES.name, d.source.partition, d.data.task_id.encode(), encode_event(d), event_headers(d)
                    )
                    for d in fresh
                ]
            )

    def _known(self, ids: Sequence[str]) -> set[str]:
        with self._store.reading() as db:
            return {i for i in ids if db.execute("SELECT 1 FROM deliveries WHERE event_id = ?", (i,)).fetchone()}

    def _delivery(self, record: ConsumerRecord) -> Event[Any] | None:
        try:
            head = EventHead(record.value or b"")
            event = head.event() if head.type in _TOLD else None
        except UnreadableRecord:
            return None  # the feed has put it among the dead letters
        if event is None:
            return None
        data = event.data
        action = _ACTIONS.get(type(data))
        made: DeliverySent | DeliveryAcknowledged
        if action is not None:
            made = DeliverySent(
                task_id=data.task_id,
                incident_id=event.subject,
                agency=data.agency,
                cause=event.type,
                cause_id=event.event_id,
                action=action,
                receivers=self._hub.watchers(data.agency),
                recorded_at=event.recorded_at,
            )
        elif isinstance(data, TaskAcknowledged):
            made = DeliveryAcknowledged(
                task_id=data.task_id,
                incident_id=event.subject,
                agency=data.agency,
                cause_id=event.event_id,
                by=event.actor.subject,
            )
        else:
            return None
        return Event(
            event_id=hashlib.blake2b(f"delivery:{event.event_id}".encode(), digest_size=16).hexdigest(),
            region=event.region,
            subject=event.subject,
            seq=0,
            version=0,
            occurred_at=self._clock.now_ms(),
            recorded_at=event.recorded_at,
            command_id=event.event_id,
            index=0,
            count=1,
            exercise=event.exercise,
            lane=event.lane,
            trace=event.trace,
            source=Source(topic=record.topic, partition=record.partition, offset=record.offset),
            data=made,
        )
