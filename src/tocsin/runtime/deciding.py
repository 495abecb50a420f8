"""A process that decides: how it starts, serves beside its decisions, and ends, the same for router and ems120."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine

import structlog
import uvloop
from fastapi import FastAPI

from tocsin.log.port import Fenced
from tocsin.runtime.lifecycle import quiet_collector
from tocsin.runtime.logs import configure
from tocsin.runtime.settings import Settings
from tocsin.runtime.web import serve

FENCED_EXIT = 75
"""sysexits' EX_TEMPFAIL: whoever supervises the process may start it again at once."""
STOP_S = 8.0
"""How long what is being decided at SIGTERM may take to commit."""


def process(name: str, run: Callable[[Settings], Coroutine[None, None, None]]) -> None:
    """The whole life of the service `name`, its settings from the environment. Exits with 75 where it was fenced."""
    quiet_collector()
    settings = Settings()
    configure(name, form=settings.log_format, level=settings.log_level)
    try:
        uvloop.run(run(settings))
    except Fenced as e:
        structlog.get_logger().error("fenced_exit", error=str(e))
        sys.exit(FENCED_EXIT)


async def decide_and_serve(
    decide: Callable[[], Coroutine[None, None, None]],
    end: Callable[[], object],
    app: Callable[[asyncio.Event], FastAPI],
    settings: Settings,
) -> None:
    """Decides, and serves the app made with the event of the stop, until either ends; raises what deciding raised."""
    stop = asyncio.Event()
    deciding = asyncio.create_task(decide(), name="deciding")
    serving = asyncio.create_task(serve(app(stop), host=settings.host, port=settings.port, stop=stop))
    try:
        await asyncio.wait([deciding, serving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        end()
        await asyncio.wait([deciding], timeout=STOP_S)
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    if deciding.done():
        deciding.result()
