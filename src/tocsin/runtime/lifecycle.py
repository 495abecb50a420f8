"""Starting and stopping, the same for every service: the clock a deployment runs on, and waiting for its log."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import structlog

from tocsin.log.port import LogUnavailable
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
RETRY_S = 1.0


def quiet_collector() -> None:
    """For a process that decides: its state is large, long-lived and without cycles.

    The collector's default would walk it for a tenth of the time.
    """
    gc.set_threshold(50_000, 20, 100)


def clock_of(settings: Settings) -> Clock:
    """The one clock of this deployment."""
    return Clock(settings.clock, settings.data_dir / "clock.json")


async def until_reachable(start: Callable[[], Awaitable[None]], *, what: str, retry_s: float = RETRY_S) -> None:
    """Calls `start` until it does not raise LogUnavailable: a broker that is away at start is waited for, said once."""
    said = False
    while True:
        try:
            await start()
        except LogUnavailable as e:
            if not said:
                log.warning("waiting_for_log", reason=what, error=str(e))
                said = True
            await asyncio.sleep(retry_s)
        else:
            return
