"""Watches over Faust: its lag and its position. A stream that stands still while facts wait is ended and begun anew."""

import asyncio
import os
import sys
import time

import structlog

from services.supervision.desk import Desk
from services.supervision.ends import Ends
from services.supervision.stream import EX_SOFTWARE
from tocsin.log.port import LogUnavailable
from tocsin.log.topics import SUPERVISION_FACTS
from tocsin.runtime.metrics import CONSUMER_LAG

log = structlog.get_logger()
LOOK_S = 2.0
STILL_MAX_S = 45.0
"""Faust's own fetch waits 1.5 s and its session lasts 10; what stands still this long will not move by itself."""
LAG_READY_MAX = 10_000


class Watchdog:
    """Looks at ends and positions; says what keeps supervision from being ready; ends the process where all stands."""

    def __init__(self, desk: Desk, ends: Ends) -> None:
        self._desk, self._ends = desk, ends
        self._moved_s = time.monotonic()
        self._seen: dict[int, int] = {}
        self.log_error = ""
        self.ticked_s = time.monotonic()

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        try:
            found = await self._ends.of([SUPERVISION_FACTS])
            self._desk.ends = {p: end for (_, p), end in found.items()}
            self.log_error = ""
        except LogUnavailable as e:
            self.log_error = str(e)
            self._moved_s = time.monotonic()  # nothing can move without the log
            return
        lag = self._desk.lag()
        for p, records in lag.items():
            CONSUMER_LAG.labels(SUPERVISION_FACTS.name, str(p)).set(records)
        positions = {p: self._desk.books[p].position for p in self._desk.owned}
        if positions != self._seen or not any(lag.values()):
            self._seen, self._moved_s = positions, time.monotonic()
        if time.monotonic() - self._moved_s > STILL_MAX_S:
            log.critical("stream_stands_still", lag=sum(lag.values()), topic=SUPERVISION_FACTS.name)
            sys.stderr.flush()
            os._exit(EX_SOFTWARE)

    def reason(self) -> str | None:
        """What keeps supervision from being ready."""
        if not self._desk.folded:
            return "the facts are still being folded"
        if self.log_error:
            return f"the log does not answer: {self.log_error}"
        if not self._desk.owned:
            return "the group has given this replica no partition yet"
        lag = sum(self._desk.lag().values())
        return f"{lag} facts behind" if lag > LAG_READY_MAX else None
