"""Makes a record safe: on the log with all in-sync replicas, or, where it does not answer in time, in the spool."""

import asyncio
from typing import Literal, NamedTuple

import structlog

from services.intake.segments import Held
from services.intake.spool import Spool
from tocsin.envelope import Ms
from tocsin.log.headers import header
from tocsin.log.port import Append, Appended, LogUnavailable, Producer, RecordTooLarge
from tocsin.runtime.clock import Clock, record_time

log = structlog.get_logger()
SPOOLED_HEADER = "tocsin_spooled_at"
"""Header of a record that came through a spool: what its 202 said as `recorded_at`, ASCII Unix milliseconds."""
_DRAIN_COUNT = 500
_DRAIN_PAUSE_S = 0.5


class Kept(NamedTuple):
    """Where a record is safe, and the moment it was: the log's append time, or the spool's. `at` is its place."""

    durability: Literal["log", "spooled"]
    recorded_at: Ms
    at: Appended | None = None


class Safekeeping:
    """Appends, or spools; drains the spool by itself, in order, urgent first.

    An append that timed out may still come to stand on the log, and then again from the spool: both carry one command
    id, which the owner decides once (invariant 2).
    """

    def __init__(self, producer: Producer, drainer: Producer, spool: Spool, clock: Clock) -> None:
        self._producer, self._drainer, self._spool, self._clock = producer, drainer, spool, clock
        self.in_flight = 0
        self.log_answers = True

    @property
    def spool(self) -> Spool:
        """The spool."""
        return self._spool

    async def keep(
        self, record: Append, *, urgent: bool, command_id: str, call_id: str = "", body_hash: str = ""
    ) -> Kept:
        """Makes one record safe. RecordTooLarge; SpoolFull where neither log nor spool can take it."""
        if self._spool.idle:
            self.in_flight += 1
            try:
                appended = await self._producer.append(record)
            except LogUnavailable as e:
                self._away(e)
            else:
                self.log_answers = True
                return Kept("log", self.time_of(record, appended), appended)
            finally:
                self.in_flight -= 1
        return await self._spooled(record, urgent, command_id, call_id, body_hash)

    async def keep_all(self, held: list[Held]) -> list[Kept]:
        """The same for many at once, in order."""
        if self._spool.idle:
            self.in_flight += len(held)
            records = [h.record for h in held]
            try:
                appended = await self._producer.append_all(records)
            except LogUnavailable as e:
                self._away(e)
            else:
                self.log_answers = True
                return [Kept("log", self.time_of(r, a), a) for r, a in zip(records, appended, strict=True)]
            finally:
                self.in_flight -= len(held)
        puts = [self._spooled(h.record, h.urgent, h.command_id, h.call_id, h.body_hash) for h in held]
        return list(await asyncio.gather(*puts))

    def time_of(self, record: Append, appended: Appended) -> Ms:
        """The record's time: the log's, or the clock header's under a clock that is not real (invariant 9)."""
        return record_time(record.headers, appended.timestamp, trust_header=not self._clock.is_real)

    def _away(self, error: LogUnavailable) -> None:
        if self.log_answers:
            log.warning("log_away", error=str(error))
        self.log_answers = False

    async def _spooled(self, record: Append, urgent: bool, command_id: str, call_id: str, body_hash: str) -> Kept:
        at = record_time(record.headers, self._clock.now_ms(), trust_header=not self._clock.is_real)
        headers = (*record.headers, (SPOOLED_HEADER, str(at).encode()))
        held = Held(
            record.topic, record.partition, record.key, record.value or b"", headers, at, urgent, command_id, call_id,
            body_hash,
        )  # fmt: skip
        await self._spool.put(held)
        return Kept("spooled", at)

    async def drain(self) -> None:
        """Runs for ever: whatever is in the spool goes to the log as soon as it answers again."""
        while True:
            await self._spool.arrived.wait()
            if self._spool.depth == 0:
                self._spool.arrived.clear()
                continue
            try:
                await self._drain_some()
            except LogUnavailable as e:
                self._away(e)
                await asyncio.sleep(_DRAIN_PAUSE_S)

    async def _drain_some(self) -> None:
        lane, held, after = await asyncio.to_thread(self._spool.peek, _DRAIN_COUNT)
        if not held:
            # Counted but not yet readable: its put is about to return on this loop.
            await asyncio.sleep(0)
            return
        try:
            await self._drainer.append_all([h.record for h in held])
        except RecordTooLarge:
            # Sizes are checked before anything is kept, so this is a topic configured smaller than the contract.
            await self._one_by_one(held)
        self.log_answers = True
        await asyncio.to_thread(self._spool.take, lane, after[-1])
        self._spool.forget(held)
        log.info("spool_drained", count=len(held), lag=self._spool.depth)

    async def _one_by_one(self, held: list[Held]) -> None:
        for h in held:
            try:
                await self._drainer.append(h.record)
            except RecordTooLarge as e:
                log.exception("spool_record_refused", command_id=h.command_id)
                raise LogUnavailable("the log refuses a spooled record as too large; raise max.message.bytes") from e


def spooled_at(headers: tuple[tuple[str, bytes], ...]) -> Ms | None:
    """What the 202 of a record said, where it came through a spool."""
    value = header(headers, SPOOLED_HEADER)
    return int(value) if value is not None and value.isdigit() else None
