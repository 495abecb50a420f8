"""The running limits of one partition: a fold of the facts, and what is due when. No I/O; time is given to it.

A limit fires up to three times: a warning, the miss when due, red long after. Each firing is a command to the router;
the fact it answers with moves the limit on here. Until that fact is seen the firing is awaited, and may be sent again
under the same id, which the router answers from memory (invariant 2): so it happens once, across restarts of either.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, get_args

from msgspec import Struct, field

from tocsin.envelope import Event, Frozen, Lane, Ms
from tocsin.incident import events as e
from tocsin.incident.values import Card, ClockName, ClockState
from tocsin.supervision.facts import ANSWER_FACTS, FIRED_PREFIX

Level = Literal["warning", "missed", "red"]
LEVELS: tuple[Level, ...] = get_args(Level)
ENDED_MAX = 5_000
"""Ended limits kept per partition for the list of clocks; the rest is in the incidents' own events."""
WAIT_S = 10.0
"""How long a firing waits for its fact before it is sent again: a router takes over within this (faults, first row)."""
WAIT_MAX_S = 3_600.0
_DOUBLINGS_MAX = 10
"""Beyond WAIT_MAX_S in any case; keeps the power small."""


class Held(Struct):
    """A limit as supervision holds it. `first_due_at` is the due time it started with, before any extension."""

    clock_id: str
    clock: ClockName
    incident_id: str
    region: str
    task_id: str
    agency: str
    agency_class: str
    lane: Lane
    exercise: bool
    started_at: Ms
    due_at: Ms
    warn_at: Ms | None
    red_at: Ms | None
    first_due_at: Ms
    state: ClockState = "running"
    card: Card = "none"


class Firing(Frozen, frozen=True, kw_only=True):
    """A command to be sent: this limit has come to this level."""

    command_id: str
    held: Held
    level: Level


class Awaited(Struct):
    """A firing whose fact has not been seen. `sent_s` is a monotonic reading; `attempt` rises with each refusal.

    `repeats` rises with each sending of the same: a router that is far behind must not be given ever more to do.
    """

    level: Level
    sent_s: float
    attempt: int = 0
    repeats: int = 0


class ClockBook(Struct):
    """All limits of one partition. `position` is the next fact to be folded."""

    position: int = 0
    recorded_at: Ms = 0
    held: dict[str, Held] = field(default_factory=dict)
    ended: OrderedDict[str, Held] = field(default_factory=OrderedDict)
    awaited: dict[str, Awaited] = field(default_factory=dict)
    heap: list[tuple[Ms, str]] = field(default_factory=list)

    def apply(self, event: Event[Any]) -> None:
        """Folds one fact; what is not about limits changes nothing."""
        self.recorded_at = max(self.recorded_at, event.recorded_at)
        step = _STEPS.get(type(event.data))
        if step is not None:
            step(self, event)

    def due(self, now: Ms, *, monotonic_s: float) -> list[Firing]:
        """What has come due by `now` and was not fired yet, and what was fired without an answer for too long."""
        firings = []
        while self.heap and self.heap[0][0] <= now:
            at, clock_id = heapq.heappop(self.heap)
            held = self.held.get(clock_id)
            if held is None or clock_id in self.awaited or _next_at(held) != at:
                continue  # an older entry of a limit that has moved since
            level = _level(held, now)
            if level is not None:
                self.awaited[clock_id] = Awaited(level=level, sent_s=monotonic_s)
                firings.append(self._firing(held, level, 0))
        for clock_id, waiting in self.awaited.items():
            doublings = min(waiting.attempt + waiting.repeats, _DOUBLINGS_MAX)
            if monotonic_s - waiting.sent_s >= min(WAIT_S * 2**doublings, WAIT_MAX_S):
                waiting.sent_s = monotonic_s
                waiting.repeats += 1
                firings.append(self._firing(self.held[clock_id], waiting.level, waiting.attempt))
        return firings

    def unsent(self, firing: Firing) -> None:
        """A firing could not be appended to the log: its limit is due again at the next look."""
        if self.awaited.pop(firing.held.clock_id, None) is not None:
            self._schedule(firing.held)

    def next_due(self, until: Ms | None = None) -> Ms | None:
        """The earliest moment (≤ `until`) at which something is yet to fire; None where nothing is."""
        while self.heap:
            at, clock_id = self.heap[0]
            held = self.held.get(clock_id)
            if held is not None and clock_id not in self.awaited and _next_at(held) == at:
                return at if until is None or at <= until else None
            heapq.heappop(self.heap)
        return None

    def started(self, event: Event[Any]) -> None:
        """A limit begins. One that is known already (a fact relayed twice) stays as it is."""
        d: e.ClockStarted = event.data
        if d.clock_id in self.held or d.clock_id in self.ended:
            return
        held = Held(
            clock_id=d.clock_id, clock=d.clock, incident_id=event.subject, region=event.region, task_id=d.task_id,
            agency=d.agency, agency_class=d.agency_class, lane=event.lane, exercise=event.exercise,
            started_at=d.started_at, due_at=d.due_at, warn_at=d.warn_at, red_at=d.red_at, first_due_at=d.due_at,
        )  # fmt: skip
        self.held[d.clock_id] = held
        self._schedule(held)

    def warned(self, event: Event[Any]) -> None:
        """The warning is out."""
        held = self._answered(event, "warning")
        if held is not None and held.card == "none":
            held.card = event.data.card
            self._schedule(held)

    def missed(self, event: Event[Any]) -> None:
        """The limit passed."""
        held = self._answered(event, "missed")
        if held is not None:
            held.state, held.card = "missed", event.data.card
            self._schedule(held)

    def reddened(self, event: Event[Any]) -> None:
        """The last card is out; nothing further fires."""
        held = self._answered(event, "red")
        if held is not None:
            held.card = event.data.card

    def ended_by(self, event: Event[Any]) -> None:
        """Met or stopped: it leaves the running ones."""
        held = self.held.pop(event.data.clock_id, None)
        self.awaited.pop(event.data.clock_id, None)
        if held is None:
            return
        held.state = "met" if isinstance(event.data, e.ClockMet) else "stopped"
        self.ended[held.clock_id] = held
        if len(self.ended) > ENDED_MAX:
            self.ended.popitem(last=False)

    def paused(self, event: Event[Any]) -> None:
        """It stands still: nothing fires."""
        held = self.held.get(event.data.clock_id)
        if held is not None:
            held.state = "paused"
            self.awaited.pop(held.clock_id, None)

    def moved(self, event: Event[Any]) -> None:
        """It runs on, or longer: new times, and what was awaited under the old ones is not any more.

        One that stands still and gets more time goes on standing still.
        """
        d: e.ClockResumed | e.DeadlineExtended = event.data
        held = self.held.get(d.clock_id)
        if held is None:
            return
        held.due_at, held.warn_at, held.red_at = d.due_at, d.warn_at, d.red_at
        if isinstance(d, e.ClockResumed) or (held.state != "paused" and d.due_at > event.recorded_at):
            held.state = "running"
        self.awaited.pop(held.clock_id, None)
        self._schedule(held)

    def answered_otherwise(self, event: Event[Any]) -> None:
        """The router refused a firing or had nothing to do: try again later, under an id it does not know yet."""
        if event.command_id.startswith(FIRED_PREFIX):
            clock_id = event.command_id[len(FIRED_PREFIX) :].rpartition(":")[0]
            waiting = self.awaited.get(clock_id)
            if waiting is not None and self._firing(self.held[clock_id], waiting.level, waiting.attempt).command_id == (
                event.command_id
            ):
                waiting.attempt += 1

    def _answered(self, event: Event[Any], level: Level) -> Held | None:
        waiting = self.awaited.get(event.data.clock_id)
        if waiting is not None and LEVELS.index(waiting.level) <= LEVELS.index(level):
            del self.awaited[event.data.clock_id]
        return self.held.get(event.data.clock_id)

    def _schedule(self, held: Held) -> None:
        at = _next_at(held)
        if at is not None:
            heapq.heappush(self.heap, (at, held.clock_id))

    def _firing(self, held: Held, level: Level, attempt: int) -> Firing:
        moved = f"@{held.due_at}" if held.due_at != held.first_due_at else ""
        again = f"~{attempt}" if attempt else ""
        return Firing(command_id=f"{FIRED_PREFIX}{held.clock_id}:{level}{moved}{again}", held=held, level=level)


def _next_at(held: Held) -> Ms | None:
    """When a limit next has something to fire."""
    if held.state == "missed":
        return held.red_at if held.card != "red" else None
    if held.state != "running":
        return None
    if held.card == "none" and held.warn_at is not None and held.warn_at < held.due_at:
        return held.warn_at
    return held.due_at


def _level(held: Held, now: Ms) -> Level | None:
    """What a limit has come to by `now`. A warning that would come after the end is left out: the miss says it all."""
    if held.state == "missed":
        return "red" if held.red_at is not None and held.red_at <= now else None
    if held.due_at <= now:
        return "missed"
    return "warning" if held.warn_at is not None and held.warn_at <= now else None


_STEPS: dict[type, Callable[[ClockBook, Event[Any]], None]] = {
    e.ClockStarted: ClockBook.started,
    e.ClockWarned: ClockBook.warned,
    e.ClockMissed: ClockBook.missed,
    e.CardRaised: ClockBook.reddened,
    e.ClockMet: ClockBook.ended_by,
    e.ClockStopped: ClockBook.ended_by,
    e.ClockPaused: ClockBook.paused,
    e.ClockResumed: ClockBook.moved,
    e.DeadlineExtended: ClockBook.moved,
} | dict.fromkeys(ANSWER_FACTS, ClockBook.answered_otherwise)
