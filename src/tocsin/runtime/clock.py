"""The one clock. Under `real` it is the machine's; under `manual` and `scaled:N` a small file that all services read.

Only a manual or scaled clock puts its reading into a header of what it appends (invariant 9): with the real one, the
log's append time is the only time that counts.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

CLOCK_HEADER = "tocsin_clock"
"""Header of a command under `manual` or `scaled`: the appender's reading, ASCII Unix milliseconds."""


_DIGITS_MAX = 15


class Clock:
    """Reads now. `file` holds {"mode", "base_ms", "real_base_ms", "factor"} and is replaced whole, never edited."""

    def __init__(self, mode: str = "real", file: Path | None = None) -> None:
        self.mode: Literal["real", "manual", "scaled"] = "real"
        if mode != "real":
            self.mode = "manual" if mode == "manual" else "scaled"
        self._file = file
        self._seen: tuple[int, int] = (0, 0)
        self._base_ms = self._real_base_ms = 0
        self._factor = 0.0

    @property
    def is_real(self) -> bool:
        """Whether the machine's time is used."""
        return self.mode == "real"

    def now_ms(self) -> int:
        """Now, in Unix milliseconds of this deployment's clock."""
        real = time.time_ns() // 1_000_000
        if self.is_real or self._file is None:
            return real
        stat = os.stat(self._file)  # noqa: PTH116 - half the cost of Path.stat, on every reading
        if (stat.st_mtime_ns, stat.st_ino) != self._seen:
            held = json.loads(self._file.read_text())
            self._base_ms, self._real_base_ms = held["base_ms"], held["real_base_ms"]
            self._factor = held["factor"]
            self._seen = (stat.st_mtime_ns, stat.st_ino)
        return self._base_ms + int((real - self._real_base_ms) * self._factor)

    @property
    def factor(self) -> float:
        """How many seconds of this clock pass in a real one: 1 when real, 0 when it is moved by hand."""
        if self.is_real:
            return 1.0
        self.now_ms()
        return self._factor

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """What an appender adds to a command's headers: nothing under the real clock."""
        return () if self.is_real else ((CLOCK_HEADER, str(self.now_ms()).encode()),)


def write_clock(file: Path, *, base_ms: int, factor: float) -> None:
    """Sets a manual (`factor` 0) or scaled clock: it shows `base_ms` now and runs `factor` times as fast as time."""
    held = {"base_ms": base_ms, "real_base_ms": time.time_ns() // 1_000_000, "factor": factor}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(held))
    fresh.replace(file)


def record_time(
    headers: tuple[tuple[str, bytes], ...], append_ms: int, *, trust_header: bool, now: Callable[[], int] | None = None
) -> int:
    """The time that counts for a record: its append time, or the clock header where the clock is not real.

    There a foreign producer's record has no header, and its append time is of another clock: the reader's `now` counts.
    """
    if trust_header:
        for name, value in headers:
            if name == CLOCK_HEADER and value.isdigit() and len(value) <= _DIGITS_MAX:
                return int(value)
        if now is not None:
            return now()
    return append_ms
