"""One suite over every implementation of the log port: in memory and on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from tests.counter import CounterKernel
from tests.support import stretched
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.membership import KafkaOwnerLog
from tocsin.log.memory import MemoryFollower, MemoryGroup, MemoryLog, MemoryOwnerLog, MemoryProducer
from tocsin.log.port import Append, Fenced, Follower, OwnerLog, Producer, Record, RecordTooLarge, Tenure
from tocsin.log.topics import RECORD_MAX, Topic
from tocsin.runtime.settings import Settings

PARTITIONS = 2
_names = count()


class Log:
    """One implementation with topics of its own for one test."""

    def __init__(self, kernel: CounterKernel) -> None:
        self.kernel = kernel

    def owner_log(self) -> OwnerLog:
        """Of a new process."""
        raise NotImplementedError

    def producer(self) -> Producer:
        """A new one."""
        return self.owner_log().producer()

    def follower(self, *topics: Topic) -> Follower:
        """A new one."""
        raise NotImplementedError


class InMemory(Log):
    """The fake."""

    def __init__(self, kernel: CounterKernel) -> None:
        super().__init__(kernel)
        self.log = MemoryLog(partitions=PARTITIONS)
        self.group = MemoryGroup(self.log)

    def owner_log(self) -> OwnerLog:
        """See `Log`."""
        k = self.kernel
        return MemoryOwnerLog(self.log, self.group, k.name, inputs=k.inputs, events=k.events)

    def producer(self) -> Producer:
        """See `Log`."""
        return MemoryProducer(self.log)

    def follower(self, *topics: Topic) -> Follower:
        """See `Log`."""
        return MemoryFollower(self.log, topics)


class OnKafka(Log):
    """The real one."""

    def __init__(self, kernel: CounterKernel, settings: Settings) -> None:
        super().__init__(kernel)
        self.settings = settings

    def owner_log(self) -> OwnerLog:
        """See `Log`."""
        return KafkaOwnerLog(self.settings, self.kernel)

    def producer(self) -> Producer:
        """See `Log`."""
        return KafkaProducer(self.settings)

    def follower(self, *topics: Topic) -> Follower:
        """See `Log`."""
        return KafkaFollower(self.settings, topics)


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.broker)])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    """Each implementation in turn."""
    kernel = CounterKernel(f"contract{next(_names)}")
    if request.param == "memory":
        yield InMemory(kernel)
        return
    broker: EmbeddedKafka = request.getfixturevalue("broker")
    settings = Settings(kafka_bootstrap=broker.bootstrap, partitions=PARTITIONS)
    await ensure_topics(settings, kernel.topics)
    yield OnKafka(kernel, settings)


def record(topic: Topic, value: bytes, partition: int = 0) -> Append:
    """A record."""
    return Append(topic.name, partition, b"key", value, (("h", b"1"),))


async def read(log: Log, *topics: Topic) -> list[Record]:
    """All that a new follower finds up to the stable end."""
    follower = log.follower(*topics)
    await follower.start({})
    found: list[Record] = []
    try:
        ends = await follower.ends()
        async with asyncio.timeout(stretched(60)):
            async for batch in follower.batches(idle_ms=50):
                found += batch
                if all(follower.positions().get(p, 0) >= end for p, end in ends.items()):
                    break
    finally:
        await follower.stop()
    return found


async def acquired(log: Log, partition: int = 0) -> Tenure:
    """A tenure that has been acquired and reads its inputs from the start."""
    tenure = log.owner_log().tenure(partition)
    await tenure.acquire()
    await tenure.seek({})
    return tenure


async def test_appended_records_come_back_in_order_with_all_they_carry(log: Log) -> None:
    """Offsets rise by one in a partition; key, value, headers and the log's own time come back as answered."""
    producer = log.producer()
    await producer.start()
    answers = await producer.append_all([record(log.kernel.urgent, b"%d" % i, i % 2) for i in range(10)])
    await producer.stop()
    found = await read(log, log.kernel.urgent)
    assert [a.offset for a in answers if a.partition == 1] == [0, 1, 2, 3, 4]
    by_place = {(r.partition, r.offset): r for r in found}
    assert len(by_place) == 10
    for i, a in enumerate(answers):
        r = by_place[a.partition, a.offset]
        assert (r.value, r.key, r.headers, r.timestamp) == (b"%d" % i, b"key", (("h", b"1"),), a.timestamp)


async def test_a_record_over_the_size_is_refused_before_it_is_sent(log: Log) -> None:
    """RecordTooLarge, and the topic stays as it was."""
    producer = log.producer()
    await producer.start()
    with pytest.raises(RecordTooLarge):
        await producer.append(record(log.kernel.urgent, b"x" * (RECORD_MAX + 1)))
    await producer.append(record(log.kernel.urgent, b"after"))
    await producer.stop()
    assert [r.value for r in await read(log, log.kernel.urgent)] == [b"after"]


async def test_a_follower_goes_on_where_its_keeper_left(log: Log) -> None:
    """Given positions are next offsets; a partition without one begins at its first record."""
    producer = log.producer()
    await producer.start()
    await producer.append_all([record(log.kernel.urgent, b"%d" % i, i % 2) for i in range(6)])
    await producer.stop()
    follower = log.follower(log.kernel.urgent)
    await follower.start({(log.kernel.urgent.name, 0): 2})
    found: list[Record] = []
    async with asyncio.timeout(stretched(60)):
        async for batch in follower.batches(idle_ms=50):
            found += batch
            if len(found) >= 4:
                break
    await follower.stop()
    assert sorted((r.partition, r.offset) for r in found) == [(0, 2), (1, 0), (1, 1), (1, 2)]


async def test_a_transaction_is_read_whole_or_not_at_all(log: Log) -> None:
    """What is committed is read in all its topics; positions pass the markers, so that the end can be reached."""
    tenure = await acquired(log)
    k = log.kernel
    answers = await tenure.commit([record(k.events, b"e1"), record(k.out, b"o1"), record(k.events, b"e2")])
    await tenure.stop()
    assert {a.topic for a in answers} == {k.events.name, k.out.name}
    found = await read(log, k.events, k.out)
    assert [r.value for r in found if r.topic == k.events.name] == [b"e1", b"e2"]
    assert [r.value for r in found if r.topic == k.out.name] == [b"o1"]
    offsets = [a.offset for a in answers if a.topic == k.events.name]
    assert offsets == [r.offset for r in found if r.topic == k.events.name]


async def test_invariant_3_a_newer_owner_fences_the_older(log: Log) -> None:
    """The older commit raises Fenced and nothing of it is ever read."""
    old = await acquired(log)
    await old.commit([record(log.kernel.events, b"of the old")])
    new = await acquired(log)
    with pytest.raises(Fenced):
        await old.commit([record(log.kernel.events, b"of a zombie")])
    await new.commit([record(log.kernel.events, b"of the new")])
    await old.stop()
    await new.stop()
    assert [r.value for r in await read(log, log.kernel.events)] == [b"of the old", b"of the new"]


async def test_invariant_3_a_new_owner_folds_everything_committed_before_it(log: Log) -> None:
    """The end that `acquire` answers lies behind every committed record, and `history` reaches it."""
    first = await acquired(log)
    for i in range(5):
        await first.commit([record(log.kernel.events, b"%d" % i)])
    second = log.owner_log().tenure(0)
    end = await second.acquire()
    found = [r.value async for batch in second.history(0, end) for r in batch]
    later = [r.value async for batch in second.history(4, end) for r in batch]
    await first.stop()
    await second.stop()
    assert found == [b"0", b"1", b"2", b"3", b"4"]
    assert later == found[-len(later) :]


async def test_invariant_7_urgent_is_polled_before_routine(log: Log) -> None:
    """With both waiting, the urgent topic's records come first and fill the limit first."""
    producer = log.producer()
    await producer.start()
    await producer.append_all([record(log.kernel.routine, b"r%d" % i) for i in range(5)])
    await producer.append_all([record(log.kernel.urgent, b"u%d" % i) for i in range(5)])
    await producer.stop()
    tenure = await acquired(log)
    found: list[bytes | None] = []
    async with asyncio.timeout(stretched(60)):
        while len(found) < 10:
            batch = await tenure.poll(limit=4, wait_ms=200)
            topics = [r.topic for r in batch]
            assert topics == sorted(topics, key=lambda t: t != log.kernel.urgent.name)
            found += [r.value for r in batch]
    await tenure.stop()
    assert sorted(v or b"" for v in found) == sorted([b"r%d" % i for i in range(5)] + [b"u%d" % i for i in range(5)])


async def test_a_large_batch_is_split_and_still_one_transaction(log: Log) -> None:
    """More bytes than a produce batch holds: all are read, in order, after one commit."""
    tenure = await acquired(log)
    values = [bytes([65 + i]) * 300_000 for i in range(8)]
    answers = await tenure.commit([record(log.kernel.events, v) for v in values])
    await tenure.stop()
    assert len(answers) == len(values)
    assert [r.value for r in await read(log, log.kernel.events)] == values


@pytest.mark.parametrize("log", [pytest.param("kafka", marks=pytest.mark.broker)], indirect=True)
async def test_the_log_itself_ends_a_transaction_that_hangs(log: Log) -> None:
    """An open transaction is aborted by the log after its time-out, so that readers get past it.

    Of the real log alone: the one in memory has no time, an open transaction there waits for its next owner.
    """
    tenure: Any = await acquired(log)
    await tenure._producer.begin_transaction()
    sent = await tenure._producer.send(log.kernel.events.name, value=b"hidden", partition=0)
    await sent
    producer = log.producer()
    await producer.start()
    stood = await producer.append(record(log.kernel.events, b"behind it"))
    await producer.stop()
    follower = log.follower(log.kernel.events)
    await follower.start({})
    found: list[Record] = []
    async with asyncio.timeout(stretched(60)):
        async for batch in follower.batches(idle_ms=100):
            found += batch
            if found:
                break
    await follower.stop()
    await tenure.stop()
    assert [(r.value, r.offset) for r in found] == [(b"behind it", stood.offset)]
