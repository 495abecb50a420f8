"""Gazetteer, outlines, ambulances and hospitals: names once, numbers that are places, regions that exist."""

import math
from typing import Any

import shapely

from tocsin.policy.check_types import Judge

_KINDS = ("town", "village", "road", "landmark", "crossing")
_SETTINGS = ("town", "suburb", "village")
_RADIUS_MAX_M = 100_000
_RING_MIN = 4


def _degrees(lon: Any, lat: Any) -> bool:
    try:
        x, y = float(lon), float(lat)
    except (TypeError, ValueError):
        return False
    return math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 90  # noqa: PLR2004 - degrees


def check_gazetteer(judge: Judge) -> None:
    """Each entry has its own id, names nobody else in its town has, and a point."""
    file = "gazetteer.csv"
    ids: set[str] = set()
    named: dict[tuple[str, str], str] = {}
    for line, row in judge.files.gazetteer:
        if row["id"] in ids or not row["id"]:
            judge.say(file, line, f"the id {row['id']!r} stands twice or is blank", "give each entry its own")
        ids.add(row["id"])
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
    if not _degrees(row["lon"], row["lat"]):
        row |= {"lon": "0", "lat": "0"}
        judge.say(
            "gazetteer.csv", line, f"the point of {row['id']} is no position", "give longitude and latitude in degrees"
        )
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
            if not _degrees(row["lon"], row["lat"]):
                judge.say(file, judge.row(file, table, i), f"{row['id']} stands nowhere", "give lon and lat in degrees")
    for i, row in enumerate(judge.toml(file).get("hospital", [])):
        if row["beds"] < 0:
            judge.say(file, judge.row(file, "hospital", i), f"{row['id']} has fewer than no beds", "correct it")


def check_shapes(judge: Judge) -> list[tuple[int, str, Any]]:
    """The outlines that hold: (line, region, shape)."""
    file = "boundaries.geojson"
    shapes: list[tuple[int, str, Any]] = []
    at = 0
    for feature in judge.files.features:
        at = judge.files.line(file, '"Feature"', at) or at
        properties, geometry = feature.get("properties"), feature.get("geometry")
        region = str(properties.get("region", "")) if isinstance(properties, dict) else ""
        judge.region(file, at, region)
        rings = _rings(geometry)
        if not rings:
            judge.say(
                file, at, f"the outline of {region or 'a feature'} is no Polygon", "give closed rings of lon, lat"
            )
        for ring in rings:
            shape = shapely.Polygon(ring)
            if not shape.is_valid or shape.area <= 0:
                judge.say(file, at, f"the outline of {region} crosses itself or is empty", "draw it again")
            else:
                shapes.append((at, region, shape))
    return shapes


def _rings(geometry: Any) -> list[list[tuple[float, float]]]:
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return []
    held: Any = geometry.get("coordinates")
    parts: Any = held if geometry["type"] == "MultiPolygon" else [held]
    rings: list[list[tuple[float, float]]] = []
    try:
        for part in parts or []:
            ring = [(p[0], p[1]) for p in part[0]]
            if len(ring) < _RING_MIN or ring[0] != ring[-1] or not all(_degrees(x, y) for x, y in ring):
                return []
            rings.append([(float(x), float(y)) for x, y in ring])
    except (TypeError, IndexError, KeyError):
        return []
    return rings
