"""The whole event log folded from its first record: for `replay`, `audit` and nothing that decides or sends."""

import asyncio
import contextlib
import gc
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from tocsin.codec.wire import UnreadableRecord, decode_event
from tocsin.envelope import Event
from tocsin.incident import digest as incident_digest
from tocsin.incident import evolve as incident_evolve
from tocsin.incident.state import PartitionState
from tocsin.log.connect import client_options
from tocsin.log.fold import Fold
from tocsin.log.kafka import within
from tocsin.log.kernel import Folding
from tocsin.log.port import LogUnavailable
from tocsin.log.topics import EMS_EVENTS, INCIDENT_EVENTS, Topic
from tocsin.mission import digest as mission_digest
from tocsin.mission import evolve as mission_evolve
from tocsin.mission.state import EmsState
from tocsin.runtime.settings import Settings

IDLE_S = 15.0
"""Without an answer of the log for so long, the replay gives up."""


class IncidentFold:
    """The fold of the router's events."""

    def initial(self) -> PartitionState:
        """See `Folding`."""
        return PartitionState()

    def evolve(self, state: PartitionState, event: Event[Any]) -> None:
        """See `Folding`."""
        incident_evolve.evolve(state, event)

    def digest(self, state: PartitionState) -> bytes:
        """See `Folding`."""
        return incident_digest.digest(state)


class MissionFold:
    """The fold of the 120 centre's events."""

    def initial(self) -> EmsState:
        """See `Folding`."""
        return EmsState()

    def evolve(self, state: EmsState, event: Event[Any]) -> None:
        """See `Folding`."""
        mission_evolve.evolve(state, event)

    def digest(self, state: EmsState) -> bytes:
        """See `Folding`."""
        return mission_digest.digest(state)


FOLDS: Mapping[str, tuple[Topic, Callable[[], Folding[Any]]]] = {
    "router": (INCIDENT_EVENTS, IncidentFold),
    "ems120": (EMS_EVENTS, MissionFold),
}
"""Owner → its events and their fold."""


class Replayed(Struct, frozen=True):
    """What a replay came to: the folds by partition, how many events, how long it took."""

    folds: dict[int, Fold[Any]]
    events: int
    seconds: float


@contextlib.asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed", auto_offset_reset="none", enable_auto_commit=False,
        max_partition_fetch_bytes=8 * 1024 * 1024, check_crcs=False, **client_options(settings),
    )  # fmt: skip
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError) as e:
        raise LogUnavailable(f"no answer from {settings.kafka_bootstrap}: {e!r}") from e
    finally:
        await within(asyncio.ensure_future(consumer.stop()))


async def ends_of(settings: Settings, topic: Topic) -> dict[int, int]:
    """The stable end of each partition now."""
    async with _reader(settings) as reader:
        tps = [TopicPartition(topic.name, p) for p in range(settings.partitions)]
        return {tp.partition: end for tp, end in (await reader.end_offsets(tps)).items()}


async def records_of(
    settings: Settings, topic: Topic, targets: Mapping[int, int]
) -> AsyncIterator[tuple[int, list[ConsumerRecord]]]:
    """Committed records of each partition from 0 up to its target offset (that one excluded), in order, in batches."""
    waiting = {TopicPartition(topic.name, p): end for p, end in targets.items() if end > 0}
    if not waiting:
        return
    async with _reader(settings) as reader:
        reader.assign(list(waiting))
        for tp in waiting:
            reader.seek(tp, 0)
        heard = time.monotonic()
        while waiting:
            found = await reader.getmany(*waiting, timeout_ms=500, max_records=20_000)
            for tp, records in found.items():
                heard, end = time.monotonic(), waiting[tp]
                yield tp.partition, records if records[-1].offset < end else [r for r in records if r.offset < end]
            for tp in [tp for tp, end in waiting.items() if await reader.position(tp) >= end]:
                del waiting[tp]
                reader.pause(tp)
            if time.monotonic() - heard > IDLE_S:
                raise LogUnavailable(f"{topic.name}: nothing came for {IDLE_S:g} s; partitions left: {len(waiting)}")


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """A fold makes no cycles; looking for some among millions of values would cost half its time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def replay(settings: Settings, service: str, targets: Mapping[int, int], *, until: int | None = None) -> Replayed:
    """Folds a service's events up to the target offsets (and up to a record time). LogUnavailable."""
    topic, kernel = FOLDS[service]
    folds = {p: Fold(kernel(), p) for p in targets}
    began = time.perf_counter()
    with _no_collections():
        async for partition, records in records_of(settings, topic, targets):
            fold, take = folds[partition], folds[partition].take
            for r in records:
                event = decode_event(r.value or b"")
                if until is None or event.recorded_at <= until:
                    take(event, r.value)
                    fold.offset = r.offset + 1
    seconds = time.perf_counter() - began
    for p, end in targets.items():
        if until is None:
            folds[p].offset = end
    return Replayed(folds, sum(f.ledger.events for f in folds.values()), seconds)


def whole(hashes: Mapping[str, str]) -> str:
    """One hash over many: `service/partition` → state hash, in a fixed order."""
    text = "\n".join(f"{k} {v}" for k, v in sorted(hashes.items()))
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


__all__ = ["FOLDS", "Replayed", "UnreadableRecord", "ends_of", "records_of", "replay", "whole"]
