"""Finds incidents near a point, or called by one name, without looking at all: cells, newest last in each."""

import math
from typing import Any

from tocsin.envelope import Ms
from tocsin.place import Place, Point, spoken

CELL_M = 250.0
METRES_PER_DEGREE = 111_320.0
HALF_DEGREE = math.pi / 360.0
"""In radians: half the sum of two latitudes in one step."""
STEP_LAT = CELL_M / METRES_PER_DEGREE
STEP_LON = STEP_LAT / math.cos(math.radians(30.0))
"""Cells are about square in the middle of the country; elsewhere they are only wider or narrower, never wrong."""
LOOK_MAX = 64
"""Incidents of a kind looked at in a cell, newest first: bounds the worst decision in a storm over one named place."""


class Cell(dict[str, dict[str, tuple[float, float, Ms]]]):
    """Kind → incident → where it is (lon, lat) and when it was last touched.

    `touched_at` is not before any of these: on an ordinary day most cells around a call are past, and are passed over.
    """

    __slots__ = ("touched_at",)
    touched_at: Ms


NOTHING = Cell()


def metres(a: Point, b: Point) -> float:
    """The distance of two points, in metres: an equirectangular approximation, good to 0.1 % within 50 km."""
    x = (b.lon - a.lon) * math.cos((a.lat + b.lat) * HALF_DEGREE)
    y = b.lat - a.lat
    return math.sqrt(x * x + y * y) * METRES_PER_DEGREE


class Grid:
    """Incident ids by cell and kind, each a dict in the order of the last touch: in reverse, newest first.

    Kinds stand apart because in a busy quarter most neighbours are of kinds that never go together with the one asked
    for: looking through them all took a third of a decision.
    """

    __slots__ = ("_cells", "_names", "_where")

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], Cell] = {}
        self._names: dict[str, Cell] = {}
        self._where: dict[str, tuple[tuple[int, int], str, str]] = {}

    def touch(self, incident_id: str, place: Place, kind: str, at: Ms) -> None:
        """Puts an incident into the cell of its point as the newest of its kind, out of any former place.

        `at` is the log's own time and never goes back: within a kind the newest stand last.
        """
        point = place.point
        if point is None:
            return
        if incident_id in self._where:
            self.remove(incident_id)
        key, name = (int(point.lon // STEP_LON), int(point.lat // STEP_LAT)), spoken(place)
        self._where[incident_id] = (key, kind, name)
        there = (point.lon, point.lat, at)
        _put(self._cells, key, kind, incident_id, there)
        if name:
            _put(self._names, name, kind, incident_id, there)

    def remove(self, incident_id: str) -> None:
        """Takes an incident out; nothing where it has no cell."""
        where = self._where.pop(incident_id, None)
        if where is None:
            return
        key, kind, name = where
        _take(self._cells, key, kind, incident_id)
        if name:
            _take(self._names, name, kind, incident_id)

    def called(self, name: str) -> Cell:
        """What was reported under a gazetteer entry's name, wherever along it; the newest stand last in each kind."""
        return self._names.get(name, NOTHING)

    def near(self, point: Point, reach_m: float, since: Ms = 0) -> list[Cell]:
        """The cells touched `since` then that a circle of `reach_m` touches; the newest stand last in each kind."""
        lat = reach_m / METRES_PER_DEGREE
        lon = lat / max(0.01, math.cos(math.radians(point.lat)))
        xs = range(int((point.lon - lon) // STEP_LON), int((point.lon + lon) // STEP_LON) + 1)
        ys = range(int((point.lat - lat) // STEP_LAT), int((point.lat + lat) // STEP_LAT) + 1)
        cells = self._cells
        return [c for x in xs for y in ys if (c := cells.get((x, y))) is not None and c.touched_at >= since]


def _put(cells: dict[Any, Cell], key: object, kind: str, incident_id: str, there: tuple[float, float, Ms]) -> None:
    cell = cells.get(key)
    if cell is None:
        cell = cells[key] = Cell()
    cell.touched_at = there[2]
    alike = cell.get(kind)
    if alike is None:
        cell[kind] = {incident_id: there}
    else:
        alike[incident_id] = there


def _take(cells: dict[Any, Cell], key: object, kind: str, incident_id: str) -> None:
    cell = cells[key]
    del cell[kind][incident_id]
    if not cell[kind]:
        del cell[kind]
        if not cell:
            del cells[key]
