"""Keeps the read model up with the log, and the streams with the read model."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from services.notifier.fold import Fold, Folded
from services.notifier.hub import Hub
from tocsin.log.deadletters import dead_letter
from tocsin.log.kafka import KafkaFollower
from tocsin.log.port import LogUnavailable, Producer, Record, RecordTooLarge
from tocsin.log.topics import DELIVERIES, INCIDENT_EVENTS
from tocsin.runtime.clock import Clock
from tocsin.runtime.metrics import CONSUMER_LAG, DEADLETTERS, STAGE_SECONDS

log = structlog.get_logger()
BATCH_MAX = 2_000
"""Records folded in one transaction; at most some 0.2 s of work."""
LAG_EVERY_S = 2.0
ANSWER_S = 10.0
"""How long the log may leave a question unanswered before this replica says that it does not know what is new."""
LIVE_S = 60.0
"""Older events were not delivered late: they are history, read while the read model is built."""


class Feed:
    """One reader of all partitions. `make` opens a follower; it is opened anew after every failure."""

    def __init__(
        self, fold: Fold, hub: Hub, make: Callable[[], KafkaFollower], producer: Producer, clock: Clock, partitions: int
    ) -> None:
        self._fold, self._hub, self._make, self._producer, self._clock = fold, hub, make, producer, clock
        self._partitions = partitions
        self._follower: KafkaFollower | None = None
        self._looked = 0.0
        self._folding = False
        self._goal: Mapping[tuple[str, int], int] = {}
        self.reason: str | None = "the log has not been read yet"
        self.caught_up = False

    def ready(self) -> str | None:
        """What keeps the read model from being true, or None."""
        return self.reason

    async def ends(self) -> Sequence[int]:
        """The stable end of each partition of the incidents' events."""
        follower = self._follower
        found = await follower.ends() if follower is not None else {}
        return [found.get((INCIDENT_EVENTS.name, p), 0) for p in range(self._partitions)]

    async def reach_end(self, stop: asyncio.Event) -> None:
        """Waits until everything that stands on the log now has been folded."""
        while not stop.is_set():
            follower = self._follower
            if follower is not None and self.caught_up:
                ends = await follower.ends()
                while not stop.is_set() and self._follower is follower:
                    if all(follower.positions().get(at, 0) >= end for at, end in ends.items()) and not self._folding:
                        return
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.1)

    async def run(self, stop: asyncio.Event) -> None:
        """Follows until `stop`; a log out of reach is tried again each second."""
        while not stop.is_set():
            try:
                await self._follow(stop)
            except LogUnavailable as e:
                self.reason, self.caught_up = f"the log does not answer ({e})", False
                log.warning("log_unavailable", error=str(e))
            except sqlite3.Error as e:
                self.reason, self.caught_up = f"the read model cannot be written ({e}); look at the disk", False
                log.warning("read_model_failed", error=repr(e))
            finally:
                await self._close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)

    async def _close(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.stop()

    async def _follow(self, stop: asyncio.Event) -> None:
        follower = self._make()
        await follower.start(self._fold.positions())
        self._follower = follower
        ends = await follower.ends()
        if any(n > ends.get(at, 0) for at, n in self._fold.positions().items()):
            log.warning("read_model_void", reason="the log is shorter than what was read of it: another log")
            self._fold.reset()
            self._hub.begin([0] * self._partitions)
            return
        held = self._fold.positions()
        self._hub.begin([held.get((INCIDENT_EVENTS.name, p), 0) for p in range(self._partitions)])
        self._looked, self._folding, self._goal = 0.0, False, ends
        async for batch in follower.batches(max_records=BATCH_MAX, idle_ms=250):
            if batch:
                self._folding = True
                await self._take(batch)
                self._folding = False
            if time.monotonic() - self._looked > LAG_EVERY_S or not self.caught_up:
                await self._look(follower)
            if stop.is_set():
                return

    async def _take(self, batch: Sequence[Record]) -> None:
        folded = await asyncio.to_thread(self._fold.take, batch)
        self._hub.publish(folded.entries, self._reached(folded.positions))
        self._time(folded, batch)
        for record, error in folded.unreadable:
            await self._dead(record, error)

    def _reached(self, positions: Mapping[tuple[str, int], int]) -> list[int]:
        held = self._hub.position
        return [max(positions.get((INCIDENT_EVENTS.name, p), 0), held[p]) for p in range(self._partitions)]

    def _time(self, folded: Folded, batch: Sequence[Record]) -> None:
        if not self.caught_up:
            return
        now = self._clock.now_ms() if self._clock.is_real else time.time_ns() // 1_000_000
        moments = [e.event.recorded_at for e in folded.entries] if self._clock.is_real else [r.timestamp for r in batch]
        for at in moments:
            if now - at < LIVE_S * 1000:
                STAGE_SECONDS.labels("deliver").observe(max(0, now - at) / 1000)

    async def _look(self, follower: KafkaFollower) -> None:
        self._looked = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_S):
                ends, at = await follower.ends(), follower.positions()
        except TimeoutError as e:
            raise LogUnavailable(f"it is silent for {ANSWER_S:g} s") from e
        for (topic, partition), end in ends.items():
            CONSUMER_LAG.labels(topic, str(partition)).set(max(0, end - at.get((topic, partition), 0)))
        # Held against where the log ended when the reading began: under load its present end is never reached.
        behind = sum(max(0, end - at.get(place, 0)) for place, end in self._goal.items())
        self.caught_up = self.caught_up or behind == 0
        self.reason = None if self.caught_up else f"{behind} records of the log are still to be read"

    async def _dead(self, record: Record, error: str) -> None:
        """A record nobody can read goes to the dead letters, once: its id is its place."""
        DEADLETTERS.labels("notifier").inc()
        log.warning(
            "record_unreadable", topic=record.topic, partition=record.partition, offset=record.offset, error=error
        )
        try:
            await self._producer.append(dead_letter(record, stage="decode", error=error))
        except (LogUnavailable, RecordTooLarge) as e:
            log.warning(
                "deadletter_lost", topic=record.topic, partition=record.partition, offset=record.offset, error=str(e)
            )


FOLLOWED = (INCIDENT_EVENTS, DELIVERIES)
"""What the read model is folded from."""
