"""The labelled set made from a real log's geometry: its truth is the stated rule, its lines are calls."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "real_links.py"
HEAD = "lat,lng,desc,zip,title,timeStamp,twp,addr,e\n"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("real_links", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(minute: float, title: str, north_m: float = 0.0, addr: str = "MADE UP RD & OAK ST") -> str:
    """A made-up row in the log's columns, so many minutes after noon; loaded twenty minutes later."""
    second = round(minute * 60)
    called = f"2015-12-10 @ 12:{second // 60:02d}:{second % 60:02d}"
    lat = 40.2 + north_m / 111_320
    return f"{lat},-75.35,{addr}; {called};,19000,{title},2015-12-10 12:59:00,TOWN,{addr},1\n"


def matters(script: ModuleType, tmp_path: Path, *lines: str) -> list[int]:
    """Which matter each call is of, by the rule: matters numbered as they first come."""
    file = tmp_path / "calls.csv"
    file.write_text(HEAD + "".join(lines), encoding="utf-8")
    calls = script.rows(file)
    truth = script.truth(calls, 300, 10)
    names = list(dict.fromkeys(truth[c.n] for c in calls))
    return [names.index(truth[c.n]) for c in calls]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((row(0, "Traffic: VEHICLE ACCIDENT -"), row(2, "EMS: VEHICLE ACCIDENT", 250)), [0, 0]),
        ((row(0, "Traffic: VEHICLE ACCIDENT -"), row(2, "EMS: VEHICLE ACCIDENT", 310)), [0, 1]),
        ((row(0, "Fire: FIRE ALARM"), row(11, "Fire: FIRE ALARM")), [0, 1]),
        ((row(0, "Fire: FIRE ALARM"), row(8, "Fire: FIRE ALARM"), row(16, "Fire: BUILDING FIRE")), [0, 0, 0]),
        ((row(0, "EMS: FEVER"), row(2, "EMS: DIZZINESS")), [0, 1]),
        ((row(0, "Fire: BUILDING FIRE"), row(2, "EMS: BURN VICTIM")), [0, 0]),
        ((row(0, "Fire: BUILDING FIRE"), row(2, "Traffic: VEHICLE ACCIDENT -")), [0, 1]),
        ((row(0, "Traffic: DISABLED VEHICLE -"), row(2, "Traffic: ROAD OBSTRUCTION -")), [0, 0]),
    ],
)
def test_truth_is_the_stated_rule(
    script: ModuleType, tmp_path: Path, lines: tuple[str, ...], expected: list[int]
) -> None:
    """300 m, ten minutes of the calls' own times, compatible titles, joined through others; two illnesses are two."""
    assert matters(script, tmp_path, *lines) == expected


@pytest.mark.parametrize("form", ["plain", "service", "titles"])
def test_every_line_is_a_call_with_its_truth(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """In the shape of POST /v1/calls, at its metres in the sample county, in the words asked for."""
    source, out = tmp_path / "calls.csv", tmp_path / "out.ndjson"
    source.write_text(HEAD + row(0, "EMS: VEHICLE ACCIDENT") + row(1, "Fire: VEHICLE ACCIDENT", 100), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["real_links.py", str(source), str(out), "--words", form])
    script.main()
    lines: list[dict[str, Any]] = [json.loads(x) for x in out.read_text(encoding="utf-8").splitlines()]
    assert [x["line"] for x in lines] == ["120", "119"]
    assert len({x["truth_incident"] for x in lines}) == 1
    assert lines[0]["text"].isascii() is (form == "titles")
    assert lines[0]["received_at"] == "2015-12-10T12:00:00+00:00"
    apart = (lines[1]["location"]["point"]["lat"] - lines[0]["location"]["point"]["lat"]) * 111_320
    assert apart == pytest.approx(100, abs=1)


def test_every_title_has_words_of_ours(script: ModuleType) -> None:
    """No title of the log is repeated as words where plain ones are asked for."""
    assert all(not text.isascii() for text in [*script.WORDS.values(), *script.CRASH.values()])
