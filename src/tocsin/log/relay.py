"""Relays: what committed events cause elsewhere, sent after the commit and in no transaction (invariant 11).

At least once: a relay's position is committed after its sends are acknowledged, and what it sends has ids made from the
event's, so that a repeat is known as one where it arrives.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata

from tocsin.codec.peek import EventHead
from tocsin.codec.wire import UnreadableRecord
from tocsin.log.connect import client_options
from tocsin.log.deadletters import Stage, dead_letter, where
from tocsin.log.kafka import FETCH_WAIT_MS, as_record, within
from tocsin.log.owner import Owner
from tocsin.log.port import Append, LogUnavailable, Producer, Record, RecordTooLarge
from tocsin.log.topics import Topic
from tocsin.runtime.metrics import DEADLETTERS
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
S = TypeVar("S")
Cause = Callable[[S, EventHead, Record], Sequence[Append]]
"""(state of the partition, event, its record) → what it causes elsewhere. The state may be ahead of the event.

Most events cause nothing, or are sent on as they are: a cause opens one (`EventHead.event`) where its type says so.
"""

BATCH = 500
IDLE_MS = 1000
RETRY_S = 1.0
COMMIT_S = 1.0
"""A relay's position is committed at most this often: what is sent again after a crash is known by its ids.

Under a manual clock after each batch: time moves on once the positions say that all is at rest.
"""
KEEP_ALIVE_S = 3600.0
"""An idle relay commits its position again this often: the broker forgets one untouched for a week."""
TOO_OLD_MS = 30 * 86_400_000
"""Older events are not relayed: where the position was lost, their repeats might be known to nobody any more."""


def relay_group(settings: Settings, kernel: str) -> str:
    """The consumer group under which a kernel's relay keeps its positions."""
    return "-".join(x for x in ("tocsin", settings.instance, kernel, "relay") if x)


class Relay(Generic[S]):
    """The relay of one kernel's events; `beside` runs next to the owner of each partition, in the same process."""

    def __init__(
        self, settings: Settings, kernel: str, events: Topic, causes: Sequence[Cause[S]], producer: Producer
    ) -> None:
        self._settings, self._events, self._causes, self._producer = settings, events, tuple(causes), producer
        self._group = relay_group(settings, kernel)
        self._commit_s = 0.0 if settings.clock == "manual" else COMMIT_S

    async def beside(self, owner: Owner[S]) -> None:
        """Relays the events of the owner's partition until cancelled; begins again by itself after a failure."""
        while True:
            try:
                await self._follow(owner)
            except (KafkaError, LogUnavailable, OSError) as e:
                log.warning("relay_interrupted", partition=owner.partition, error=repr(e))
            except Exception:
                # A relay that ended in silence would leave ambulances unsent: it says so and begins again.
                log.exception("relay_crashed", partition=owner.partition)
            await asyncio.sleep(RETRY_S)

    async def _follow(self, owner: Owner[S]) -> None:
        tp = TopicPartition(self._events.name, owner.partition)
        consumer = AIOKafkaConsumer(
            group_id=self._group, isolation_level="read_committed", auto_offset_reset="none",
            enable_auto_commit=False, fetch_max_wait_ms=FETCH_WAIT_MS, **client_options(self._settings),
        )  # fmt: skip
        try:
            await consumer.start()
            consumer.assign([tp])
            consumer.seek(tp, await consumer.committed(tp) or 0)
            kept, sent = asyncio.get_running_loop().time(), False
            while True:
                found = (await consumer.getmany(tp, timeout_ms=IDLE_MS, max_records=BATCH)).get(tp, [])
                if found:
                    await self._send(owner, found)
                    sent = True
                now = asyncio.get_running_loop().time()
                if now - kept > (self._commit_s if sent else KEEP_ALIVE_S):
                    await consumer.commit({tp: OffsetAndMetadata(await consumer.position(tp), "")})
                    kept, sent = now, False
        finally:
            await within(asyncio.ensure_future(consumer.stop()))

    async def _send(self, owner: Owner[S], found: Sequence[ConsumerRecord]) -> None:
        appends: list[Append] = []
        async with owner.between_batches() as state:
            horizon = owner.fold.ledger.recorded_at - TOO_OLD_MS
            for r in found:
                appends += self._caused(state, as_record(r), horizon)
        if not appends:
            return
        try:
            await self._producer.append_all(appends)
        except RecordTooLarge:
            await self._one_by_one(appends)

    async def _one_by_one(self, appends: Sequence[Append]) -> None:
        for append in appends:
            try:
                await self._producer.append(append)
            except RecordTooLarge as e:
                # It fits on no topic, the dead letters included: the log line is what is left, the event itself stands.
                log.error("relay_too_large", topic=append.topic, error=str(e))  # noqa: TRY400 - the text says all
                DEADLETTERS.labels("relay").inc()

    def _caused(self, state: S, record: Record, horizon: int) -> list[Append]:
        stage: Stage = "relay"
        try:
            event = EventHead(record.value or b"")
            if event.recorded_at < horizon:
                return []
            return [a for cause in self._causes for a in cause(state, event, record)]
        except UnreadableRecord as e:
            error = str(e)
        except Exception as e:  # noqa: BLE001 - one event's failing cause must not hold up those behind it
            error = where(e)
        DEADLETTERS.labels(stage).inc()
        log.error("relay_failed", topic=record.topic, partition=record.partition, offset=record.offset, error=error)
        return [dead_letter(record, stage=stage, error=error)]
