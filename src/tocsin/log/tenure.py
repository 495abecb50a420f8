"""A partition owned on Kafka: the transactional producer, the fold's reader, the readers of urgent and routine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import RecordMetadata

from tocsin.log.connect import client_options, tune
from tocsin.log.kafka import FETCH_WAIT_MS, REQUEST_MAX, as_record, check_size, within
from tocsin.log.port import Append, Appended, CommitUnknown, Fenced, Lag, LogUnavailable, Record
from tocsin.log.topics import Topic
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
TRANSACTION_TIMEOUT_MS = 10_000
ACQUIRE_S = 30.0
COMMIT_S = 15.0
"""Longer than the broker lets a transaction live: after it, only a new producer can say what became of it."""
BATCH_BYTES = 768 * 1024
FETCH_BYTES = 4 * REQUEST_MAX
BARRIER = b"tocsin-barrier"


class KafkaTenure:
    """See `Tenure`. The transactional id names kernel and partition: one owner each (invariant 3).

    Not the instance: two deployments set on the same topics by mistake fence one another instead of deciding twice.
    """

    def __init__(
        self, settings: Settings, name: str, partition: int, *, inputs: Sequence[Topic], events: Topic
    ) -> None:
        tune()
        self._settings = settings
        self._id = f"tocsin-{name}-{partition}"
        self._inputs = [TopicPartition(t.name, partition) for t in inputs]
        self._events = TopicPartition(events.name, partition)
        self._producer: AIOKafkaProducer | None = None
        self._reader: AIOKafkaConsumer | None = None

    async def acquire(self) -> int:
        """See `Tenure`. The end is that of a barrier record, written and aborted: no stale answer can be below it."""
        await self._drop_producer()
        producer = self._producer = AIOKafkaProducer(
            transactional_id=self._id, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS, acks="all",
            enable_idempotence=True, max_request_size=REQUEST_MAX, max_batch_size=BATCH_BYTES,
            request_timeout_ms=TRANSACTION_TIMEOUT_MS, **client_options(self._settings),
        )  # fmt: skip
        try:
            async with asyncio.timeout(ACQUIRE_S):
                await producer.start()
                return await self._barrier(producer)
        except (KafkaError, TimeoutError, OSError) as e:
            await self._drop_producer()
            if _fenced(e):
                raise Fenced(f"{self._id}: fenced while acquiring") from e
            raise LogUnavailable(f"{self._id} could not be acquired: {e!r}") from e

    async def _barrier(self, producer: AIOKafkaProducer) -> int:
        await producer.begin_transaction()
        sent = await producer.send(self._events.topic, key=BARRIER, value=b"", partition=self._events.partition)
        stood: RecordMetadata = await sent
        await producer.abort_transaction()
        return int(stood.offset) + 1

    async def history(self, start: int, end: int) -> AsyncIterator[list[Record]]:
        """See `Tenure`."""
        reader = await self._consumer([self._events], {self._events: start})
        try:
            while await reader.position(self._events) < end:
                found = await reader.getmany(timeout_ms=FETCH_WAIT_MS, max_records=5000)
                yield [as_record(r) for rs in found.values() for r in rs]
        except KafkaError as e:
            raise LogUnavailable(f"the fold of {self._events} broke off: {e!r}") from e
        finally:
            await within(asyncio.ensure_future(reader.stop()))

    async def seek(self, positions: Mapping[str, int]) -> None:
        """See `Tenure`."""
        await self._drop_reader()
        self._reader = await self._consumer(self._inputs, {tp: positions.get(tp.topic, 0) for tp in self._inputs})

    async def _consumer(
        self, assigned: Sequence[TopicPartition], starts: Mapping[TopicPartition, int]
    ) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            isolation_level="read_committed", auto_offset_reset="none", enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS, max_partition_fetch_bytes=FETCH_BYTES, **client_options(self._settings),
        )  # fmt: skip
        try:
            await consumer.start()
            consumer.assign(list(assigned))
            begins = await consumer.beginning_offsets(list(assigned))
        except (KafkaError, OSError) as e:
            await within(asyncio.ensure_future(consumer.stop()))
            raise LogUnavailable(f"no answer from {self._settings.kafka_bootstrap}: {e!r}") from e
        for tp in assigned:
            consumer.seek(tp, max(begins[tp], starts[tp]))
        return consumer

    async def poll(self, *, limit: int, wait_ms: int) -> list[Record]:
        """See `Tenure`: first what waits of the urgent topic, then of the others with what is left of the limit."""
        if self._reader is None:
            raise LogUnavailable("poll before seek")
        try:
            found: list[Record] = []
            for tp in self._inputs:
                if len(found) < limit:
                    ready = await self._reader.getmany(tp, timeout_ms=0, max_records=limit - len(found))
                    found += [as_record(r) for r in ready.get(tp, ())]
            if not found:
                ready = await self._reader.getmany(timeout_ms=wait_ms, max_records=limit)
                found = [as_record(r) for tp in self._inputs for r in ready.get(tp, ())]
        except KafkaError as e:
            raise LogUnavailable(f"the inputs of {self._id} cannot be read: {e!r}") from e
        return found

    async def commit(self, records: Sequence[Append]) -> list[Appended]:
        """See `Tenure`. A failure after the check of sizes leaves the outcome to be found by the next fold."""
        for r in records:
            check_size(r)
        producer = self._producer
        if producer is None:
            raise CommitUnknown("no producer: the partition has not been acquired")
        try:
            async with asyncio.timeout(COMMIT_S):
                await producer.begin_transaction()
                appended = await self._produce(producer, records)
                if len(appended) != len(records):
                    raise CommitUnknown(f"{len(appended)} of {len(records)} records were produced")
                await producer.commit_transaction()
        except (KafkaError, TimeoutError, OSError, AssertionError) as e:
            # aiokafka asserts its own transaction states: an assertion says that the producer is not usable any more.
            if _fenced(e):
                raise Fenced(f"{self._id}: another producer has taken the transactional id") from e
            raise CommitUnknown(f"{self._id}: {e!r}") from e
        return appended

    async def _produce(self, producer: AIOKafkaProducer, records: Sequence[Append]) -> list[Appended]:
        groups: dict[TopicPartition, list[Append]] = {}
        for r in records:
            groups.setdefault(TopicPartition(r.topic, r.partition), []).append(r)
        done = await asyncio.gather(*(self._produce_to(producer, tp, group) for tp, group in groups.items()))
        return [a for group in done for a in group]

    async def _produce_to(
        self, producer: AIOKafkaProducer, tp: TopicPartition, records: Sequence[Append]
    ) -> list[Appended]:
        waiting: list[tuple[asyncio.Future[RecordMetadata], int]] = []
        batch = producer.create_batch()
        for r in records:
            if batch.append(key=r.key, value=r.value, timestamp=None, headers=list(r.headers)) is None:
                waiting.append(
                    (await producer.send_batch(batch, tp.topic, partition=tp.partition), batch.record_count())
                )
                batch = producer.create_batch()
                if batch.append(key=r.key, value=r.value, timestamp=None, headers=list(r.headers)) is None:
                    raise CommitUnknown(f"a record of {len(r.value or b'')} bytes fits no batch")
        waiting.append((await producer.send_batch(batch, tp.topic, partition=tp.partition), batch.record_count()))
        appended: list[Appended] = []
        for future, count in waiting:
            base = await future
            appended += [Appended(tp.topic, tp.partition, base.offset + i, base.timestamp) for i in range(count)]
        return appended

    def lags(self) -> list[Lag]:
        """See `Tenure`."""
        if self._reader is None:
            return []
        assignment = self._reader._subscription.subscription.assignment  # noqa: SLF001 - position() may wait
        found = []
        for tp in self._inputs:
            state = assignment.state_value(tp)
            if state.highwater is not None and state.has_valid_position:
                unstable = max(0, state.highwater - state.lso) if state.lso is not None and state.lso >= 0 else 0
                found.append(Lag(tp.topic, tp.partition, max(0, state.highwater - state.position), unstable))
        return found

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await within(asyncio.ensure_future(producer.stop()))

    async def _drop_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await within(asyncio.ensure_future(reader.stop()))

    async def stop(self) -> None:
        """See `Tenure`."""
        await asyncio.gather(self._drop_producer(), self._drop_reader())


def _fenced(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ProducerFenced | InvalidProducerEpoch):
            return True
        error = error.__cause__ or error.__context__
    return False
