"""Kafka behind the port: the idempotent producer and the group-less follower. Owning a partition is in `tenure`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from tocsin.log.connect import client_options, tune
from tocsin.log.lanes import Lanes
from tocsin.log.port import Append, Appended, LogUnavailable, Record, RecordTooLarge
from tocsin.log.topics import RECORD_MAX, Topic
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
REQUEST_MAX = 1024 * 1024
STOP_S = 5.0
"""How long a client may take to close: an idempotent producer otherwise waits for a lost broker without end."""
FETCH_WAIT_MS = 1000
"""How long the broker holds an empty fetch; records that come meanwhile are answered at once."""


def as_record(r: ConsumerRecord) -> Record:
    """A record as the port shows it."""
    return Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, r.timestamp)


def check_size(record: Append) -> None:
    """RecordTooLarge where the record is over the contract's size."""
    size = len(record.value or b"") + len(record.key or b"")
    for name, value in record.headers:  # asked of every record: a generator costs twice as much
        size += len(name) + len(value)
    if size > RECORD_MAX:
        raise RecordTooLarge(f"a record of {size} bytes for {record.topic}; at most {RECORD_MAX}")


async def within(stop: "asyncio.Future[None] | asyncio.Task[None]") -> None:
    """Waits for a client to close, but not for ever."""
    done, _ = await asyncio.wait([stop], timeout=STOP_S)
    if not done:
        stop.cancel()
    elif stop.cancelled():
        # A client whose broker went away may end its own closing so; asked for its error it would cancel whoever waits.
        log.warning("client_close_failed", error="cancelled")
    elif (error := stop.exception()) is not None:
        log.warning("client_close_failed", error=repr(error))


class KafkaProducer:
    """Idempotent, acks=all. One for a service; made anew by itself where aiokafka's sender has died of a fatal error.

    `timeout_ms` is how long an append waits before LogUnavailable: the record may still come to stand on the log later,
    so it is sent again with the same id.
    """

    def __init__(self, settings: Settings, *, timeout_ms: int = 30_000) -> None:
        tune()
        self._settings, self._timeout_s = settings, timeout_ms / 1000
        self._inner: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()
        self._lanes = Lanes(self._connected)

    async def start(self) -> None:
        """Connects; LogUnavailable where it cannot."""
        await self._connected()

    async def _connected(self) -> AIOKafkaProducer:
        inner = self._inner
        if inner is not None and not inner._sender.sender_task.done():  # noqa: SLF001 - nothing public says it has died
            return inner
        async with self._renewing:
            if self._inner is inner:
                if inner is not None:
                    await within(asyncio.ensure_future(inner.stop()))
                self._inner = None
                self._inner = await self._make()
            return self._inner or await self._make()

    async def _make(self) -> AIOKafkaProducer:
        inner = AIOKafkaProducer(
            acks="all", enable_idempotence=True, max_request_size=REQUEST_MAX, max_batch_size=256 * 1024,
            **client_options(self._settings),
        )  # fmt: skip
        try:
            await asyncio.wait_for(inner.start(), self._timeout_s)
        except (KafkaError, TimeoutError, OSError) as e:
            await within(asyncio.ensure_future(inner.stop()))
            raise LogUnavailable(f"no answer from {self._settings.kafka_bootstrap}: {e!r}") from e
        return inner

    async def append(self, record: Append) -> Appended:
        """Writes one record and waits for all in-sync replicas. LogUnavailable, RecordTooLarge."""
        return (await self.append_all([record]))[0]

    async def append_all(self, records: Sequence[Append]) -> list[Appended]:
        """Writes many, in order per partition, and waits for all."""
        for r in records:
            check_size(r)
        return await self._lanes.append_all(records, self._timeout_s)

    async def stop(self) -> None:
        """Flushes and closes."""
        await self._lanes.stop()
        inner, self._inner = self._inner, None
        if inner is not None:
            await within(asyncio.ensure_future(inner.stop()))


class KafkaFollower:
    """Reads all partitions of some topics, read_committed, without a group, from positions the caller keeps."""

    def __init__(
        self, settings: Settings, topics: Sequence[Topic | str], *, fetch_wait_ms: int = FETCH_WAIT_MS
    ) -> None:
        self._settings, self._fetch_wait_ms = settings, fetch_wait_ms
        self._topics = [t.name if isinstance(t, Topic) else t for t in topics]
        self._inner: AIOKafkaConsumer | None = None
        self._assigned: list[TopicPartition] = []

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        if self._inner is None:
            raise LogUnavailable("the follower has not been started, or has been stopped")
        return self._inner

    async def start(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Begins at these next offsets; a partition not named begins at its first record."""
        inner = AIOKafkaConsumer(
            isolation_level="read_committed", auto_offset_reset="none", enable_auto_commit=False,
            fetch_max_wait_ms=self._fetch_wait_ms, max_partition_fetch_bytes=4 * REQUEST_MAX,
            **client_options(self._settings),
        )  # fmt: skip
        try:
            await inner.start()
            self._assigned = await self._partitions(inner)
            inner.assign(self._assigned)
            begins = await inner.beginning_offsets(self._assigned)
        except (KafkaError, OSError) as e:
            await within(asyncio.ensure_future(inner.stop()))
            raise LogUnavailable(f"no answer from {self._settings.kafka_bootstrap}: {e!r}") from e
        except LogUnavailable:
            await within(asyncio.ensure_future(inner.stop()))
            raise
        for tp in self._assigned:
            inner.seek(tp, max(begins[tp], positions.get((tp.topic, tp.partition), 0)))
        self._inner = inner

    async def _partitions(self, inner: AIOKafkaConsumer) -> list[TopicPartition]:
        there = await inner.topics()
        missing = [t for t in self._topics if t not in there]
        if missing:
            raise LogUnavailable(
                f"no such topic: {', '.join(missing)}; `tocsin up` makes them, `tocsin doctor` checks them"
            )
        for t in self._topics:
            await inner._client._wait_on_metadata(t)  # noqa: SLF001 - partitions_for_topic knows subscribed topics alone
        return [TopicPartition(t, p) for t in self._topics for p in sorted(inner.partitions_for_topic(t) or ())]

    async def batches(self, *, max_records: int = 500, idle_ms: int = 200) -> AsyncIterator[list[Record]]:
        """Batches in offset order per partition; an empty batch when nothing came for `idle_ms`.

        Ends when the follower is stopped. A broker out of reach shows as empty batches, never as an error.
        """
        while self._inner is not None:
            try:
                found = await self._inner.getmany(timeout_ms=idle_ms, max_records=max_records)
            except OffsetOutOfRangeError as e:
                await self._catch_up(e)
                continue
            except KafkaError as e:
                if self._inner is None:
                    return
                log.warning("follow_failed", error=repr(e))
                await asyncio.sleep(idle_ms / 1000)
                continue
            yield [as_record(r) for rs in found.values() for r in rs]

    async def _catch_up(self, error: OffsetOutOfRangeError) -> None:
        """Records below the position have expired: goes on at the first that is left, and says so."""
        lost = list(error.args[0])
        begins = await self._consumer.beginning_offsets(lost)
        for tp, offset in begins.items():
            log.warning("position_expired", topic=tp.topic, partition=tp.partition, offset=offset)
            self._consumer.seek(tp, offset)

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset of each partition, past transaction markers: caught up is `positions()[p] >= ends()[p]`."""
        assignment = self._consumer._subscription.subscription.assignment  # noqa: SLF001 - position() may wait; this must not
        return {
            (tp.topic, tp.partition): state.position
            for tp in self._assigned
            if (state := assignment.state_value(tp)).has_valid_position
        }

    async def ends(self) -> dict[tuple[str, int], int]:
        """The stable end (next offset) of each partition now. LogUnavailable where the broker does not answer."""
        try:
            found = await self._consumer.end_offsets(self._assigned)
        except (KafkaError, OSError) as e:
            raise LogUnavailable(f"no answer from {self._settings.kafka_bootstrap}: {e!r}") from e
        return {(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def stop(self) -> None:
        """Closes; `batches` ends."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await within(asyncio.ensure_future(inner.stop()))
