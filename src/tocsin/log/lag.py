"""How much of some topics is hidden behind an open transaction: what an alarm on hung transactions looks at."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tocsin.log.connect import client_options
from tocsin.log.kafka import within
from tocsin.log.topics import Topic
from tocsin.runtime.metrics import STABLE_OFFSET_LAG
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
EVERY_S = 2.0


class StableLagWatch:
    """Sets `tocsin_stable_offset_lag` of these topics every two seconds: end of the log less last stable offset.

    Any process may watch: the owner that hangs in its transaction cannot tell of itself.
    """

    def __init__(self, settings: Settings, topics: Sequence[Topic]) -> None:
        self._settings = settings
        self._watched = [TopicPartition(t.name, p) for t in topics for p in range(settings.partitions)]

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with self._reader("read_committed") as stable, self._reader("read_uncommitted") as end:
                    while True:
                        await self._look(stable, end)
                        await asyncio.sleep(EVERY_S)
            except (KafkaError, OSError) as e:
                log.warning("lag_unknown", error=repr(e))
                await asyncio.sleep(EVERY_S)

    async def _look(self, stable: AIOKafkaConsumer, end: AIOKafkaConsumer) -> None:
        # The stable end first: what is committed between the two answers must not look like something hidden for long.
        ends = await end.end_offsets(self._watched)
        stables = await stable.end_offsets(self._watched)
        for tp in self._watched:
            STABLE_OFFSET_LAG.labels(tp.topic, tp.partition).set(max(0, ends[tp] - stables[tp]))

    @contextlib.asynccontextmanager
    async def _reader(self, isolation: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - aiokafka has no types to name
        consumer = AIOKafkaConsumer(
            isolation_level=isolation, enable_auto_commit=False, **client_options(self._settings)
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await within(asyncio.ensure_future(consumer.stop()))
