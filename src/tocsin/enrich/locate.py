"""Where a call is from: its point, else its words, else the seat that took it; never guessed, always flagged."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from tocsin.enrich.crs import is_position, to_wgs84
from tocsin.enrich.gazetteer import Gazetteer, Match, is_house, parts_of
from tocsin.enrich.normal import normalise
from tocsin.place import HOUSE, SPOKEN, Place, Point
from tocsin.policy.model import GazetteerEntry, Policy

_M_PER_DEG = 111_320.0
_TOWN_M, _SUBURB_M = 1800.0, 1500.0
_CHINA = (73.0, 136.0, 3.0, 54.0)
_ADDRESS_MAX, _TEXT_MAX = 200, 400
_SWAPPED_ACCURACY_M = 500.0
_CELL_DEG = 0.002
_REACH_M = 400.0
"""How far at most an entry lends its name to what lies around it."""
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Surroundings(NamedTuple):
    """What is around a point: the town it belongs to, its setting, and the named place it lies in, if any."""

    town: str
    setting: str
    entry: str
    label: str


class _Named(NamedTuple):
    """The gazetteer's entries of a region as columns: in metres, with how far each lends its name (-1: never)."""

    entries: list[GazetteerEntry]
    x: Floats
    y: Floats
    reach_m: Floats
    town: Flags
    suburb: Flags


class Locator:
    """Places calls by one policy. Immutable but for what is cached by cell."""

    def __init__(self, policy: Policy, tokens: Callable[[str, str], str] | None) -> None:
        self._policy, self._tokens = policy, tokens
        self.gazetteer = Gazetteer(policy)
        corners = [p for rings in policy.polygons.values() for ring in rings for p in ring]
        self._scale = math.cos(math.radians(sum(y for _, y in corners) / len(corners))) if corners else 1.0
        self._owners = [r for r, rings in sorted(policy.polygons.items()) for _ in rings]
        self._shapes = [
            shapely.Polygon([self._metres(x, y) for x, y in ring])
            for _, rings in sorted(policy.polygons.items())
            for ring in rings
        ]
        for shape in self._shapes:
            shapely.prepare(shape)
        self._tree = shapely.STRtree(self._shapes)
        grouped: dict[str, list[GazetteerEntry]] = {}
        for e in policy.gazetteer:
            grouped.setdefault(e.region, []).append(e)
        self._by_region = {r: self._named(entries) for r, entries in grouped.items()}
        self._around = lru_cache(maxsize=16384)(self._surroundings)
        self._clear = lru_cache(maxsize=65536)(self._clear_of)
        self._entries: dict[tuple[str, bool], Place] = {}

    def _metres(self, lon: float, lat: float) -> tuple[float, float]:
        return lon * self._scale * _M_PER_DEG, lat * _M_PER_DEG

    def _named(self, entries: list[GazetteerEntry]) -> _Named:
        at = np.array([self._metres(e.point.lon, e.point.lat) for e in entries])
        reach = np.array([-1.0 if e.kind == "town" else min(e.radius_m, _REACH_M) for e in entries])
        town, suburb = (np.array([e.setting == s for e in entries]) for s in ("town", "suburb"))
        return _Named(entries, at[:, 0], at[:, 1], reach, town, suburb)

    def regions_at(self, point: Point) -> tuple[str, list[str]]:
        """The region a WGS84 point lies in ("" for none) and the others within the border strip."""
        clear = self._clear(int(point.lon // _CELL_DEG), int(point.lat // _CELL_DEG))
        return self.regions_exactly(point) if clear is None else (clear, [])

    def regions_exactly(self, point: Point) -> tuple[str, list[str]]:
        """The same by the polygons themselves, whatever stands around: forty times as dear."""
        at = shapely.Point(*self._metres(point.lon, point.lat))
        near = self._tree.query(at, predicate="dwithin", distance=self._policy.linking.border_m).tolist()
        inside = sorted(self._owners[i] for i in near if self._shapes[i].intersects(at))
        region = inside[0] if inside else ""
        return region, sorted({self._owners[i] for i in near} - {region})

    def _clear_of(self, cell_x: int, cell_y: int) -> str | None:
        """The region all of a cell lies in, beyond the strip of every border; "" far from all; None: it depends."""
        x, y = self._metres(cell_x * _CELL_DEG, cell_y * _CELL_DEG)
        across, up = self._metres((cell_x + 1) * _CELL_DEG, (cell_y + 1) * _CELL_DEG)
        # A metre more on each side, for what rounding makes of a point on the cell's own edge.
        box = shapely.box(x - 1.0, y - 1.0, across + 1.0, up + 1.0)
        near = self._tree.query(box, predicate="dwithin", distance=self._policy.linking.border_m).tolist()
        owners = {self._owners[i] for i in near}
        if not owners:
            return ""
        return owners.pop() if len(owners) == 1 and any(self._shapes[i].contains(box) for i in near) else None

    def _surroundings(self, cell_x: int, cell_y: int, region: str) -> Surroundings:
        x, y = self._metres(cell_x * _CELL_DEG, cell_y * _CELL_DEG)
        there = self._by_region.get(region)
        if there is None:
            return Surroundings("", "village", "", "")
        apart = np.hypot(there.x - x, there.y - y)
        inside = np.where(apart <= there.reach_m, apart, math.inf)
        best = int(inside.argmin())
        within = there.entries[best] if inside[best] < math.inf else None
        setting = "village"
        if apart[there.town].min(initial=math.inf) <= _TOWN_M:
            setting = "town"
        elif apart[there.suburb].min(initial=math.inf) <= _SUBURB_M:
            setting = "suburb"
        town = there.entries[int(apart.argmin())].town
        return Surroundings(town, setting, within.id if within else "", within.names[0] if within else "")

    def locate(
        self, point: Point | None, accuracy_m: float | None, address: str, text: str, given: str, seat: str
    ) -> tuple[Place, list[str]]:
        """A place and what was odd about finding it."""
        flags: list[str] = []
        if given and given not in self._policy.regions:
            flags.append("region_unknown")
        words = normalise(address[:_ADDRESS_MAX]) if address else ""
        tokens = self._parts(words) if words else []
        placed: Place | None = None
        if point is not None:
            placed = self._by_point(point, accuracy_m, flags, self._fallback(given, seat))
        if placed is None or placed.source != "point" or "point_invalid" in flags or "point_outside" in flags:
            spoken = self.gazetteer.find(words, normalise(text[:_TEXT_MAX]) if text else "")
            if spoken is not None:
                placed = self._by_entry(spoken)
            elif placed is None and words:
                placed = self._by_name(words)
        else:
            entry = self.gazetteer.spoken(words, normalise(text[:_TEXT_MAX]) if text else "")
            if entry:
                tokens.insert(0, SPOKEN + entry)
        if placed is None:
            placed = self._by_seat(given, seat, flags)
        region = self._policy.regions.get(placed.region)
        if region is not None and not region.own and "out_of_area" not in flags:
            flags.append("out_of_area")
        return (placed if not tokens else _with_tokens(placed, tokens)), flags

    def _parts(self, words: str) -> list[str]:
        """An address's parts under the key; a house's number says that it is one."""
        tokens = self._tokens
        if tokens is None:
            return []
        return [f"{HOUSE if is_house(p) else ''}{tokens('address', p)}" for p in parts_of(words)]

    def _by_point(self, point: Point, accuracy_m: float | None, flags: list[str], fallback: str) -> Place | None:
        fixed, swapped = point, False
        if _swapped(point):
            flags.append("point_invalid")
            fixed, swapped = Point(lon=point.lat, lat=point.lon, crs=point.crs), True
        elif not is_position(point.lon, point.lat):
            flags.append("point_invalid")
            return None
        there = to_wgs84(fixed)
        region, near = self.regions_at(there)
        accuracy = accuracy_m if accuracy_m is not None and math.isfinite(accuracy_m) and accuracy_m >= 0 else None
        if swapped:
            if not region:
                return None
            accuracy = max(accuracy or 0.0, _SWAPPED_ACCURACY_M)
        if not region:
            flags.append("point_outside")
            return Place(region=fallback, point=there, accuracy_m=accuracy, source="point", neighbours=near)
        around = self._around(round(there.lon / _CELL_DEG), round(there.lat / _CELL_DEG), region)
        return Place(
            region=region, point=there, accuracy_m=accuracy, source="point", entry=around.entry, label=around.label,
            town=around.town, setting=around.setting, neighbours=near,
        )  # fmt: skip

    def _by_entry(self, match: Match) -> Place:
        """The entry's place: one value for each entry, since a look at the outlines costs a fifth of reading a call."""
        e, heard = match.entry, match.score > 0.9  # noqa: PLR2004 - heard; below it guessed, and twice as wide
        known = self._entries.get((e.id, heard))
        if known is not None:
            return known
        _, near = self.regions_at(e.point)
        accuracy = e.radius_m if heard else e.radius_m * 2
        known = self._entries[e.id, heard] = Place(
            region=e.region, point=e.point, accuracy_m=accuracy, source="gazetteer", entry=e.id, label=e.names[0],
            town=e.town, setting=e.setting, neighbours=[n for n in near if n != e.region],
        )  # fmt: skip
        return known

    def _by_name(self, words: str) -> Place | None:
        region = self.gazetteer.region_named(words)
        return Place(region=region, source="gazetteer", label=self._policy.regions[region].label) if region else None

    def _fallback(self, given: str, seat: str) -> str:
        """The region where no place says one: the given, the command centre's for an unknown one, else the seat's."""
        if given:
            return given if given in self._policy.regions else self._policy.command_region
        return seat if seat in self._policy.regions else self._policy.default_region

    def _by_seat(self, given: str, seat: str, flags: list[str]) -> Place:
        if given and given not in self._policy.regions:
            return Place(region=self._policy.command_region, source="none")
        flags.append("place_unknown")
        return Place(region=self._fallback(given, seat), source="seat")


def _with_tokens(place: Place, tokens: list[str]) -> Place:
    return Place(
        region=place.region, point=place.point, accuracy_m=place.accuracy_m, source=place.source, entry=place.entry,
        label=place.label, town=place.town, setting=place.setting, tokens=tokens, neighbours=place.neighbours,
    )  # fmt: skip


def _swapped(point: Point) -> bool:
    """Whether the pair fits the country only the other way round."""
    west, east, south, north = _CHINA
    return south <= point.lon <= north and west <= point.lat <= east
