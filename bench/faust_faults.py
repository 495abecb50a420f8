"""Why no call is routed by Faust: its guarantees, tried on today's versions and a real Kafka (ADR 1).

usage: python -m bench.faust_faults [--bootstrap HOST:PORT] [--clocks 100000] [--only NAME]

Starts an embedded Kafka of its own unless one is named, runs each experiment on topics of its own, prints a table, ends
by itself in about a minute. Nothing here is a judgement on other uses of Faust: supervision runs on it, within limits
drawn around exactly these points.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiokafka
import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tocsin.broker import EmbeddedKafka
from tocsin.codec.wire import encode_event
from tocsin.envelope import Event, Source
from tocsin.incident.events import ClockStarted
from tocsin.log.topics import SUPERVISION_FACTS

PORT = 29_310
PATIENCE_S = 40.0


class Finding(NamedTuple):
    """A row of the table."""

    question: str
    expected: str
    found: str


class Bench:
    """A broker, and what the experiments need of it."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap, self.folder = bootstrap, folder
        self._run = f"{time.time_ns() // 1_000_000:x}"

    async def topic(self, name: str, partitions: int = 1, **config: str) -> str:
        """Makes a topic of this run's own."""
        full = f"faults-{self._run}-{name}"
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(full, partitions, 1, topic_configs=config)])
        await admin.close()
        return full

    async def committed(self, group: str, topic: str) -> int:
        """The group's committed offset of partition 0."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        found = await admin.list_consumer_group_offsets(group)
        await admin.close()
        return next((m.offset for tp, m in found.items() if tp == TopicPartition(topic, 0)), -1)

    async def send(self, topic: str, *values: bytes) -> None:
        """Writes records to partition 0."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", enable_idempotence=True) as producer:
            for value in values:
                await producer.send_and_wait(topic, value, key=value[:40], partition=0)

    async def read(self, topic: str, *, isolation: str) -> list[bytes]:
        """All records of a topic, to its present end."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level=isolation) as consumer:
            await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - no public way without subscribing
            tps = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends, found = await consumer.end_offsets(tps), []
            until = time.monotonic() + 10
            while any([await consumer.position(tp) < end for tp, end in ends.items()]) and time.monotonic() < until:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [r.value for r in records]
            return found

    def app(self, name: str, group: str = "", **settings: Any) -> faust.App:
        """A Faust app as its documentation has it, on this broker."""
        return faust.App(
            group or f"{name}-{self._run}", broker=f"aiokafka://{self.bootstrap}", web_enabled=False,
            topic_disable_leader=True, autodiscover=False, consumer_auto_offset_reset="earliest",
            stream_wait_empty=False, datadir=str(self.folder / name),
            **{"store": "memory://", "broker_commit_interval": 0.5} | settings,
        )  # fmt: skip


@asynccontextmanager
async def running(app: faust.App) -> AsyncIterator[faust.App]:
    """The app, started and stopped."""
    await app.start()
    try:
        yield app
    finally:
        await asyncio.wait_for(app.stop(), PATIENCE_S)


async def until(check: Callable[[], Awaitable[bool] | bool], seconds: float = PATIENCE_S) -> bool:
    """Whether it came true within the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = check()
        if answer if isinstance(answer, bool) else await answer:
            return True
        await asyncio.sleep(0.1)
    return False


def raw(app: faust.App, topic: str) -> Any:
    """A topic of plain bytes."""
    return app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


async def aborted_records(b: Bench) -> Finding:
    """An at-least-once agent over a topic somebody writes in transactions."""
    topic = await b.topic("aborted")
    producer = AIOKafkaProducer(bootstrap_servers=b.bootstrap, transactional_id=f"{topic}-t")
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"never happened", partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"happened", partition=0)
    app, seen = b.app("aborted"), list[bytes]()

    @app.agent(raw(app, topic))
    async def look(stream: Any) -> None:
        async for value in stream:
            seen.append(value)

    async with running(app):
        await until(lambda: b"happened" in seen)
    return Finding(
        "records an at-least-once agent sees of an aborted transaction", "0", str(seen.count(b"never happened"))
    )


async def raised_events(b: Bench) -> Finding:
    """An agent that raises on one record."""
    topic = await b.topic("raised")
    await b.send(topic, b"one", b"two: the agent raises", b"three")
    app, done = b.app("raised"), list[bytes]()

    @app.agent(raw(app, topic))
    async def work(stream: Any) -> None:
        async for value in stream:
            if value.startswith(b"two"):
                raise RuntimeError("the agent raises")
            done.append(value)

    async with running(app):
        await until(lambda: b"three" in done)
        await until(lambda: _past(b, app.conf.id, topic, 3), 10)
    offset = await b.committed(app.conf.id, topic)
    return Finding("committed offset after an agent raised on record 1 of 0–2 and did not do it", "1", str(offset))


async def undecodable_records(b: Bench) -> Finding:
    """An agent over JSON, given something that is none."""
    topic = await b.topic("garbage")
    await b.send(topic, b'{"a": 1}', b"\xff not json", b'{"a": 3}')
    app, done = b.app("garbage"), list[Any]()

    @app.agent(app.topic(topic, value_type=dict, value_serializer="json", key_type=bytes, key_serializer="raw"))
    async def work(stream: Any) -> None:
        async for value in stream:
            done.append(value)

    async with running(app):
        await until(lambda: len(done) == 2)
        await until(lambda: _past(b, app.conf.id, topic, 3), 10)
    offset = await b.committed(app.conf.id, topic)
    return Finding("committed offset past an undecodable record 1 of 0–2, shown to nobody", "1", str(offset))


async def concurrent_work(b: Bench) -> Finding:
    """An agent with concurrency 2: the first record takes long, the others are quick."""
    topic = await b.topic("concurrent")
    await b.send(topic, *[f"{i}".encode() for i in range(20)])
    app, gate, done = b.app("concurrent"), asyncio.Event(), list[bytes]()

    @app.agent(raw(app, topic), concurrency=2)
    async def work(stream: Any) -> None:
        async for value in stream:
            if value == b"0":
                await gate.wait()
            done.append(value)

    async with running(app):
        await until(lambda: len(done) >= 10)
        await until(lambda: _past(b, app.conf.id, topic, 1), 5)
        offset = await b.committed(app.conf.id, topic)
        gate.set()
    return Finding("committed offset while record 0 is still being worked on (concurrency 2)", "0 or none", str(offset))


async def failed_produce(b: Bench) -> Finding:
    """An agent that forwards each record by `send`, to a topic that refuses one for its size."""
    source, target = await b.topic("fp-in"), await b.topic("fp-out", **{"max.message.bytes": "2000"})
    await b.send(source, b"small", b"x" * 5_000, b"small too")
    app, done = b.app("failed-produce"), list[int]()
    out = raw(app, target)

    @app.agent(raw(app, source))
    async def forward(stream: Any) -> None:
        async for value in stream:
            await out.send(key=b"k", value=value)
            done.append(len(value))

    async with running(app):
        await until(lambda: len(done) == 3)
        await until(lambda: _past(b, app.conf.id, source, 3), 10)
    arrived = len(await b.read(target, isolation="read_committed"))
    offset = await b.committed(app.conf.id, source)
    return Finding(
        "committed input of 3 records, of which the output topic refused one", f"at most {arrived}", str(offset)
    )


async def exactly_once_early(b: Bench) -> Finding:
    """`exactly_once` from partition 0 to partition 1, looked at before the first commit.

    Were input and output one transaction, a reader of committed records would see nothing yet; a crash now does all of
    it again, and the reader has it twice.
    """
    source, target = await b.topic("eo-in", 2), await b.topic("eo-out", 2)
    await b.send(source, *[f"{i}".encode() for i in range(50)])
    app = b.app("exactly-once", processing_guarantee="exactly_once", broker_commit_interval=60.0)
    out, done = raw(app, target), list[bytes]()

    @app.agent(raw(app, source))
    async def forward(stream: Any) -> None:
        async for value in stream:
            await out.send(key=b"k", value=value, partition=1)
            done.append(value)

    await app.start()
    await until(lambda: len(done) == 50, 20)
    offset = await b.committed(app.conf.id, source)
    arrived = len(await b.read(target, isolation="read_committed"))
    await asyncio.gather(asyncio.wait_for(app.stop(), PATIENCE_S), return_exceptions=True)
    asked = "exactly_once: outputs readers of committed records see of uncommitted input"
    return Finding(asked, "0", f"{arrived}, committed offset {'none' if offset < 0 else offset}")


async def fold(b: Bench, clocks: int) -> Finding:
    """The same question put to a plain fold: `clocks` running limits out of the facts' topic."""
    from services.supervision.desk import Desk  # noqa: PLC0415 - the code that supervision itself starts with
    from tocsin.runtime.settings import Settings  # noqa: PLC0415 - as above

    admin = AIOKafkaAdminClient(bootstrap_servers=b.bootstrap)
    await admin.start()
    if SUPERVISION_FACTS.name in await admin.list_topics():
        await admin.close()
        return Finding(
            f"a plain fold brings back {clocks:,} running clocks", "≤ 30 s", "the topic is there: not touched"
        )
    await admin.create_topics([NewTopic(SUPERVISION_FACTS.name, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=b.bootstrap, linger_ms=5) as producer:
        for at in range(0, clocks, 5_000):
            many = range(at, min(at + 5_000, clocks))
            sent = [await producer.send(SUPERVISION_FACTS.name, _fact(i), key=b"430921", partition=0) for i in many]
            await asyncio.gather(*sent)
    desk = Desk(Settings(kafka_bootstrap=b.bootstrap, partitions=1, data_dir=b.folder / "desk"))
    await desk.catch_up()
    held = len(desk.books[0].held)
    return Finding(
        f"a plain fold brings back {clocks:,} running clocks", "≤ 30 s",
        f"{desk.rebuild_seconds:.1f} s, {held / desk.rebuild_seconds:,.0f} clocks/s ({held:,} held)",
    )  # fmt: skip


def _fact(i: int) -> bytes:
    incident = f"430921-20260405-{i:06d}"
    data = ClockStarted(
        clock_id=f"{incident}-T1:complete:1", clock="complete", task_id=f"{incident}-T1", agency="nanxian-water",
        agency_class="department", started_at=1_775_361_600_000, due_at=1_775_361_600_000 + i,
        warn_at=1_775_361_500_000 + i, red_at=1_775_961_600_000 + i, source="sample policy",
    )  # fmt: skip
    return encode_event(Event(
        event_id=f"{i:032x}", region="430921", subject=incident, seq=i, version=3, occurred_at=1_775_361_600_000,
        recorded_at=1_775_361_600_000, command_id=f"call:{i}", index=2, count=4,
        source=Source(topic="tocsin.commands.routine.v1", partition=0, offset=i), data=data,
        policy="sha256:" + "0" * 64, lane="routine", prev_hash=b"\x00" * 32,
    ))  # fmt: skip


async def _past(b: Bench, group: str, topic: str, offset: int) -> bool:
    return await b.committed(group, topic) >= offset


async def experiments(b: Bench, clocks: int, only: str) -> list[Finding]:
    """All of them, one after the other; one that fails says so in its row."""
    tries: list[Callable[[], Awaitable[Finding]]] = [
        lambda: aborted_records(b), lambda: raised_events(b), lambda: undecodable_records(b),
        lambda: concurrent_work(b), lambda: failed_produce(b), lambda: exactly_once_early(b),
        lambda: fold(b, clocks),
    ]  # fmt: skip
    names = ["aborted", "raised", "undecodable", "concurrency", "failed produce", "exactly_once", "fold"]
    found = []
    for name, attempt in zip(names, tries, strict=True):
        if only not in {"", name}:
            continue
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            found.append(await asyncio.wait_for(attempt(), 120))
        except Exception as e:  # noqa: BLE001 - a row of the table, and the next experiment goes on
            found.append(Finding(name, "–", f"could not be tried: {e!r}"[:90]))
    return found


def show(found: list[Finding]) -> None:
    """The table."""
    print(f"faust-streaming {faust.__version__}, aiokafka {aiokafka.__version__}, Python {sys.version.split()[0]}\n")
    widths = [max(len(row[i]) for row in [*found, Finding("asked", "a call needs", "found")]) for i in range(3)]
    for row in [Finding("asked", "a call needs", "found"), *found]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> None:
    """Starts what is needed, and stops it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--bootstrap", default="", help="an existing Kafka; topics faults-… are made there")
    parser.add_argument("--clocks", type=int, default=100_000, help="running clocks for the plain fold")
    parser.add_argument("--only", default="", help="one experiment by name")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="tocsin-faust-"))
    try:
        if given.bootstrap:
            show(asyncio.run(experiments(Bench(given.bootstrap, folder), given.clocks, given.only)))
            return
        with EmbeddedKafka(folder / "kafka", PORT) as kafka:
            show(asyncio.run(experiments(Bench(kafka.bootstrap, folder), given.clocks, given.only)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
