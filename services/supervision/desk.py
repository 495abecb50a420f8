"""What supervision knows: a clock book a partition, folded from the facts by a plain follower and by the agent."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog

from tocsin.codec.wire import UnreadableRecord, decode_event
from tocsin.envelope import Event
from tocsin.log.kafka import KafkaFollower
from tocsin.log.port import LogUnavailable, Record
from tocsin.log.topics import SUPERVISION_FACTS
from tocsin.runtime.settings import Settings
from tocsin.supervision.clocks import ClockBook
from tocsin.supervision.ledger import Ledger

log = structlog.get_logger()
SLICE_S = 0.05
"""Folding gives the event loop its turn this often, or the group session would die (design, "Folding yields")."""


class Desk:
    """The books of all partitions. `owned` are those this replica answers for; only their limits are fired here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folding = asyncio.Lock()
        self.books: dict[int, ClockBook] = {p: ClockBook() for p in range(settings.partitions)}
        self.ledger = Ledger()
        self.owned: set[int] = set()
        self.folded = False
        self.ends: dict[int, int] = {}
        self.rebuild_seconds = 0.0

    def read(self, record: Record) -> Event[Any] | None:
        """A fact's event, or None where its bytes are none (they go to the dead letters when the agent meets them)."""
        try:
            return decode_event(record.value or b"")
        except UnreadableRecord:
            return None

    def fold(self, record: Record, event: Event[Any] | None) -> None:
        """Takes one fact in its order; one that was taken already is skipped."""
        book = self.books[record.partition]
        if record.offset >= book.position:
            if event is not None:
                book.apply(event)
                self.ledger.apply(event)
            book.position = record.offset + 1

    async def catch_up(self) -> None:
        """Folds every partition to its present end. LogUnavailable where the log does not answer."""
        async with self._folding:
            began = time.monotonic()
            follower = KafkaFollower(self._settings, [SUPERVISION_FACTS])
            await follower.start({(SUPERVISION_FACTS.name, p): b.position for p, b in self.books.items()})
            try:
                self.ends = {p: end for (_, p), end in (await follower.ends()).items()}
                if not self._behind(self.ends):
                    return
                async for batch in follower.batches(max_records=5_000, idle_ms=100):
                    await self._fold_all(batch)
                    self._skip_markers(follower)
                    if not self._behind(self.ends):
                        break
            finally:
                await follower.stop()
                self.rebuild_seconds = time.monotonic() - began

    async def catch_up_until_it_works(self) -> None:
        """The same, as often as it takes: a log out of reach is waited for."""
        while True:
            try:
                await self.catch_up()
            except LogUnavailable as e:
                log.warning("facts_out_of_reach", error=str(e))
                await asyncio.sleep(1)
            else:
                if not self.folded:
                    self.folded = True
                    log.info("facts_folded", count=sum(self.ends.values()), seconds=round(self.rebuild_seconds, 2))
                return

    def lag(self) -> dict[int, int]:
        """Facts not yet folded, by owned partition, as of the last look at the ends."""
        return {p: max(0, self.ends.get(p, 0) - self.books[p].position) for p in self.owned}

    def running(self) -> Iterable[ClockBook]:
        """The books whose limits are this replica's to fire."""
        return (self.books[p] for p in sorted(self.owned))

    def _behind(self, ends: dict[int, int]) -> bool:
        return any(p in self.books and self.books[p].position < end for p, end in ends.items())

    def _skip_markers(self, follower: KafkaFollower) -> None:
        for (_, p), at in follower.positions().items():
            if p in self.books and at > self.books[p].position and at >= self.ends.get(p, 0):
                self.books[p].position = at

    async def _fold_all(self, batch: list[Record]) -> None:
        turn = time.monotonic()
        for record in batch:
            self.fold(record, self.read(record))
            if time.monotonic() - turn > SLICE_S:
                await asyncio.sleep(0)
                turn = time.monotonic()
