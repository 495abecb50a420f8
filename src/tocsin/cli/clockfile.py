"""The clock of a deployment over its restarts: it goes on from where it stood."""

import json
import time
from pathlib import Path

from tocsin.cli.errors import Mend, Misused
from tocsin.codec.text import parse_rfc3339
from tocsin.runtime.clock import Clock, write_clock

_STOPPED = "clock.stopped.json"


def parse_time(text: str) -> int:
    """An RFC 3339 time with offset as Unix milliseconds; Mend otherwise."""
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        raise Misused(f"{text!r} is no time with an offset", "Write it like 2026-04-05T08:00:00+08:00.") from None


def prepare_clock(data_dir: Path, mode: str, start: str = "") -> None:
    """Writes `clock.json` for a manual or scaled clock. A new one begins at `start`, or at the real now.

    A scaled clock stands still while the deployment is down: otherwise a night's rest would pass as weeks of missed
    clocks. Its last reading is kept by `keep_clock` at a clean stop.
    """
    file, stopped = data_dir / "clock.json", data_dir / _STOPPED
    real = time.time_ns() // 1_000_000
    if mode == "real":
        if file.exists() and (ahead := Clock("manual", file).now_ms() - real) > 0:
            raise Mend(
                f"This data was made under a clock that is {ahead // 1000} s ahead of the real one",
                "Start it with --clock manual (or scaled:N) again, or use another --data-dir.",
            )
        return
    if stopped.exists():
        base = int(json.loads(stopped.read_text())["now_ms"])
        stopped.unlink()
    elif file.exists():
        base = Clock(mode, file).now_ms()
    else:
        base = parse_time(start) if start else real
    write_clock(file, base_ms=base, factor=0.0 if mode == "manual" else float(mode.partition(":")[2]))


def keep_clock(data_dir: Path, mode: str) -> None:
    """Notes the reading at a clean stop."""
    if mode != "real":
        now = Clock(mode, data_dir / "clock.json").now_ms()
        (data_dir / _STOPPED).write_text(json.dumps({"now_ms": now}))
