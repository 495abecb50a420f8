"""Whether the 120 centre has worked off everything, so that a manual clock may be moved on; and what falls due next."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.ems120.index import Index
from services.ems120.timer import Timer
from tocsin.log.connect import client_options
from tocsin.log.port import LogUnavailable
from tocsin.log.relay import relay_group
from tocsin.log.topics import EMS_COMMANDS, EMS_EVENTS
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings

Offsets = dict[tuple[str, int], int]


class Pending:
    """Asks the broker for ends and the relay's position; compares them with what the events themselves say."""

    def __init__(self, settings: Settings, clock: Clock, index: Index, timer: Timer) -> None:
        self._settings, self._clock, self._index, self._timer = settings, clock, index, timer
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    def next_due(self, until_ms: int) -> int | None:
        """The earliest acknowledgement that runs out by then."""
        return min((m.acknowledge_due_at or 0 for m in self._timer.due(until_ms)), default=None)

    async def waiting_for(self) -> list[str]:
        """What is not yet at rest, in words; empty when all is."""
        if self._clock.mode != "manual":
            return ["the clock: it runs by itself, only a manual one waits"]
        if (reason := self._index.ready()) is not None:
            return [reason]
        try:
            before = await self._ends()
            reasons = self._undecided(before) + await self._unrelayed()
            if self._timer.due(self._clock.now_ms()):
                reasons.append("acknowledgements that are due")
            if not reasons and await self._ends() != before:
                reasons.append("records that came just now")
        except (LogUnavailable, KafkaError, OSError) as e:
            return [f"the log: {e}"]
        return reasons

    def _undecided(self, ends: Offsets) -> list[str]:
        reasons = []
        for (topic, p), end in sorted(ends.items()):
            if topic == EMS_COMMANDS.name and self._index.decided.get((topic, p), 0) < end:
                reasons.append(f"{topic} {p}: {end - self._index.decided.get((topic, p), 0)} records")
        events = {k: end for k, end in ends.items() if k[0] == EMS_EVENTS.name}
        if not self._index.reached(events):
            reasons.append(f"{EMS_EVENTS.name}: not read to its end")
        return reasons

    async def _unrelayed(self) -> list[str]:
        if not self._index.last_event:
            return []
        if self._admin is None:
            admin = AIOKafkaAdminClient(**client_options(self._settings))
            await admin.start()
            self._admin = admin
        group = relay_group(self._settings, "ems120")
        found = await self._admin.list_consumer_group_offsets(group)
        committed = {tp.partition: meta.offset for tp, meta in found.items() if tp.topic == EMS_EVENTS.name}
        behind = [p for p, last in sorted(self._index.last_event.items()) if committed.get(p, 0) < last]
        return [f"relay {group}: partitions {behind}"] if behind else []

    async def _ends(self) -> Offsets:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                isolation_level="read_committed", enable_auto_commit=False, **client_options(self._settings)
            )
            await consumer.start()
            self._consumer = consumer
        topics = (EMS_COMMANDS.name, EMS_EVENTS.name)
        wanted = [TopicPartition(t, p) for t in topics for p in range(self._settings.partitions)]
        found = await self._consumer.end_offsets(wanted)
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    async def stop(self) -> None:
        """Closes."""
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()
        self._consumer = self._admin = None
