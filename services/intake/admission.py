"""What is let in when too much comes: routine calls wait their turn, urgent ones never do (invariant 7)."""

import time
from collections.abc import Callable

from tocsin.runtime.problems import Problem

IN_FLIGHT_ROUTINE_MAX = 2_000
"""Records waiting for the log's answer above which routine calls are put off."""
IN_FLIGHT_MAX = 20_000
"""The bound for all: what no county's lines can ring, so that memory stays bounded whatever happens."""
SPOOL_ROUTINE_MAX = 20_000
"""Records in the spool above which routine calls are put off: the urgent ones' room."""
_BURST_S = 1.0


class Admission:
    """A token bucket that all calls draw from and only routine ones wait for."""

    def __init__(
        self, per_s: float, *, in_flight: Callable[[], int], spooled: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._per_s, self._in_flight, self._spooled, self._now = per_s, in_flight, spooled, now
        self._burst = max(1.0, per_s * _BURST_S)
        self._tokens = self._burst
        self._at = now()

    def admit(self, *, urgent: bool) -> None:
        """Problem 429 with Retry-After for a routine call that must come again; 503 only beyond every bound."""
        waiting = self._in_flight()
        if waiting > IN_FLIGHT_MAX:
            raise Problem(503, "overloaded", "Every place is taken; send it again.", {"Retry-After": "1"})
        taken = self._take(urgent=urgent)
        if urgent:
            return
        if not taken:
            raise _later(max(1, round((1 - self._tokens) / self._per_s)))
        if waiting > IN_FLIGHT_ROUTINE_MAX or self._spooled() > SPOOL_ROUTINE_MAX:
            raise _later(5)

    def _take(self, *, urgent: bool) -> bool:
        if self._per_s <= 0:
            return True
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens >= 1 or urgent:
            # Urgent calls take from what routine ones could have had, down to a second's worth.
            self._tokens = max(self._tokens - 1, -self._burst)
            return True
        return False


def _later(seconds: int) -> Problem:
    detail = f"Too much at once: matters that can wait are put off. Send it again in {seconds} s."
    return Problem(429, "overloaded", detail, {"Retry-After": str(seconds)})
