"""A process's owners, one for each partition the group has given it, and what becomes of them when it changes."""

import asyncio
import contextlib
import time
from typing import Any, Generic, TypeVar

import structlog

from tocsin.log.fold import Standing
from tocsin.log.kernel import Kernel
from tocsin.log.owner import Owner, OwnerOptions
from tocsin.log.port import CommitUnknown, Fenced, LogUnavailable, OwnerLog, RecordTooLarge

log = structlog.get_logger()
S = TypeVar("S")
QUIET_S = 5.0
"""How long a rebalance waits for batches under way; the session lasts 6 s."""

STEADY_S = 60.0
"""Without a failure for so long, the next one is the first again."""


class Owners(Generic[S]):
    """The `Seat` of a deciding process. `run` lasts until `stop`, or raises Fenced: then the process must end."""

    def __init__(self, kernel: Kernel[S, Any], log_: OwnerLog, options: OwnerOptions) -> None:
        self._kernel, self._log, self._options = kernel, log_, options
        self._membership = log_.membership()
        self._outside = log_.producer()
        self._owners: dict[int, Owner[S]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failures: asyncio.Queue[BaseException | None] = asyncio.Queue()
        self._assigned: frozenset[int] = frozenset()
        self._ending = False
        self.joined = False

    async def run(self) -> None:
        """Joins, owns what is assigned, rejoins after an unknown commit. Fenced ends it."""
        self._ending = False
        await self._outside.start()
        await self._membership.join(self)
        attempt, failed_at = 0, 0.0
        try:
            while (failure := await self._next_failure()) is not None:
                attempt = 1 if time.monotonic() - failed_at > STEADY_S else attempt + 1
                failed_at = time.monotonic()
                log.warning("owner_failed", error=repr(failure), attempt=attempt)
                await self.revoked()
                await self._options.sleep(min(0.05 * 2 ** min(attempt, 6), 2.0) if attempt > 1 else 0.0)
                await self._rejoin()
        finally:
            await self._end()

    async def _next_failure(self) -> BaseException | None:
        """The next failure to begin anew after; None to end. Raises Fenced. Several at once are one new beginning."""
        found = [await self._failures.get()]
        while not self._failures.empty():
            found.append(self._failures.get_nowait())
        for failure in found:
            if isinstance(failure, Fenced):
                log.error("fenced", error=str(failure), reason="another owner took the partition; this process ends")
                raise failure
        return None if None in found else found[0]

    async def _rejoin(self) -> None:
        while True:
            try:
                await self._membership.rejoin()
            except LogUnavailable as e:
                log.warning("rejoin_failed", error=str(e))
                await self._options.sleep(1.0)
            else:
                return

    async def _end(self) -> None:
        self._ending, self.joined = True, False
        await self.revoked()
        with contextlib.suppress(LogUnavailable):
            await self._membership.leave()
        await self._outside.stop()

    def stop(self) -> None:
        """Ends `run` after the batches under way."""
        self._failures.put_nowait(None)

    async def revoked(self) -> None:
        """See `Seat`: stops every owner between two batches; what it folded is kept for a newer assignment."""
        self._assigned = frozenset()
        running = dict(self._tasks)
        tasks = list(running.values())
        if not tasks:
            return
        for owner in self._owners.values():
            owner.ask_to_stop()
        _, late = await asyncio.wait(tasks, timeout=QUIET_S)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        for p, task in running.items():
            # Another caller may have been given partitions while this one waited: its tasks are not ours to forget.
            if self._tasks.get(p) is task:
                del self._tasks[p]

    def assigned(self, partitions: frozenset[int]) -> None:
        """See `Seat`: starts an owner for each partition, forgets those of others."""
        if self._ending:
            return
        self.joined = True
        self._assigned = partitions
        log.info("assigned", count=len(partitions), partition=sorted(partitions))
        self._owners = {
            p: self._owners.get(p) or Owner(self._kernel, p, self._log, self._outside, self._options)
            for p in sorted(partitions)
        }
        for p, owner in self._owners.items():
            if p in self._tasks:
                raise RuntimeError(f"partition {p} was assigned while it was still owned")
            owner.allow()
            self._tasks[p] = asyncio.create_task(self._own(owner), name=f"owner-{self._kernel.name}-{p}")

    async def _own(self, owner: Owner[S]) -> None:
        try:
            await owner.run(self._membership.confirm)
        except (Fenced, CommitUnknown, RecordTooLarge, LogUnavailable) as e:
            self._failures.put_nowait(e)
        except Exception as e:
            log.exception("owner_crashed", partition=owner.partition)
            # A defect in one partition is folded anew, with growing pauses, and shows in readiness.
            self._failures.put_nowait(e)

    async def standings(self) -> dict[int, Standing]:
        """Every owned partition's state, each consistent at its offset."""
        found = [(p, await owner.standing()) for p, owner in list(self._owners.items())]
        return {p: standing for p, standing in found if standing is not None}

    async def report(self) -> None:
        """Tells the group how far each partition is decided, for lag displays."""
        topic = self._kernel.inputs[0].name
        for p, owner in list(self._owners.items()):
            if owner.phase == "deciding":
                with contextlib.suppress(LogUnavailable):
                    await self._membership.confirm(p, owner.fold.ledger.position(topic))

    @property
    def owned(self) -> dict[int, Owner[S]]:
        """The owners by partition."""
        return self._owners

    def unready(self) -> str | None:
        """What keeps this process from deciding, or None. Owning nothing beside others that do is ready."""
        if not self.joined:
            return "not yet in the group"
        waiting = {p: o.phase for p, o in self._owners.items() if p in self._assigned and o.phase != "deciding"}
        return f"partitions not yet deciding: {waiting}" if waiting else None
