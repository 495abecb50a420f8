"""A real router process killed under load: what it had not finished is decided by its successor, once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import eventually, free_port, free_ports, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics
from tocsin.chain import ChainWalk
from tocsin.codec.wire import decode_event, encode_command
from tocsin.envelope import Command
from tocsin.incident.commands import RecordCall
from tocsin.incident.events import CallRecorded
from tocsin.incident.values import CallRecord
from tocsin.log.headers import command_headers
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.topics import INCIDENT_EVENTS, URGENT
from tocsin.place import Place
from tocsin.runtime.settings import Settings

CALLS = 400
KILLS = 3
REGIONS = ("430921", "430623", "430721", "430981")
pytestmark = pytest.mark.broker


class Router:
    """The process, started again after each kill as a supervisor would."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings, self._log = settings, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """In the same slot, so that static membership gives it its partitions back."""
        env = dict(os.environ) | {
            "TOCSIN_KAFKA_BOOTSTRAP": self._settings.kafka_bootstrap, "TOCSIN_DATA_DIR": str(self._settings.data_dir),
            "TOCSIN_PORT": str(free_port()), "TOCSIN_PARTITIONS": str(self._settings.partitions),
        }  # fmt: skip
        with self._log.open("ab") as out:
            self.process = subprocess.Popen([sys.executable, "-m", "services.router"], env=env, stderr=out, stdout=out)

    def kill(self) -> None:
        """Kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(stretched(10))

    def end(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(stretched(10))


def call(n: int) -> Append:
    """A silent call, in one of the regions."""
    region = REGIONS[n % len(REGIONS)]
    record = CallRecord(call_id=f"k{n}", line="119", region=region, place=Place(region=region))
    command = Command(command_id=f"call:k{n}", region=region, data=RecordCall(call=record), target=f"k{n}")
    partition = partition_of(region, 6)
    return Append(
        URGENT.name, partition, region.encode(), encode_command(command), command_headers(command, line="119")
    )


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """A broker of this test's own: the product's topics have one name only."""
    kafka = EmbeddedKafka(tmp_path / "kafka", free_ports(8))
    await kafka.astart()
    try:
        made = Settings(kafka_bootstrap=kafka.bootstrap, data_dir=tmp_path / "data")
        await ensure_topics(made)
        yield made
    finally:
        await kafka.astop()


async def test_invariants_1_and_2_hold_through_kill_minus_9_under_load(settings: Settings, tmp_path: Path) -> None:
    """Every acknowledged call is recorded exactly once, chains are whole, deciding goes on within 10 s of a restart."""
    router, producer, follower = (
        Router(settings, tmp_path / "router.log"),
        KafkaProducer(settings),
        KafkaFollower(settings, [INCIDENT_EVENTS]),
    )
    await producer.start()
    await follower.start({})
    found: list[Record] = []
    recorded: Counter[str] = Counter()

    async def follow() -> None:
        async for batch in follower.batches(idle_ms=50):
            for r in batch:
                found.append(r)
                data = decode_event(r.value or b"").data
                if isinstance(data, CallRecorded):
                    recorded[data.call.call_id] += 1

    async def load() -> None:
        for n in range(CALLS):
            await producer.append(call(n))
            await asyncio.sleep(0.02)

    router.start()
    following, loading = asyncio.create_task(follow()), asyncio.create_task(load())
    try:
        await eventually(lambda: sum(recorded.values()) >= 20, seconds=60, what="the first calls decided")
        for _ in range(KILLS):
            router.kill()
            before = sum(recorded.values())
            router.start()
            await eventually(lambda n=before: sum(recorded.values()) > n + 5, seconds=30, what="deciding goes on")
        await loading
        await eventually(lambda: len(recorded) == CALLS, seconds=60, what="all calls decided")
        assert set(recorded.values()) == {1}
        walk = ChainWalk(INCIDENT_EVENTS.name)
        for r in found:
            walk.take(r.partition, r.offset, r.value or b"")
        assert walk.broken == []
        assert router.end() == 0
    finally:
        loading.cancel()
        await follower.stop()
        await following
        await producer.stop()
        if router.process is not None and router.process.poll() is None:
            router.kill()
