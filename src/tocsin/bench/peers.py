"""Bare loops over the same client and broker: what the machine gives when nothing is decided."""

import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from tocsin.log.connect import client_options, tune
from tocsin.runtime.settings import Settings

_BATCH = 1000
_FETCH = 4 * 1024 * 1024


async def fill(settings: Settings, topic: str, values: Sequence[bytes], *, partition: int = 0) -> float:
    """Appends the values with an idempotent producer; the seconds it took."""
    producer = AIOKafkaProducer(
        acks="all", enable_idempotence=True, max_batch_size=256 * 1024, linger_ms=5, **client_options(settings)
    )
    await producer.start()
    try:
        began = time.perf_counter()
        sent = [await producer.send(topic, value=v, partition=partition) for v in values]
        for s in sent:
            await s
        return time.perf_counter() - began
    finally:
        await producer.stop()


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        isolation_level="read_committed", auto_offset_reset="none", enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH, fetch_max_wait_ms=50, **client_options(settings),
    )  # fmt: skip


async def consume(settings: Settings, topic: str, *, partition: int = 0) -> float:
    """Reads a partition from its beginning to its present end and does nothing with it; records a second.

    To the end by position, not by count: what transactions leave between the records is no record.
    """
    consumer = _consumer(settings)
    await consumer.start()
    try:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, 0)
        began, seen = time.perf_counter(), 0
        while await consumer.position(tp) < end:
            found = await consumer.getmany(timeout_ms=1000, max_records=4000)
            seen += sum(len(r) for r in found.values())
        return seen / (time.perf_counter() - began)
    finally:
        await consumer.stop()


class Bare(Struct, frozen=True):
    """Records a second of the bare transactional pass-through, as written by `send` and by ready-made batches."""

    by_send: float
    by_batch: float

    @property
    def note(self) -> str:
        """The second figure, for a row whose peer is the first."""
        return f"ready-made batches pass {self.by_batch:,.0f}/s"


async def _by_send(producer: AIOKafkaProducer, records: Sequence[ConsumerRecord], target: str) -> None:
    sent = [await producer.send(target, key=r.key, value=r.value, partition=0) for r in records]
    for s in sent:
        await s


async def _by_batch(producer: AIOKafkaProducer, records: Sequence[ConsumerRecord], target: str) -> None:
    builder = producer.create_batch()
    for r in records:
        if builder.append(key=r.key, value=r.value, timestamp=None) is None:
            await producer.send_batch(builder, target, partition=0)
            builder = producer.create_batch()
            builder.append(key=r.key, value=r.value, timestamp=None)
    await producer.send_batch(builder, target, partition=0)


async def pass_through(
    settings: Settings, source: str, target: str, *, count: int, batch: int = _BATCH, batches: bool = False
) -> float:
    """Reads and writes on, a transaction a poll of at most `batch` records, nothing between; records a second.

    Each by aiokafka's `send`, as its users write; with `batches`, in batches made ready as our own owner makes them.
    """
    tune()
    consumer = _consumer(settings)
    producer = AIOKafkaProducer(
        transactional_id=f"bench-{source}", acks="all", enable_idempotence=True, max_batch_size=1024 * 1024,
        **client_options(settings),
    )  # fmt: skip
    write = _by_batch if batches else _by_send
    await consumer.start()
    await producer.start()
    try:
        tp = TopicPartition(source, 0)
        consumer.assign([tp])
        consumer.seek(tp, 0)
        began, seen = time.perf_counter(), 0
        while seen < count:
            found = await consumer.getmany(timeout_ms=1000, max_records=batch)
            records = found.get(tp, [])
            if not records:
                continue
            async with producer.transaction():
                await write(producer, records, target)
            seen += len(records)
        return seen / (time.perf_counter() - began)
    finally:
        await producer.stop()
        await consumer.stop()
