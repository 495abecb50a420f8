"""Plays a planned day on a deployment: the callers ring, the desks and crews do their work, all by the one clock."""

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tocsin.day.crews import Crews
from tocsin.day.door import Door
from tocsin.day.ring import Ring, posted
from tocsin.runtime.clock import Clock, write_clock
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
Act = Callable[[int], Awaitable[None]]
"""Something a person does, given the moment (Unix ms) at which it is done."""


class Pace:
    """How played time passes: with the deployment's running clock, or, on a manual clock, moved on by the player."""

    def __init__(self, clock: Clock, file: Path) -> None:
        self.clock, self._file = clock, file

    async def until(self, at_ms: int) -> int:
        """Waits for (or moves to) the moment; the moment it then is."""
        if self.clock.mode == "manual":
            now = max(at_ms, self.clock.now_ms())
            write_clock(self._file, base_ms=now, factor=0)
            return now
        # Asked again and again: a scaled clock's second is shorter than ours, and no event tells of its passing.
        while (now := self.clock.now_ms()) < at_ms:  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(0.2, (at_ms - now) / 1000))
        return now


class Player:
    """One played day. `workers` people act at once; each one's acts are in order."""

    def __init__(self, door: Door, rings: Sequence[Ring], pace: Pace, *, start_ms: int, seed: int = 1) -> None:
        self.door, self.pace, self.start_ms = door, pace, start_ms
        self.random = random.Random(seed)
        self.crews = Crews(self)
        self.posted: list[Ring] = []
        self._heap: list[tuple[int, int, Act]] = []
        self._count = itertools.count()
        for ring in rings:
            self.later(start_ms + int((ring.at_s + ring.answer_s) * 1000), self._caller(ring))

    def later(self, at_ms: int, act: Act) -> None:
        """Plans an act."""
        heapq.heappush(self._heap, (at_ms, next(self._count), act))

    async def play(self, *, until_ms: int | None = None, progress: Callable[[int, int], None] | None = None) -> int:
        """Plays to the end, or until a moment; the number of calls made."""
        total = len(self._heap)
        while self._heap and (until_ms is None or self._heap[0][0] <= until_ms):
            at, _, act = heapq.heappop(self._heap)
            now = await self.pace.until(at)
            try:
                await act(now)
            except (TimeoutError, KeyError, ValueError) as e:
                log.warning("played_act_failed", error=repr(e))
            if progress is not None:
                progress(len(self.posted), total)
        return len(self.posted)

    def _caller(self, ring: Ring) -> Act:
        async def call(_: int) -> None:
            body: Any = msgspec.to_builtins(posted(ring, day_start_ms=self.start_ms, truth=False))
            answer = await self.door.ask("POST", "intake", "/v1/calls", self.door.desk(ring.line), body)
            if answer.status_code != 202:
                log.warning("played_call_refused", call_id=ring.call_id, code=answer.text[:200])
                return
            self.posted.append(ring)
            await self.crews.look(ring, self.door.desk(ring.line))

        return call


async def play_day(
    run: Mapping[str, Any],
    settings: Settings,
    rings: Sequence[Ring],
    *,
    day_start_ms: int | None = None,
    until_ms: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Ring]:
    """Plays the day on the deployment of this `run.json`; the calls made.

    Without `day_start_ms` the day's first call rings ten seconds of the deployment's time from now. Under a manual
    clock the player itself moves the clock from act to act; under the others it waits for it.
    """
    file = settings.data_dir / "clock.json"
    pace = Pace(Clock(settings.clock, file), file)
    first = min((r.at_s for r in rings), default=0.0)
    start = day_start_ms if day_start_ms is not None else pace.clock.now_ms() + 10_000 - int(first * 1000)
    door = Door(run)
    player = Player(door, rings, pace, start_ms=start)
    try:
        await player.play(until_ms=until_ms, progress=progress)
    finally:
        await door.close()
    return player.posted
