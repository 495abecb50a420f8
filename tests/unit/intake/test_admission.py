"""What is put off when too much comes, and what never is."""

import pytest

from services.intake.admission import IN_FLIGHT_MAX, SPOOL_ROUTINE_MAX, Admission
from tocsin.runtime.problems import Problem


class Stage:
    """An admission with a clock and counters in hand."""

    def __init__(self, per_s: float) -> None:
        self.now, self.in_flight, self.spooled = 0.0, 0, 0
        self.admission = Admission(
            per_s, in_flight=lambda: self.in_flight, spooled=lambda: self.spooled, now=lambda: self.now
        )

    def status(self, *, urgent: bool) -> int:
        """202, or the refusal's status."""
        try:
            self.admission.admit(urgent=urgent)
        except Problem as e:
            return e.status if int(e.headers["Retry-After"]) >= 1 else 0
        return 202


def test_invariant_7_routine_calls_are_put_off_and_urgent_ones_never() -> None:
    """Ten times the rate: urgent calls all pass, routine ones get 429 with Retry-After once the second is used up."""
    stage = Stage(10)
    assert [stage.status(urgent=True) for _ in range(100)] == [202] * 100
    assert stage.status(urgent=False) == 429


def test_the_rate_is_kept_and_comes_back() -> None:
    """As many routine calls a second as set, and again in the next."""
    stage = Stage(10)
    assert [stage.status(urgent=False) for _ in range(12)] == [202] * 10 + [429] * 2
    stage.now += 0.5
    assert [stage.status(urgent=False) for _ in range(6)] == [202] * 5 + [429]


def test_a_flood_of_urgent_calls_does_not_shut_routine_ones_out_for_ever() -> None:
    """The urgent debt is bounded: two quiet seconds and routine matters are taken again."""
    stage = Stage(10)
    for _ in range(10_000):
        stage.status(urgent=True)
    stage.now += 2.2
    assert stage.status(urgent=False) == 202


@pytest.mark.parametrize(("field", "many"), [("in_flight", 2_001), ("spooled", SPOOL_ROUTINE_MAX + 1)])
def test_a_backlog_puts_routine_calls_off(field: str, many: int) -> None:
    """Without a set rate, what waits for the log or in the spool is the measure."""
    stage = Stage(0)
    assert stage.status(urgent=False) == 202
    setattr(stage, field, many)
    assert stage.status(urgent=False) == 429
    assert stage.status(urgent=True) == 202


def test_beyond_every_bound_nothing_is_promised() -> None:
    """Memory is bounded for urgent calls too, far beyond what lines can ring."""
    stage = Stage(0)
    stage.in_flight = IN_FLIGHT_MAX + 1
    assert stage.status(urgent=True) == 503
