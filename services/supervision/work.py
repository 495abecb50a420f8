"""What supervision does with a fact and with a moment: cards out of facts, commands out of time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from services.supervision.desk import Desk
from tocsin.codec.wire import encode_command, encode_event
from tocsin.envelope import Event, Source
from tocsin.log.deadletters import dead_letter
from tocsin.log.headers import command_headers, event_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Appended, LogUnavailable, Producer, Record
from tocsin.log.topics import ROUTINE, SUPERVISION_EVENTS, URGENT
from tocsin.runtime.clock import Clock
from tocsin.runtime.metrics import DEADLETTERS
from tocsin.runtime.settings import Settings
from tocsin.supervision.cards import card_for
from tocsin.supervision.clocks import Firing
from tocsin.supervision.fire import command_for

log = structlog.get_logger()
FIRE_MAX = 500
"""Commands appended together: an outage ends with many limits due at once, and none should wait for all."""


class Work:
    """The two things Faust calls. `assigned` says which partitions the group has given this replica just now."""

    def __init__(
        self, settings: Settings, clock: Clock, desk: Desk, producer: Producer, assigned: Callable[[], set[int]]
    ) -> None:
        self._settings, self._clock, self._desk, self._producer = settings, clock, desk, producer
        self._assigned = assigned
        self.fired_to: dict[tuple[str, int], int] = {}
        self.out_of_reach = ""

    async def on_facts(self, records: Sequence[Record]) -> None:
        """Folds facts in their order and issues the cards they mean. Returns only when all cards are on the log."""
        found: list[Append] = []
        for record in records:
            event = self._desk.read(record)
            if record.offset > self._desk.books[record.partition].position:
                await self._desk.catch_up_until_it_works()  # facts went by while another replica had the partition
            self._desk.fold(record, event)
            found += self._card(record, event)
        if found:
            await self._append_surely(found)

    def _card(self, record: Record, event: Event[Any] | None) -> list[Append]:
        if event is None:
            DEADLETTERS.labels("decode").inc()
            log.error("fact_unreadable", topic=record.topic, partition=record.partition, offset=record.offset)
            return [dead_letter(record, stage="decode", error="not an event this version can read")]
        card = card_for(event, Source(topic=record.topic, partition=record.partition, offset=record.offset))
        if card is None:
            return []
        partition, key = partition_of(card.region, self._settings.partitions), card.region.encode()
        return [Append(SUPERVISION_EVENTS.name, partition, key, encode_event(card), event_headers(card))]

    async def on_tick(self) -> None:
        """Takes over newly assigned partitions, then fires what has come due."""
        assigned = self._assigned()
        if assigned - self._desk.owned:
            await self._desk.catch_up_until_it_works()
        self._desk.owned = assigned
        now, monotonic_s = self._clock.now_ms(), time.monotonic()
        firings = [f for book in self._desk.running() for f in book.due(now, monotonic_s=monotonic_s)]
        for i in range(0, len(firings), FIRE_MAX):
            await self._fire(firings[i : i + FIRE_MAX], now)

    async def _fire(self, firings: list[Firing], now: int) -> None:
        records = [self._record(f, now) for f in firings]
        try:
            placed = await self._producer.append_all(records)
        except LogUnavailable as e:
            # What was sent may stand on the log all the same: the ids are the same next time, so nothing fires twice.
            self._lost(str(e))
            for f in firings:
                self._desk.books[partition_of(f.held.region, self._settings.partitions)].unsent(f)
            return
        self.out_of_reach = ""
        for f, at in zip(firings, placed, strict=True):
            self._remember(at)
            log.info("clock_fired", command_id=f.command_id, incident_id=f.held.incident_id, clock=f.held.clock,
                     agency=f.held.agency, state=f.level)  # fmt: skip

    def _record(self, firing: Firing, now: int) -> Append:
        command = command_for(firing, issued_at=now)
        topic = URGENT if command.lane == "urgent" else ROUTINE
        return Append(
            topic.name, partition_of(command.region, self._settings.partitions), command.region.encode(),
            encode_command(command), command_headers(command, clock=self._clock),
        )  # fmt: skip

    def _remember(self, at: Appended) -> None:
        where = (at.topic, at.partition)
        self.fired_to[where] = max(self.fired_to.get(where, -1), at.offset)

    def _lost(self, error: str) -> None:
        if not self.out_of_reach:
            log.warning("log_out_of_reach", error=error)
        self.out_of_reach = error

    async def _append_surely(self, records: Sequence[Append]) -> None:
        """All of them, however long it takes: a card sent again has the same id, and readers tell the repeat."""
        while True:
            try:
                await self._producer.append_all(records)
            except LogUnavailable as e:
                self._lost(str(e))
                await asyncio.sleep(1)
            else:
                self.out_of_reach = ""
                return
