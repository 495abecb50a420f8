"""Where topics end and how far groups have come, asked of the broker without reading a record."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tocsin.log.connect import client_options
from tocsin.log.port import LogUnavailable
from tocsin.log.topics import Topic
from tocsin.runtime.settings import Settings

Offsets = dict[tuple[str, int], int]


class Ends:
    """A client that only asks. Every method raises LogUnavailable where the broker does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def start(self) -> None:
        """Connects."""
        consumer = AIOKafkaConsumer(
            isolation_level="read_committed", enable_auto_commit=False, **client_options(self._settings)
        )
        try:
            await consumer.start()
        except (KafkaError, OSError) as e:
            await consumer.stop()
            raise LogUnavailable(f"no answer from {self._settings.kafka_bootstrap}: {e!r}") from e
        self._consumer = consumer

    async def of(self, topics: Sequence[Topic]) -> Offsets:
        """The stable end of each of the deployment's partitions of these topics."""
        if self._consumer is None:
            raise LogUnavailable("not connected")
        wanted = [TopicPartition(t.name, p) for t in topics for p in range(self._settings.partitions)]
        try:
            found = await self._consumer.end_offsets(wanted)
        except (KafkaError, OSError) as e:
            raise LogUnavailable(f"the ends cannot be had: {e!r}") from e
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    async def committed(self, group: str) -> Offsets:
        """What a group has committed; a partition without a commit is absent."""
        try:
            if self._admin is None:
                admin = AIOKafkaAdminClient(**client_options(self._settings))
                await admin.start()
                self._admin = admin
            found = await self._admin.list_consumer_group_offsets(group)
        except (KafkaError, OSError) as e:
            raise LogUnavailable(f"the offsets of {group} cannot be had: {e!r}") from e
        return {(tp.topic, tp.partition): meta.offset for tp, meta in found.items() if meta.offset >= 0}

    async def stop(self) -> None:
        """Closes."""
        for client in (self._consumer, self._admin):
            if client is not None:
                await (client.stop() if isinstance(client, AIOKafkaConsumer) else client.close())
        self._consumer = self._admin = None
