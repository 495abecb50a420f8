"""The outlines of the regions: closed rings of degrees, apart from one another, around the places they hold."""

import math
from itertools import combinations
from typing import Any, NamedTuple

import shapely

from tocsin.policy.check_places import degrees
from tocsin.policy.check_types import Judge

_FILE = "boundaries.geojson"
_RING_MIN = 4
_LAT_MAX = 90
_DEGREE_KM = 111.32
_SHARED_MIN = 1e-9
"""Square degrees: about ten square metres, what rounding leaves."""


class Outline(NamedTuple):
    """A ring of a region that holds, and the line of its feature."""

    line: int
    region: str
    shape: Any


class _Bad(Exception):
    """Why a ring is none: what, mend, and a number to find its line by."""


def check_outlines(judge: Judge) -> None:
    """Each feature is a region's outline; none overlap; the default region has one; entries lie in their region's."""
    outlines: list[Outline] = []
    drawn: set[str] = set()
    at = 0
    for feature in judge.files.features:
        at = judge.files.line(_FILE, '"Feature"', at) or at
        properties = feature.get("properties")
        region = str(properties.get("region") or "") if isinstance(properties, dict) else ""
        if region:
            judge.region(_FILE, at, region)
            drawn.add(region)
        else:
            judge.say(_FILE, at, "an outline without its region", 'give it "properties": {"region": "…"}')
        outlines += _outlines(judge, at, region, feature.get("geometry"))
    default = judge.toml("policy.toml")["default_region"]
    if default not in drawn:
        judge.say(_FILE, 1, f"region {default} has no outline", "draw it: a Feature with that region")
    _overlaps(judge, outlines)
    _covered(judge, outlines)


def _outlines(judge: Judge, at: int, region: str, geometry: Any) -> list[Outline]:
    name, found = region or "a feature", []
    try:
        for ring in _rings(geometry):
            shape = shapely.Polygon(ring)
            if not shape.is_valid or shape.area <= 0:
                where = shapely.is_valid_reason(shape).partition("[")[2].rstrip("]").split()
                place = f" at {where[0]}, {where[1]}" if len(where) == 2 else ""  # noqa: PLR2004 - a longitude and a latitude
                judge.say(_FILE, at, f"the outline of {name} crosses itself or is empty{place}", "draw it again")
            else:
                found.append(Outline(at, region, shape))
    except _Bad as e:
        what, mend, needle = e.args
        line = (judge.files.line(_FILE, needle, at - 1) if needle else 0) or at
        judge.say(_FILE, line, f"the outline of {name} {what}", mend)
    return found


def _rings(geometry: Any) -> list[list[tuple[float, float]]]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise _Bad(f"is no Polygon but {kind!r}", "give a Polygon or a MultiPolygon", "")
    held = geometry.get("coordinates")
    parts = held if kind == "MultiPolygon" else [held]
    if not isinstance(parts, list) or not parts:
        raise _Bad("is no Polygon: it has no corners", "give closed rings of [lon, lat]", "")
    return [_ring(part) for part in parts]


def _ring(part: Any) -> list[tuple[float, float]]:
    if not isinstance(part, list) or not part or not isinstance(part[0], list):
        raise _Bad("is no Polygon: its coordinates are no rings", "nest them as [[[lon, lat], …]]", "")
    if len(part) > 1:
        raise _Bad("has a hole, which is not read", "draw it without; what lies within is a region of its own", "")
    for corner in part[0]:
        if not isinstance(corner, list) or len(corner) < 2 or not degrees(corner[0], corner[1]):  # noqa: PLR2004 - a pair
            raise _Bad(f"is no Polygon: {str(corner)[:60]} is no place", _unplaced(corner), _needle(corner))
    ring = [(float(p[0]), float(p[1])) for p in part[0]]
    if len(ring) < _RING_MIN:
        raise _Bad(f"is no Polygon: it has {len(ring)} corners", "give three and the first again, at least", "")
    if ring[0] != ring[-1]:
        raise _Bad("is not closed", f"repeat its first corner {list(ring[0])} as its last", "")
    return ring


def _unplaced(corner: Any) -> str:
    numbers = isinstance(corner, list) and len(corner) > 1 and all(isinstance(x, int | float) for x in corner[:2])
    if numbers and degrees(corner[1], corner[0]) and abs(corner[1]) > _LAT_MAX:
        return "longitude comes first: turn the two round"
    return "give longitude and latitude in degrees of WGS84, longitude first"


def _needle(corner: Any) -> str:
    text = str(corner[0]) if isinstance(corner, list) and corner else ""
    return "NaN" if text == "nan" else text


def _overlaps(judge: Judge, outlines: list[Outline]) -> None:
    for one, other in combinations(outlines, 2):
        shared = shapely.intersection(one.shape, other.shape)
        if shared.area > _SHARED_MIN:
            x, y = shared.centroid.x, shared.centroid.y
            km2 = shared.area * _DEGREE_KM**2 * math.cos(math.radians(y))
            what = f"the outlines of {one.region} and {other.region} (line {other.line}) overlap"
            where = f"{what} by {km2:.2g} km² around {x:.4f}, {y:.4f}"
            judge.say(_FILE, one.line, where, "let them share an edge, not an area")


def _covered(judge: Judge, outlines: list[Outline]) -> None:
    for row in judge.files.gazetteer:
        if not degrees(row.fields["lon"], row.fields["lat"]):
            continue  # told by check_gazetteer
        at = shapely.Point(float(row.fields["lon"]), float(row.fields["lat"]))
        mine = [o.shape for o in outlines if o.region == row.fields["region"]]
        if mine and not any(s.covers(at) for s in mine):
            what = f"{row.fields['id']} lies outside the outline of its region {row.fields['region']}"
            judge.say("gazetteer.csv", row.line, what, "correct the point or the region")
