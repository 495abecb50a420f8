"""The group that shares partitions out, on Kafka. It carries no records: each owner reads for itself."""

import asyncio
import contextlib
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from tocsin.log.connect import client_options, tune
from tocsin.log.kafka import KafkaProducer, within
from tocsin.log.port import LogUnavailable, Producer, Seat, Tenure
from tocsin.log.tenure import KafkaTenure
from tocsin.log.topics import Topic
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
SESSION_MS = 6000
HEARTBEAT_MS = 1500
REBALANCE_MS = 10_000
JOIN_S = 30.0
IDLE_MS = 1000


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, owner: "KafkaMembership", consumer: AIOKafkaConsumer, seat: Seat) -> None:
        self._owner, self._consumer, self._seat = owner, consumer, seat

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self._seat.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        for tp in assigned:
            self._consumer.seek(tp, 0)
            self._consumer.pause(tp)
        self._seat.assigned(frozenset(tp.partition for tp in assigned))


class KafkaMembership:
    """See `Membership`. Static (a restart keeps its partitions), subscribed to the urgent topic alone (design).

    Its consumer is paused on all it has: it heartbeats and is told of assignments, nothing more, so its reset policy
    never moves anyone's position.
    """

    def __init__(self, settings: Settings, name: str, topic: Topic) -> None:
        tune()
        self._settings, self._topic = settings, topic
        self._group = "-".join(x for x in ("tocsin", settings.instance, name) if x)
        self._seat: Seat | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._beat: asyncio.Task[None] | None = None

    async def join(self, seat: Seat) -> None:
        """See `Membership`."""
        self._seat = seat
        consumer = self._consumer = AIOKafkaConsumer(
            group_id=self._group, group_instance_id=f"{self._group}-{self._settings.slot}",
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS, rebalance_timeout_ms=REBALANCE_MS,
            enable_auto_commit=False, auto_offset_reset="earliest", **client_options(self._settings),
        )  # fmt: skip
        consumer.subscribe([self._topic.name], listener=_Listener(self, consumer, seat))
        try:
            async with asyncio.timeout(JOIN_S):
                await consumer.start()
        except (KafkaError, TimeoutError, OSError) as e:
            await self.leave()
            raise LogUnavailable(f"the group {self._group} cannot be joined: {e!r}") from e
        self._beat = asyncio.create_task(self._poll(consumer), name=f"membership-{self._group}")

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Polls the paused consumer: without it aiokafka would leave the group as idle."""
        while True:
            try:
                await consumer.getmany(timeout_ms=IDLE_MS)
            except KafkaError as e:
                log.warning("membership_poll_failed", error=repr(e))
                await asyncio.sleep(IDLE_MS / 1000)

    async def confirm(self, partition: int, position: int) -> bool:
        """See `Membership`: commits the position; the group takes it from a present member alone."""
        consumer = self._consumer
        tp = TopicPartition(self._topic.name, partition)
        if consumer is None or tp not in consumer.assignment():
            return False
        try:
            await consumer.commit({tp: OffsetAndMetadata(position, "")})
        except (CommitFailedError, IllegalStateError):
            return False
        except (KafkaError, OSError) as e:
            raise LogUnavailable(f"the group {self._group} does not answer: {e!r}") from e
        return True

    async def rejoin(self) -> None:
        """See `Membership`."""
        seat = self._seat
        if seat is None:
            raise LogUnavailable("rejoin before join")
        await seat.revoked()
        await self.leave()
        await self.join(seat)

    async def leave(self) -> None:
        """See `Membership`. A static member's place is kept for the session's length: a restart takes it up again."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beat
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await within(asyncio.ensure_future(consumer.stop()))


class KafkaOwnerLog:
    """See `OwnerLog`: the Kafka of these settings, for one kernel."""

    def __init__(self, settings: Settings, kernel: Any) -> None:
        self._settings, self._kernel = settings, kernel

    def membership(self) -> KafkaMembership:
        """See `OwnerLog`."""
        return KafkaMembership(self._settings, self._kernel.name, self._kernel.inputs[0])

    def tenure(self, partition: int) -> Tenure:
        """See `OwnerLog`."""
        kernel = self._kernel
        return KafkaTenure(self._settings, kernel.name, partition, inputs=kernel.inputs, events=kernel.events)

    def producer(self) -> Producer:
        """See `OwnerLog`."""
        return KafkaProducer(self._settings)
