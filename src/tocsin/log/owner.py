"""The owner of one partition: acquire, fold, then decide batch after batch, a transaction each (invariant 3)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, Literal, TypeVar

import structlog
from msgspec import Struct

from tocsin.envelope import Event
from tocsin.log.decider import Decided, Decider, Poisoned, Read
from tocsin.log.fold import Fold, Standing
from tocsin.log.kernel import Kernel
from tocsin.log.ledger import KNOWN_ID_DAYS, Ledger
from tocsin.log.pace import Pace
from tocsin.log.port import CommitUnknown, Lag, LogUnavailable, OwnerLog, Producer, Record, Tenure

log = structlog.get_logger()
S = TypeVar("S")
DAY_MS = 86_400_000
FOLD_SLICE_S = 0.05
"""A fold gives the event loop back this often, or the group session dies (design)."""
BATCH = 500
WAIT_MS = 250
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)

Confirm = Callable[[int, int], Awaitable[bool]]
"""Partition and next input offset → whether the group still counts us as the holder."""
Phase = Literal["acquiring", "folding", "deciding", "stopped", "failed"]


class Batch(Struct, frozen=True):
    """A committed batch, for whoever watches: metrics, readiness. `seconds` from poll to commit."""

    partition: int
    events: Sequence[Event[Any]]
    reads: Sequence[Read]
    stages: Sequence[str]
    seconds: float


class OwnerOptions(Struct, frozen=True, kw_only=True):
    """How an owner goes about it. `watch` is called after each commit and must not fail.

    `beside` runs while the partition is decided (a relay) and is cancelled when that ends.
    """

    partitions: int
    trust_clock: bool = False
    now: Callable[[], int] | None = None
    known_id_days: int = KNOWN_ID_DAYS
    batch: int = BATCH
    wait_ms: int = WAIT_MS
    watch: Callable[[Batch], None] = lambda _: None
    beside: "Callable[[Owner[Any]], Coroutine[Any, Any, None]] | None" = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Owner(Generic[S]):
    """Owns one partition while it is assigned. `fold` outlives a tenure: a newer one folds only what is missing."""

    def __init__(
        self, kernel: Kernel[S, Any], partition: int, log_: OwnerLog, outside: Producer, options: OwnerOptions
    ) -> None:
        self.partition = partition
        self.phase: Phase = "stopped"
        self._kernel, self._log, self._outside, self._options = kernel, log_, outside, options
        self._poisoned: dict[tuple[str, int], str] = {}
        self._fold = self._fresh()
        self._turn = asyncio.Lock()
        self._pace = Pace(options.batch)
        self._stopping = False
        self._tenure: Tenure | None = None

    def _fresh(self) -> Fold[S]:
        known_ms = max(self._options.known_id_days, KNOWN_ID_DAYS - 1) * DAY_MS
        return Fold(self._kernel, self.partition, ledger=Ledger(self.partition, known_ms=known_ms))

    async def run(self, confirm: Confirm) -> None:
        """Owns until `stop`. Raises Fenced and CommitUnknown; after either the fold is thrown away.

        `confirm` asks the group, just before the former owner is fenced, whether the partition is still ours: a process
        that slept past its session must not fence the one that took over.
        """
        try:
            while not self._stopping:
                tenure = self._tenure = self._log.tenure(self.partition)
                try:
                    await self._acquire(tenure, confirm)
                    async with self._companion():
                        await self._decide_all(tenure)
                except Poisoned as e:
                    self._poisoned[e.record.topic, e.record.offset] = e.error
                    log.exception("evolve_failed", topic=e.record.topic, offset=e.record.offset, error=e.error)
                finally:
                    self._tenure = None
                    await tenure.stop()
        except BaseException:
            self.phase = "failed"
            self._fold = self._fresh()
            raise
        self.phase = "stopped"

    @contextlib.asynccontextmanager
    async def _companion(self) -> AsyncIterator[None]:
        beside = self._options.beside
        task = None if beside is None else asyncio.create_task(beside(self), name=f"beside-{self.partition}")
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    @contextlib.asynccontextmanager
    async def between_batches(self) -> AsyncIterator[S]:
        """The state with nothing uncommitted in it, as long as the block lasts; LogUnavailable where there is none."""
        async with self._turn:
            if self.phase not in ("deciding", "stopped"):
                raise LogUnavailable(f"partition {self.partition} is {self.phase}")
            yield self._fold.state

    async def _acquire(self, tenure: Tenure, confirm: Confirm) -> None:
        self.phase = "acquiring"
        attempt = 0
        while not self._stopping:
            try:
                if not await confirm(self.partition, self._fold.ledger.position(self._kernel.inputs[0].name)):
                    raise CommitUnknown(f"partition {self.partition} is not assigned to this member any more")
                end = await tenure.acquire()
                await self._fold_to(tenure, end)
                await tenure.seek(self._fold.ledger.positions)
            except LogUnavailable as e:
                log.warning("acquire_failed", partition=self.partition, error=str(e), attempt=attempt)
                await self._options.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
            else:
                return

    async def _fold_to(self, tenure: Tenure, end: int) -> None:
        self.phase = "folding"
        began = sliced = time.perf_counter()
        before = self._fold.ledger.events
        async for records in tenure.history(self._fold.offset, end):
            for record in records:
                self._fold.read(record)
                if time.perf_counter() - sliced > FOLD_SLICE_S:
                    await asyncio.sleep(0)
                    sliced = time.perf_counter()
        count, seconds = self._fold.ledger.events - before, time.perf_counter() - began
        log.info("folded", partition=self.partition, count=count, seconds=round(seconds, 3), offset=self._fold.offset)

    async def _decide_all(self, tenure: Tenure) -> None:
        self.phase = "deciding"
        rest: list[Record] = []
        while not self._stopping:
            records = rest or await tenure.poll(limit=self._pace.limit, wait_ms=self._options.wait_ms)
            if records and not self._stopping:
                async with self._turn:
                    rest = records[await self._taken(tenure, records) :]

    async def _taken(self, tenure: Tenure, records: Sequence[Record]) -> int:
        """`_decide`; where it fails, the fold that is ahead of the log is gone before anyone else has a turn at it."""
        try:
            return await self._decide(tenure, records)
        except BaseException:
            self.phase, self._fold = "failed", self._fresh()
            raise

    async def _decide(self, tenure: Tenure, records: Sequence[Record]) -> int:
        """Decides and commits one batch; how many of its records were taken."""
        began = time.perf_counter()
        decider = Decider(
            self._kernel, self._fold, partitions=self._options.partitions, trust_clock=self._options.trust_clock,
            poisoned=self._poisoned, now=self._options.now,
        )  # fmt: skip
        out = decider.decide(records)
        self._pace.took(time.perf_counter() - began, len(records))
        if out.outside:
            await self._send_outside(out)
        if out.appends:
            appended = await tenure.commit(out.appends)
            self._fold.offset = 1 + max(a.offset for a in appended if a.topic == self._kernel.events.name)
        batch = Batch(self.partition, out.events, out.decided, out.stages, time.perf_counter() - began)
        self._options.watch(batch)
        return out.taken

    async def _send_outside(self, out: Decided) -> None:
        """Forwards and dead letters stand on the log before the events that say so (invariant 1), in no transaction."""
        try:
            await self._outside.append_all(out.outside)
        except LogUnavailable as e:
            raise CommitUnknown(f"forwards and dead letters were not taken: {e}") from e

    async def standing(self) -> Standing | None:
        """The committed state's hash, between two batches; None where nothing is owned yet."""
        async with self._turn:
            return self._fold.standing() if self.phase == "deciding" else None

    def lags(self) -> list[Lag]:
        """How far the inputs are ahead."""
        return self._tenure.lags() if self._tenure is not None and self.phase == "deciding" else []

    @property
    def fold(self) -> Fold[S]:
        """The state as far as folded or decided; for metrics, which may see a batch not yet committed."""
        return self._fold

    def allow(self) -> None:
        """Before `run`, under a newer assignment; within it, a stop asked for before it began would be forgotten."""
        self._stopping = False

    def ask_to_stop(self) -> None:
        """Asks `run` to end at the next boundary between two batches."""
        self._stopping = True
