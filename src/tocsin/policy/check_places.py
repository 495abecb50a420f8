"""Gazetteer, ambulances and hospitals: names once, numbers that are places, regions that exist."""

import math
from typing import Any

from tocsin.policy.check_types import Judge

_KINDS = ("town", "village", "road", "landmark", "crossing")
_SETTINGS = ("town", "suburb", "village")
_RADIUS_MAX_M = 100_000


def degrees(lon: Any, lat: Any) -> bool:
    """Whether these are a longitude and a latitude."""
    try:
        x, y = float(lon), float(lat)
    except (TypeError, ValueError):
        return False
    return math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 90  # noqa: PLR2004 - degrees


def check_gazetteer(judge: Judge) -> None:
    """Each entry has its own id, names nobody else in its town has, and a point."""
    file = "gazetteer.csv"
    ids: dict[str, int] = {}
    named: dict[tuple[str, str], str] = {}
    for line, row in judge.files.gazetteer:
        if not row["id"]:
            judge.say(file, line, "an entry without id", "give it one of its own")
        elif row["id"] in ids:
            what = f"the id {row['id']!r} stands twice, first in line {ids[row['id']]}"
            judge.say(file, line, what, "give each entry its own")
        ids.setdefault(row["id"], line)
        judge.region(file, line, row["region"])
        for name in filter(None, (n.strip() for n in row["names"].split("|"))):
            other = named.setdefault((name, row["town"]), row["id"])
            if other != row["id"]:
                judge.say(file, line, f"{name!r} in {row['town']} is also {other}", "keep the name at one of them")
        if not row["names"].strip(" |"):
            judge.say(file, line, "an entry without a name", "give it at least one")
        if row["kind"] not in _KINDS:
            judge.say(file, line, f"unknown kind {row['kind']!r}", f"one of {' '.join(_KINDS)}")
        if row["setting"] not in _SETTINGS:
            judge.say(file, line, f"unknown setting {row['setting']!r}", f"one of {' '.join(_SETTINGS)}")
        _check_numbers(judge, line, row)


def _check_numbers(judge: Judge, line: int, row: dict[str, str]) -> None:
    if not degrees(row["lon"], row["lat"]):
        mend = "give longitude and latitude in degrees, longitude first"
        judge.say("gazetteer.csv", line, f"the point {row['lon']},{row['lat']} of {row['id']} is no position", mend)
    try:
        radius = float(row["radius_m"])
    except ValueError:
        radius = math.nan
    if not 0 < radius <= _RADIUS_MAX_M:
        judge.say("gazetteer.csv", line, f"the radius {row['radius_m']!r} is no distance", "give metres above 0")


def check_spots(judge: Judge) -> None:
    """Ambulances and hospitals have ids of their own and stand somewhere."""
    file = "ems.toml"
    for table in ("unit", "hospital"):
        judge.unique(file, table, "id")
        for i, row in enumerate(judge.toml(file).get(table, [])):
            if not degrees(row["lon"], row["lat"]):
                at = judge.field(file, judge.row(file, table, i), "lon")
                what = f"{row['id']} stands nowhere ({row['lon']}, {row['lat']})"
                judge.say(file, at, what, "give lon and lat in degrees")
    for i, row in enumerate(judge.toml(file).get("hospital", [])):
        if row["beds"] < 0:
            at = judge.field(file, judge.row(file, "hospital", i), "beds")
            judge.say(file, at, f"{row['id']} has {row['beds']} beds", "give 0 or more")
