"""The clock book: what fires when, what the answers do, and that it is a fold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.supervision_stage import NOON, answer, fact, started
from tocsin.incident import events as e
from tocsin.outcomes import CommandRefused, CommandRepeated
from tocsin.supervision.clocks import WAIT_S, ClockBook
from tocsin.supervision.fire import command_for

SECOND = 1_000
ENDS = {"clock": "acknowledge", "task_id": "t", "agency": "nanxian-fire"}


def book(*facts: Any) -> ClockBook:
    """A book with these facts folded."""
    made = ClockBook()
    for data in facts:
        made.apply(fact(data))
    return made


def levels(b: ClockBook, now: int, monotonic_s: float = 0) -> list[tuple[str, str]]:
    """What fires now: (id, level)."""
    return [(f.command_id, f.level) for f in b.due(now, monotonic_s=monotonic_s)]


def test_invariant_9_nothing_fires_before_its_time() -> None:
    """One millisecond before, nothing; at the moment itself, the level."""
    b = book(started("a", warn_at=NOON + 10, due_at=NOON + 20))
    assert levels(b, NOON + 9) == []
    assert levels(b, NOON + 10) == [("clock:a:warning", "warning")]


def test_a_limit_fires_each_level_once() -> None:
    """Fired and not yet answered, it does not fire again; answered, the next level waits for its own time."""
    b = book(started("a", warn_at=NOON + 10, due_at=NOON + 20, red_at=NOON + 40))
    fired = []
    for now in range(NOON, NOON + 60):
        for firing in b.due(now, monotonic_s=0):
            fired.append((now - NOON, firing.level))
            b.apply(answer(command_for(firing, issued_at=now)))
    assert fired == [(10, "warning"), (20, "missed"), (40, "red")]


def test_what_was_due_while_nobody_watched_is_missed_without_a_late_warning() -> None:
    """Warning and end both past: only the miss is fired."""
    assert levels(book(started("a", warn_at=NOON + 10, due_at=NOON + 20)), NOON + 99) == [("clock:a:missed", "missed")]


def test_an_unanswered_firing_is_sent_again_under_the_same_id() -> None:
    """After the waiting time, and not before it."""
    b = book(started("a", due_at=NOON))
    assert levels(b, NOON, 100.0) == [("clock:a:missed", "missed")]
    assert levels(b, NOON, 100.0 + WAIT_S - 0.1) == []
    assert levels(b, NOON, 100.0 + WAIT_S) == [("clock:a:missed", "missed")]
    # A router that is behind is not helped by more of the same: each wait is twice the one before.
    assert levels(b, NOON, 100.0 + 2 * WAIT_S) == []
    assert levels(b, NOON, 100.0 + 3 * WAIT_S) == [("clock:a:missed", "missed")]
    assert levels(b, NOON, 100.0 + 6 * WAIT_S) == []
    assert levels(b, NOON, 100.0 + 7 * WAIT_S) == [("clock:a:missed", "missed")]


@pytest.mark.parametrize("data", [
    CommandRefused(command="FireClock", target="i", code="not_due"), CommandRepeated(command="FireClock"),
])  # fmt: skip
def test_a_refused_firing_gets_another_id(data: Any) -> None:
    """A router whose clock is behind refuses; its memory of that id must not silence the limit for ever."""
    b = book(started("a", due_at=NOON))
    levels(b, NOON, 0)
    b.apply(fact(data, command_id="clock:a:missed"))
    b.apply(fact(data, command_id="clock:other:missed"))
    assert levels(b, NOON, 2 * WAIT_S) == [("clock:a:missed~1", "missed")]


def test_an_extended_limit_warns_anew_under_another_id() -> None:
    """The first warning's id is known to the router; the new end has one of its own."""
    b = book(started("a", due_at=NOON + 20))
    b.apply(fact(e.DeadlineExtended(clock_id="a", due_at=NOON + 50, former_due_at=NOON + 20, **ENDS)))
    assert levels(b, NOON + 49) == []
    assert levels(b, NOON + 50) == [(f"clock:a:missed@{NOON + 50}", "missed")]


def test_a_paused_limit_stands_still() -> None:
    """Nothing fires while it is paused; resumed, it fires at its new time."""
    b = book(started("a", due_at=NOON + 20), e.ClockPaused(clock_id="a", **ENDS))
    assert levels(b, NOON + 99) == []
    assert b.next_due() is None
    b.apply(fact(e.ClockResumed(clock_id="a", due_at=NOON + 120, **ENDS)))
    assert levels(b, NOON + 119) == []
    assert levels(b, NOON + 120) == [(f"clock:a:missed@{NOON + 120}", "missed")]


@pytest.mark.parametrize("end", [
    e.ClockMet(clock_id="a", due_at=NOON + 20, **ENDS), e.ClockStopped(clock_id="a", **ENDS),
])  # fmt: skip
def test_an_ended_limit_never_fires(end: Any) -> None:
    """Met or stopped, it leaves the running ones and is kept for the list; starting it again changes nothing."""
    b = book(started("a", due_at=NOON + 20), end, started("a", due_at=NOON + 20))
    assert levels(b, NOON + 99) == []
    assert b.ended["a"].state in {"met", "stopped"}


def test_next_due_is_what_would_fire_next() -> None:
    """The earliest moment of all limits, bounded by `until`; what is awaited is not counted."""
    b = book(started("a", due_at=NOON + 20), started("b", warn_at=NOON + 10, due_at=NOON + 60))
    assert b.next_due() == NOON + 10
    assert b.next_due(NOON + 9) is None
    b.due(NOON + 10, monotonic_s=0)
    assert b.next_due() == NOON + 20


def test_a_firing_the_log_did_not_take_is_due_again() -> None:
    """Nothing is awaited that was never sent."""
    b = book(started("a", due_at=NOON))
    [firing] = b.due(NOON, monotonic_s=0)
    b.unsent(firing)
    assert levels(b, NOON) == [("clock:a:missed", "missed")]


_FACTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["start", "meet", "stop", "pause", "resume", "extend", "miss"]),
              st.integers(1, 200)),
    max_size=40,
)  # fmt: skip


def _told(name: str, step: str, at: int) -> Any:
    due = NOON + at * SECOND
    return {
        "start": started(name, due_at=due, warn_at=due - 100),
        "meet": e.ClockMet(clock_id=name, due_at=due, **ENDS),
        "stop": e.ClockStopped(clock_id=name, **ENDS),
        "pause": e.ClockPaused(clock_id=name, **ENDS),
        "resume": e.ClockResumed(clock_id=name, due_at=due, **ENDS),
        "extend": e.DeadlineExtended(clock_id=name, due_at=due, former_due_at=NOON, **ENDS),
        "miss": e.ClockMissed(clock_id=name, due_at=due, **ENDS),
    }[step]


@given(_FACTS)
def test_a_restart_at_any_moment_fires_what_would_have_been_fired(steps: list[tuple[str, str, int]]) -> None:
    """A book that watched all along and one folded afresh after the last moment await the same answers."""
    after = NOON + 201 * SECOND
    watching, fresh = ClockBook(), ClockBook()
    for name, step, when in steps:
        watching.apply(fact(_told(name, step, when)))
        watching.due(NOON + when * SECOND, monotonic_s=0)
    for name, step, when in steps:
        fresh.apply(fact(_told(name, step, when)))
    watching.due(after, monotonic_s=0)
    fresh.due(after, monotonic_s=0)
    assert watching.held == fresh.held
    assert set(watching.awaited) == set(fresh.awaited)
    assert watching.next_due() == fresh.next_due() is None
