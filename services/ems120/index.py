"""The read side of any replica: the merged fold of all partitions, commands' outcomes, waiters, the stream's history.

Rebuilt from the log at start; holds no truth. Ids are unique over partitions, so that one state can hold them all.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import structlog
from msgspec import Struct, field

from tocsin.codec.wire import UnreadableRecord, decode_event
from tocsin.envelope import Event, Ms
from tocsin.log.kafka import KafkaFollower
from tocsin.log.port import LogUnavailable, Record
from tocsin.log.topics import EMS_EVENTS
from tocsin.mission.evolve import evolve
from tocsin.mission.state import EmsState
from tocsin.outcomes import CommandRefused, CommandRepeated
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
T = TypeVar("T")
DAY_MS = 86_400_000
KEEP_MS = 36 * DAY_MS
"""Outcomes stay as long as the owner knows their ids (policy `known_id_days`)."""
HISTORY_MAX = 50_000
"""Events a stream may have missed and still be told one by one; beyond it gets `reset`."""
RETRY_S = 0.5
IDLE_MS = 50


class Outcome(Struct):
    """What a command came to. `done` once all its events have been read."""

    command_id: str
    region: str
    recorded_at: Ms
    count: int
    events: list[Event[Any]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the whole decision is here."""
        return len(self.events) >= self.count

    @property
    def refusal(self) -> CommandRefused | None:
        """The refusal, where it was one."""
        return next((e.data for e in self.events if isinstance(e.data, CommandRefused)), None)


class Entry(Struct, frozen=True):
    """An event in the order this replica read it; `next` is the position after it in its partition."""

    partition: int
    next: int
    event: Event[Any]


class Index:
    """Lives on the event loop; folds in slices. `positions` is how far each partition has been read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.state = EmsState()
        self.outcomes: dict[str, Outcome] = {}
        self.history: deque[Entry] = deque(maxlen=HISTORY_MAX)
        self.positions = [0] * settings.partitions
        self.oldest = [0] * settings.partitions
        self.decided: dict[tuple[str, int], int] = {}
        self.last_event: dict[int, int] = {}
        self.active: set[str] = set()
        self.complete = asyncio.Event()
        self.fault = "the log has not been read yet"
        self.listeners: set[Callable[[list[Entry]], None]] = set()
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._moved: set[asyncio.Future[None]] = set()
        self._follower: KafkaFollower | None = None

    def ready(self) -> str | None:
        """What keeps answers from being whole, or None."""
        return None if self.complete.is_set() else f"index: {self.fault}"

    def take(self, record: Record) -> Entry | None:
        """Takes one record of the events topic; None for what cannot be read (the owner cannot have written it)."""
        self.positions[record.partition] = record.offset + 1
        self.last_event[record.partition] = record.offset + 1
        try:
            event = decode_event(record.value or b"")
        except UnreadableRecord as e:
            log.warning("event_unreadable", partition=record.partition, offset=record.offset, error=str(e))
            return None
        evolve(self.state, event)
        source = (event.source.topic, event.source.partition)
        self.decided[source] = max(self.decided.get(source, 0), event.source.offset + 1)
        self._note_mission(event.subject)
        self._note_outcome(event)
        entry = Entry(record.partition, record.offset + 1, event)
        if len(self.history) == HISTORY_MAX:
            gone = self.history[0]
            self.oldest[gone.partition] = gone.next
        self.history.append(entry)
        return entry

    def _note_mission(self, subject: str) -> None:
        mission = self.state.missions.get(subject)
        if mission is not None and mission.state != "ended":
            self.active.add(subject)
        else:
            self.active.discard(subject)

    def _note_outcome(self, event: Event[Any]) -> None:
        if isinstance(event.data, CommandRepeated):
            return
        held = self.outcomes.get(event.command_id)
        if held is None:
            held = self.outcomes[event.command_id] = Outcome(
                event.command_id, event.region, event.recorded_at, event.count
            )
        if len(held.events) == event.index:
            held.events.append(event)
        if held.done:
            for future in self._waiting.get(event.command_id, ()):
                _wake(future)

    def prune(self) -> None:
        """Forgets outcomes that the owner no longer knows either."""
        newest = max((e.event.recorded_at for e in list(self.history)[-1:]), default=0)
        old = []
        for command_id, outcome in self.outcomes.items():
            if outcome.recorded_at >= newest - KEEP_MS:
                break
            old.append(command_id)
        for command_id in old:
            del self.outcomes[command_id]

    def outcome(self, command_id: str) -> Outcome | None:
        """The whole outcome of a command, or None while there is none."""
        held = self.outcomes.get(command_id)
        return held if held is not None and held.done else None

    async def until_decided(self, command_id: str, seconds: float) -> Outcome | None:
        """Waits for a command's outcome; None where it did not come in time."""
        found = self.outcome(command_id)
        if found is not None or seconds <= 0:
            return found
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[command_id].add(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return self.outcome(command_id)
        finally:
            self._waiting[command_id].discard(future)
            if not self._waiting[command_id]:
                del self._waiting[command_id]
        return self.outcome(command_id)

    async def fresh(self, seconds: float) -> bool:
        """Waits until all that was on the log when asked has been read; whether it was in time."""
        follower = self._follower
        if follower is None:
            return False
        until = time.monotonic() + seconds
        try:
            ends = await asyncio.wait_for(follower.ends(), seconds)
        except (LogUnavailable, TimeoutError):
            return False
        while not self.reached(ends):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._moved.add(future)
            try:
                await asyncio.wait_for(future, max(0.0, until - time.monotonic()))
            except TimeoutError:
                return False
            finally:
                self._moved.discard(future)
        return True

    def reached(self, ends: dict[tuple[str, int], int]) -> bool:
        """Whether everything before these ends has been read (past transaction markers, which are not handed out)."""
        here = self._follower.positions() if self._follower is not None else {}
        return all(here.get(p, 0) >= end for p, end in ends.items())

    async def run(self) -> None:
        """Follows the log for ever; begins again where it went away."""
        while True:
            follower = KafkaFollower(self._settings, [EMS_EVENTS])
            try:
                await follower.start({(EMS_EVENTS.name, p): at for p, at in enumerate(self.positions)})
                self._follower = follower
                await self._follow(follower)
            except LogUnavailable as e:
                self.fault = str(e)
                log.warning("index_waits", error=str(e))
            finally:
                self._follower = None
                await follower.stop()
            await asyncio.sleep(RETRY_S)

    async def _follow(self, follower: KafkaFollower) -> None:
        ends = await follower.ends()
        async for batch in follower.batches(max_records=1000, idle_ms=IDLE_MS):
            entries = [e for e in (self.take(r) for r in batch) if e is not None]
            if not self.complete.is_set() and self.reached(ends):
                self.complete.set()
                log.info("index_caught_up", count=len(self.history))
            if entries:
                for listener in list(self.listeners):
                    listener(entries)
                self.prune()
            for future in list(self._moved):
                _wake(future)
            await asyncio.sleep(0)

    def since(self, at: Sequence[int]) -> Iterator[Entry]:
        """The events after these positions, in the order read here; the caller has checked `resumable`."""
        return (e for e in list(self.history) if e.next > at[e.partition])

    def resumable(self, at: Sequence[int]) -> bool:
        """Whether nothing after these positions has been forgotten, and they are not ahead of this log."""
        return all(o <= a <= p for o, a, p in zip(self.oldest, at, self.positions, strict=True))


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
