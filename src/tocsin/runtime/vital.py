"""Work a process cannot do without: where a part of it ends by itself, the process ends and is started anew.

A timer or a reader that dies in silence leaves a service that answers and does nothing: nobody is told of an ambulance
that was never acknowledged. Whoever starts the processes (`tocsin up`, Kubernetes) starts them again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Vital:
    """Tasks side by side. `end` is called once, where one fails or is cancelled by anyone but `stop`."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end, self._tasks = end, list[asyncio.Task[Any]]()
        self._stopping = False
        self.fault: str | None = None
        """What ended a part, for readiness."""

    def start(self, *work: Coroutine[Any, Any, Any]) -> None:
        """Begins; work that returns has done what it had to."""
        for each in work:
            task = asyncio.create_task(each)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self._stopping or (not task.cancelled() and task.exception() is None):
            return
        error = "cancelled" if task.cancelled() else repr(task.exception())
        log.error("part_ended", error=error, reason=getattr(task.get_coro(), "__qualname__", ""))
        if self.fault is None:
            self.fault = f"a part has ended ({error}); the process starts anew"
            self._end()

    async def stop(self, within_s: float = 0.0) -> None:
        """Cancels what still runs, after `within_s` for it to end by itself, and waits for it."""
        self._stopping = True
        if within_s and self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
