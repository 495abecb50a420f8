"""The read model is true once it holds what the log held when the reading began, however fast the log grows."""

import asyncio
from pathlib import Path
from typing import Any

from services.notifier.feed import Feed
from services.notifier.fold import Fold
from services.notifier.hub import Hub
from services.notifier.present import Presenter
from services.notifier.store import Store
from tests.notifier_stage import PARTITIONS, Region
from tests.support import eventually
from tocsin.incident import events as ev
from tocsin.log.memory import Faults, MemoryFollower, MemoryLog, MemoryProducer, Place
from tocsin.log.port import Append
from tocsin.log.topics import INCIDENT_EVENTS
from tocsin.policy.load import load_policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring


class Busy(MemoryFollower):
    """A reader of a log that has one more event each time it is asked for its end: the reader is always one behind."""

    def __init__(self, log: MemoryLog, region: Region) -> None:
        super().__init__(log, [INCIDENT_EVENTS])
        self._writes = lambda: _write(log, region)

    async def ends(self) -> dict[Place, int]:
        """With the event that has just come."""
        self._writes()
        return await super().ends()


def _write(log: MemoryLog, region: Region) -> None:
    region.tell(f"{region.region}-20260405-000001", ev.NoteAdded(text="又来一条"))
    r = region.records[-1]
    log.put(Append(r.topic, r.partition, r.key, r.value, r.headers))


async def test_readiness_comes_under_load(tmp_path: Path) -> None:
    """A notifier killed under load is ready again though the log never stands still."""
    settings = Settings(data_dir=tmp_path)
    keyring = Keyring.open(settings)
    log, region = MemoryLog(partitions=PARTITIONS, faults=Faults()), Region(keyring)
    for _ in range(50):
        _write(log, region)
    hub = Hub(Presenter(load_policy(settings.policy_path), keyring), PARTITIONS)
    make: Any = lambda: Busy(log, region)  # noqa: E731 - the port's follower in the place of Kafka's
    store = Store(tmp_path / "notifier.db")
    feed = Feed(Fold(store), hub, make, MemoryProducer(log), Clock(), PARTITIONS)
    stop = asyncio.Event()
    running = asyncio.create_task(feed.run(stop))
    try:
        await eventually(lambda: feed.ready() is None, seconds=10, what="the read model is ready")
    finally:
        stop.set()
        await running
        store.close()
        keyring.close()
