"""What the log says of calls, commands and incidents, for answering: a SQLite file each replica folds for itself."""

import asyncio
import itertools
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from msgspec import Struct

from services.intake.fold import Fold, Place, Touched
from services.intake.schema import connect, open_index
from tocsin.envelope import Lane, Ms
from tocsin.log.port import Appended, Follower, LogUnavailable
from tocsin.runtime.clock import Clock
from tocsin.runtime.mend import Mend

log = structlog.get_logger()
T = TypeVar("T")
KEEP_MS = 37 * 86_400_000
"""How long calls and commands stay: longer than the owners know their ids (policy `known_id_days`, 36)."""
_RETRY_S = 0.5
_IDLE_MS = 50
"""How soon a follower with nothing to read says that it has come to the end."""
_PRUNE_S = 3600.0
_FIRST_MAX = 16_384
"""Calls whose place is held in memory, so that the sender of a call need not look it up to hear that it was first."""


class CallRow(Struct, frozen=True):
    """A call as the log knows it. `answered_at` and `durability` are what its 202 said."""

    call_id: str
    region: str
    lane: Lane
    body_hash: str
    value: bytes
    recorded_at: Ms
    answered_at: Ms
    durability: str
    status: str
    disposition: str | None
    incident_ids: list[str]
    kind: str | None
    priority: int | None


class CommandRow(Struct, frozen=True):
    """What a command came to."""

    command_id: str
    region: str
    outcome: str
    code: str
    detail: str
    version: int
    events: list[dict[str, Any]]
    sender: str = ""


class IncidentRow(Struct, frozen=True):
    """What intake needs of an incident: its lane, who has to do with it, the steps its callers are shown."""

    incident_id: str
    region: str
    lane: Lane
    agencies: list[str]
    calls: list[str]
    units: list[str]
    state: str
    steps: list[dict[str, Any]]
    lines: list[str]
    first_receiver: str = ""
    parts: list[str] = []
    """Of `agencies`, those whose work goes on or was done, and whom it is offered to."""
    exercise: bool = False


class PositionedFollower(Follower, Protocol):
    """A follower that says how far it has come, past what it does not hand out (transaction markers)."""

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset of each partition."""


class Index:
    """Reads for the loop (microseconds each, one connection), a fold in one thread, waiters woken by each batch."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._clock = clock
        try:
            self._fold = Fold(open_index(file), trust_clock_header=not clock.is_real, now=clock.now_ms)
        except (sqlite3.Error, OSError) as e:
            raise Mend(
                f"the index {file} cannot be opened: {e}", "delete the file; it is made anew from the log"
            ) from e
        self._read = connect(file)
        self._thread = ThreadPoolExecutor(1, "tocsin-index")
        self._passed: dict[tuple[str, int], int] = dict(self._fold.positions())
        self._waiting: defaultdict[str, list[asyncio.Future[None]]] = defaultdict(list)
        self._standing: dict[tuple[str, int], list[tuple[int, asyncio.Future[bool]]]] = {}
        self._first: dict[str, Place] = {}
        self._rounds: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._follower: PositionedFollower | None = None
        self.caught_up = self._away = False
        self.fault = "index: the log has not been read yet"

    def ready(self) -> str | None:
        """What keeps answers from being whole, or None.

        A log that is away does not: calls are taken into the spool then, and an orchestrator must not shut that door.
        """
        return None if self.caught_up or self._away else self.fault

    def call(self, call_id: str) -> CallRow | None:
        """A call, or None."""
        row = self._read.execute(
            "SELECT call_id, region, lane, body_hash, value, recorded_at, answered_at, durability, status, disposition,"
            " incident_ids, kind, priority FROM calls WHERE call_id = ?",
            (call_id,),
        ).fetchone()
        if row is None:
            return None
        names = CallRow.__struct_fields__
        return CallRow(**dict(zip(names, row, strict=True)) | {"incident_ids": json.loads(row[10])})

    def command(self, command_id: str) -> CommandRow | None:
        """A command's outcome, or None while there is none."""
        row = self._read.execute(
            "SELECT command_id, region, outcome, code, detail, version, events, sender FROM commands"
            " WHERE command_id = ?",
            (command_id,),
        ).fetchone()
        if row is None:
            return None
        return CommandRow(**dict(zip(CommandRow.__struct_fields__, row, strict=True)) | {"events": json.loads(row[6])})

    def incident(self, incident_id: str) -> IncidentRow | None:
        """An incident, or None."""
        row = self._read.execute(
            "SELECT incident_id, region, lane, state, agencies, calls, units, steps, lines, first_receiver, parts,"
            " exercise FROM incidents WHERE incident_id = ?",
            (incident_id,),
        ).fetchone()
        if row is None:
            return None
        plain = dict(zip(("incident_id", "region", "lane", "state"), row[:4], strict=True))
        lists = dict(zip(("agencies", "calls", "units", "steps", "lines"), map(json.loads, row[4:9]), strict=True))
        parts = sorted({a for part in json.loads(row[10]).values() for a in part if a})
        return IncidentRow(**plain, **lists, first_receiver=row[9], parts=parts, exercise=bool(row[11]))

    def first_receiver(self, call: CallRow) -> str:
        """Who received a call's matter first; "" while it is undecided."""
        found = self.incident(call.incident_ids[0]) if call.incident_ids else None
        return found.first_receiver if found is not None else ""

    def task_agency(self, task_id: str) -> str | None:
        """The agency of a task, or None where there is no such task."""
        row = self._read.execute("SELECT agency FROM tasks WHERE task_id = ?", (task_id,)).fetchone()
        return None if row is None else str(row[0])

    async def passed(self, at: Appended, seconds: float) -> bool:
        """Waits until the record that stands here has been folded; whether it was in time."""
        where = (at.topic, at.partition)
        if self._passed.get(where, 0) > at.offset:
            return True
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._standing.setdefault(where, []).append((at.offset, future))
        late = loop.call_later(seconds, _give_up, future)
        try:
            return await future
        finally:
            late.cancel()

    def was_first(self, call_id: str, at: Appended) -> bool:
        """Whether the record here is known to be the first of this call; False too where that has to be looked up."""
        return self._first.get(call_id) == (at.topic, at.partition, at.offset)

    async def fresh(self, seconds: float) -> bool:
        """Waits until all that was on the log when asked has been folded; whether it was in time."""
        follower = self._follower
        if follower is None:
            return False
        until = time.monotonic() + seconds
        try:
            ends = await asyncio.wait_for(follower.ends(), seconds)
        except (LogUnavailable, TimeoutError):
            return False
        return await self._round(lambda: self._at_least(ends), until - time.monotonic())

    async def until(self, key: str, look: Callable[[], T | None], seconds: float) -> T | None:
        """Waits until `look` finds something; asked again whenever a batch touched `key` (`call:…`, `command:…`)."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            left = deadline - time.monotonic()
            if found is not None or left <= 0:
                return found
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[key].append(future)
            try:
                await asyncio.wait_for(future, left)
            except TimeoutError:
                continue
            finally:
                self._stop_waiting(key, future)

    async def run(self, follower: PositionedFollower) -> None:
        """Follows the log for ever; begins again where the log went away."""
        while True:
            try:
                await follower.start(self._passed)
                self._follower, self._away = follower, False
                await self._follow(follower)
            except LogUnavailable as e:
                self._away, self.fault = True, f"index: {e}"
                log.warning("index_waits", error=str(e))
            except sqlite3.Error as e:
                self.caught_up, self.fault = False, f"index: {e}"
                log.exception("index_failed")
            finally:
                self._follower = None
                await follower.stop()
            await asyncio.sleep(_RETRY_S)

    def close(self) -> None:
        """Lets go of the file."""
        self._thread.shutdown(wait=True)
        self._read.close()

    async def _follow(self, follower: PositionedFollower) -> None:
        loop = asyncio.get_running_loop()
        ends = await follower.ends()
        pruned = time.monotonic()
        async for batch in follower.batches(idle_ms=_IDLE_MS):
            if batch:
                touched = await loop.run_in_executor(self._thread, self._fold.apply, batch)
                for r in batch:
                    self._passed[r.topic, r.partition] = r.offset + 1
                self._remember(touched.first)
                self._wake(touched)
                self._wake_standing()
            if not self.caught_up and self._at_least(ends):
                self.caught_up = True
            self._wake_rounds()
            if time.monotonic() - pruned > _PRUNE_S:
                pruned = time.monotonic()
                await loop.run_in_executor(self._thread, self._fold.prune, self._clock.now_ms() - KEEP_MS)

    def _at_least(self, ends: dict[tuple[str, int], int]) -> bool:
        # The follower's own positions count: past the last event stands a transaction marker that is never handed out.
        # They are read between batches only, when all that was handed out has been folded.
        here = self._follower.positions() if self._follower is not None else {}
        return all(here.get(p, 0) >= end for p, end in ends.items())

    async def _round(self, check: Callable[[], bool], seconds: float) -> bool:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (check, future)
        self._rounds.append(entry)
        try:
            await asyncio.wait_for(future, max(0.0, seconds))
        except TimeoutError:
            if entry in self._rounds:
                self._rounds.remove(entry)
            return False
        return True

    def _remember(self, first: dict[str, Place]) -> None:
        self._first.update(first)
        for call_id in list(itertools.islice(self._first, max(0, len(self._first) - _FIRST_MAX))):
            del self._first[call_id]

    def _wake_standing(self) -> None:
        for where, waiting in self._standing.items():
            passed = self._passed.get(where, 0)
            for offset, future in waiting:
                if offset < passed and not future.done():
                    future.set_result(True)
            waiting[:] = [w for w in waiting if not w[1].done()]

    def _wake_rounds(self) -> None:
        if not self._rounds:
            return
        left = []
        for check, future in self._rounds:
            if future.done():
                continue
            if check():
                future.set_result(None)
            else:
                left.append((check, future))
        self._rounds = left

    def _wake(self, touched: Touched) -> None:
        if not self._waiting:
            return
        for kind, ids in (("call:", touched.calls), ("command:", touched.commands)):
            for key in ids:
                for future in self._waiting.get(kind + key, ()):
                    if not future.done():
                        future.set_result(None)

    def _stop_waiting(self, key: str, future: "asyncio.Future[None]") -> None:
        held = self._waiting.get(key)
        if held is not None:
            if future in held:
                held.remove(future)
            if not held:
                del self._waiting[key]


def _give_up(future: "asyncio.Future[bool]") -> None:
    if not future.done():
        future.set_result(False)
