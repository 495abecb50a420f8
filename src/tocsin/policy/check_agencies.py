"""Agencies: their regions, and that somebody answers at any hour of the week."""

from typing import Any

from tocsin.policy.check_types import Judge

_FILE = "agencies.toml"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_MIN = 24 * 60


def check_agencies(judge: Judge) -> None:
    """Each agency has an id of its own, regions that exist, and a roster without a hole, or a duty officer."""
    judge.unique(_FILE, "agency", "id")
    for i, a in enumerate(judge.toml(_FILE)["agency"]):
        at = judge.row(_FILE, "agency", i)
        for r in a["regions"]:
            judge.region(_FILE, at, r)
        if not a["regions"]:
            judge.say(_FILE, judge.field(_FILE, at, "regions"), f"agency {a['id']} serves no region", "give it one")
        if not a.get("roster") and not a.get("duty"):
            judge.say(_FILE, at, f"nobody answers for agency {a['id']}", "give it a roster or a duty officer")
        before = len(judge.findings)
        for shift in a.get("roster", []):
            _check_shift(judge, at, a["id"], shift)
        if len(judge.findings) == before and a.get("roster") and not a.get("duty"):
            _check_holes(judge, at, a)


def _check_shift(judge: Judge, at: int, agency: str, shift: dict[str, Any]) -> None:
    if not shift["days"] or any(d not in range(1, 8) for d in shift["days"]):
        line = judge.files.within(_FILE, at, f"days = {shift['days']}")
        judge.say(_FILE, line, f"roster of {agency}: days {shift['days']} are not 1 to 7", "1 is Monday, 7 Sunday")
    for name in ("from_time", "to_time"):
        judge.hours(_FILE, at, f"roster of {agency}: {name}", shift[name])


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _check_holes(judge: Judge, at: int, agency: dict[str, Any]) -> None:
    """Without a duty officer the roster alone answers: its first minute with nobody is told."""
    held = bytearray(7 * _DAY_MIN)
    for shift in agency["roster"]:
        start, end = _minutes(shift["from_time"]), _minutes(shift["to_time"])
        length = (end - start) % _DAY_MIN or _DAY_MIN  # over midnight, or the whole day
        for day in shift["days"]:
            for minute in range(length):
                held[((day - 1) * _DAY_MIN + start + minute) % len(held)] = 1
    hole = held.find(0)
    if hole >= 0:
        day, minute = divmod(hole, _DAY_MIN)
        when = f"{_DAYS[day]} at {minute // 60:02}:{minute % 60:02}"
        line = judge.field(_FILE, at, "roster")
        what = f"the roster of {agency['id']} has a hole: nobody answers on {when}"
        judge.say(_FILE, line, what, "add a shift, or name a duty officer, who answers out of hours")
