"""The 120 centre's figures, and which kinds and hospitals they name."""

from typing import Any

from tocsin.policy.check_types import Judge

_FILE = "ems.toml"
_LEVELS = ("I", "II", "III", "IV")
_ARRIVAL_MAX_S = 86_400


def check_ems(judge: Judge) -> None:
    """Triage, arrival times, hospitals and figures: each names what exists, and is of its kind."""
    ems = judge.toml(_FILE)
    for table in ("triage", "hospital_for"):
        for code in (c for c in ems[table] if c):
            judge.kind(_FILE, _row(judge, table, code), code)
    for code, level in ems["triage"].items():
        if level not in _LEVELS:
            at = _row(judge, "triage", code)
            judge.say(_FILE, at, f"triage {level!r} is none of I II III IV", 'use one of these, such as "II"')
    _check_arrival(judge, ems["arrival_s"])
    for code in ems["als_for"]:
        judge.kind(_FILE, judge.at(_FILE, "als_for"), code)
    _check_figures(judge, ems)


def _row(judge: Judge, table: str, code: str) -> int:
    """The line of a kind in a table of them."""
    return judge.files.within(_FILE, judge.at(_FILE, f"[{table}]"), f'"{code}" =')


def _check_arrival(judge: Judge, arrival: dict[str, Any]) -> None:
    at = judge.at(_FILE, "[arrival_s]")
    for level in _LEVELS:
        if level not in arrival:
            judge.say(_FILE, at, f"triage {level} has no arrival time", f"add {level} = 900, in seconds")
    for level, seconds in arrival.items():
        line = judge.field(_FILE, at, level)
        if level not in _LEVELS:
            judge.say(_FILE, line, f"triage {level!r} is none of I II III IV", "take it out")
        elif not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= _ARRIVAL_MAX_S:
            what = f"the arrival time of triage {level} must be a whole number of seconds, 1 to {_ARRIVAL_MAX_S}"
            judge.say(_FILE, line, f"{what}, not {seconds!r}", f"write {level} = 900")


def _check_figures(judge: Judge, ems: dict[str, Any]) -> None:
    can = {c for h in ems.get("hospital", []) for c in h["capabilities"]}
    for code, capability in ems["hospital_for"].items():
        if capability not in can:
            at = _row(judge, "hospital_for", code)
            judge.say(_FILE, at, f"no hospital has the capability {capability!r}", "add it to a hospital")
    for number in ("road_speed_kmh", "road_factor", "acknowledge_s", "mass_casualty_at", "position_age_max_s"):
        if not ems[number] > 0:
            line = judge.at(_FILE, f"{number} =")
            judge.say(_FILE, line, f"{number} must be above 0, not {ems[number]}", "give a positive number")
