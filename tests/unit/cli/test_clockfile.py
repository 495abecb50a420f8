"""A deployment's clock over its restarts."""

from pathlib import Path

import pytest

from tocsin.cli.clockfile import keep_clock, parse_time, prepare_clock
from tocsin.runtime.clock import Clock, write_clock
from tocsin.runtime.mend import Mend

START = "2026-04-05T08:00:00+08:00"


def reading(data_dir: Path, mode: str) -> int:
    """What the clock shows."""
    return Clock(mode, data_dir / "clock.json").now_ms()


def test_a_manual_clock_goes_on_from_where_it_stood(tmp_path: Path) -> None:
    """A restart does not set it back to its start."""
    prepare_clock(tmp_path, "manual", START)
    assert reading(tmp_path, "manual") == parse_time(START)
    write_clock(tmp_path / "clock.json", base_ms=parse_time(START) + 90_000, factor=0)
    keep_clock(tmp_path, "manual")
    prepare_clock(tmp_path, "manual", START)
    assert reading(tmp_path, "manual") == parse_time(START) + 90_000


def test_a_scaled_clock_stands_still_while_the_deployment_is_down(tmp_path: Path) -> None:
    """After a clean stop it begins at the reading of the stop, however long the stop lasted."""
    write_clock(tmp_path / "clock.json", base_ms=parse_time(START), factor=1_000_000.0)
    keep_clock(tmp_path, "scaled:1000000")
    stood = int((tmp_path / "clock.stopped.json").read_text().strip('{}"now_ms: '))
    prepare_clock(tmp_path, "scaled:1")
    assert 0 <= reading(tmp_path, "scaled:1") - stood < 60_000


def test_real_time_is_refused_on_data_from_the_future(tmp_path: Path) -> None:
    """Else recorded times would stand still until the real clock had caught up."""
    write_clock(tmp_path / "clock.json", base_ms=32_503_680_000_000, factor=0)
    with pytest.raises(Mend, match="ahead of the real one"):
        prepare_clock(tmp_path, "real")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-04-05T08:00:00", "99999-01-01T00:00:00Z"])
def test_a_time_without_offset_or_sense_is_refused(text: str) -> None:
    """The error shows the form."""
    with pytest.raises(Mend, match="2026-04-05T08:00:00"):
        parse_time(text)
