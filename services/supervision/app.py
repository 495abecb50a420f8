"""The wiring: the desk, the Faust app, the HTTP side, in one process and one loop."""

import asyncio
import contextlib
import time

import structlog
from fastapi import FastAPI

from services.supervision.api import routes
from services.supervision.complaints import Complaints
from services.supervision.desk import Desk
from services.supervision.ends import Ends
from services.supervision.judged import judged
from services.supervision.settled import Settled
from services.supervision.stream import assigned, build
from services.supervision.watchdog import Watchdog
from services.supervision.work import Work
from tocsin import __version__
from tocsin.log.kafka import KafkaProducer
from tocsin.log.port import Producer
from tocsin.log.relay import relay_group
from tocsin.log.topics import EMS_EVENTS, INCIDENT_EVENTS
from tocsin.policy.standing import Standing
from tocsin.runtime.clock import Clock
from tocsin.runtime.lifecycle import clock_of, until_reachable
from tocsin.runtime.security import load_secret
from tocsin.runtime.settings import Settings
from tocsin.runtime.web import create_app, serve
from tocsin.sealing.keyring import Keyring

log = structlog.get_logger()
STOP_S = 6.0
"""How long Faust may take to stop: SIGTERM ends a service within 10 s."""
TICK_S = 0.2
TICK_FAST_S = 0.05
"""How often due limits are looked for; more often where a manual or scaled clock makes others wait for it."""


class Supervision:
    """The whole service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock: Clock = clock_of(settings)
        self.desk = Desk(settings)
        self._producer: Producer = KafkaProducer(settings, timeout_ms=10_000)
        self._ends = Ends(settings)
        self._watchdog = Watchdog(self.desk, self._ends)
        relays = {relay_group(settings, "router"): INCIDENT_EVENTS, relay_group(settings, "ems120"): EMS_EVENTS}
        self._settled = Settled(settings, self.clock, self.desk, self._ends, relays)
        self._standing = Standing(settings, __version__)
        keyring = Keyring.open(settings)
        self._complaints = Complaints(settings, self._standing, keyring, self._producer, self.clock)
        work = Work(settings, self.clock, self.desk, self._producer, lambda: assigned(self._faust))
        tick_s = TICK_S if self.clock.is_real else TICK_FAST_S
        self._faust = build(settings, on_facts=work.on_facts, on_tick=work.on_tick, tick_s=tick_s)

    def http(self) -> FastAPI:
        """The HTTP side."""
        secret = load_secret(self._settings.secret_file or self._settings.secrets_dir / "token.key")
        app = create_app("supervision", secret=secret, ready=[self._watchdog.reason], warn=[self._standing.warning])
        app.include_router(routes(self.desk, self._settled))
        app.include_router(judged(self.desk, self._complaints, self._standing, self.clock))
        return app

    async def run(self) -> None:
        """Until SIGTERM. The HTTP side answers from the start, so that readiness can say what is missing."""
        stop = asyncio.Event()
        work = asyncio.create_task(self._work(), name="supervision")
        work.add_done_callback(lambda _: stop.set())
        serving = asyncio.create_task(serve(self.http(), host=self._settings.host, port=self._settings.port, stop=stop))
        await asyncio.wait({work, serving}, return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        serving.cancel() if work.done() and not serving.done() else None
        for task in (work, serving):
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        await until_reachable(self._producer.start, what="producer")
        await until_reachable(self._ends.start, what="ends")
        began = time.monotonic()
        await self.desk.catch_up_until_it_works()
        log.info("rebuilt", seconds=round(time.monotonic() - began, 2))
        beside = (self._settled.run(), self._watchdog.run(), self._complaints.run(), self._standing.run())
        sides = [asyncio.create_task(side) for side in beside]
        try:
            await self._faust.start()
            await asyncio.gather(*sides)
            await asyncio.Event().wait()
        finally:
            for side in sides:
                side.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._faust.stop(), STOP_S)
            await self._producer.stop()
            await self._ends.stop()
