"""Finds incidents near a point without looking at all of them: cells of about 250 m, newest last in each."""

import math
from collections.abc import Iterator

from tocsin.place import Point

CELL_M = 250.0
METRES_PER_DEGREE = 111_320.0
STEP_LAT = CELL_M / METRES_PER_DEGREE
STEP_LON = STEP_LAT / math.cos(math.radians(30.0))
"""Cells are about square in the middle of the country; elsewhere they are only wider or narrower, never wrong."""
LOOK_MAX = 64
"""Incidents of a kind looked at in a cell, newest first: bounds the worst decision in a storm over one named place."""
Cell = dict[str, dict[str, Point]]
"""Kind → incident → its point."""


def metres(a: Point, b: Point) -> float:
    """The distance of two points, in metres: an equirectangular approximation, good to 0.1 % within 50 km."""
    x = (b.lon - a.lon) * math.cos(math.radians((a.lat + b.lat) / 2))
    y = b.lat - a.lat
    return math.sqrt(x * x + y * y) * METRES_PER_DEGREE


class Grid:
    """Incident ids by cell and kind, each a dict in the order of the last touch: in reverse, newest first.

    Kinds stand apart because in a busy quarter most neighbours are of kinds that never go together with the one asked
    for: looking through them all took a third of a decision.
    """

    __slots__ = ("_cells", "_where")

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], Cell] = {}
        self._where: dict[str, tuple[tuple[int, int], str]] = {}

    def touch(self, incident_id: str, point: Point, kind: str) -> None:
        """Puts an incident into the cell of its point as the newest of its kind, out of any former place."""
        key = (int(point.lon // STEP_LON), int(point.lat // STEP_LAT))
        if incident_id in self._where:
            self.remove(incident_id)
        self._where[incident_id] = (key, kind)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = {}
        alike = cell.get(kind)
        if alike is None:
            cell[kind] = {incident_id: point}
        else:
            alike[incident_id] = point

    def remove(self, incident_id: str) -> None:
        """Takes an incident out; nothing where it has no cell."""
        where = self._where.pop(incident_id, None)
        if where is None:
            return
        key, kind = where
        cell = self._cells[key]
        del cell[kind][incident_id]
        if not cell[kind]:
            del cell[kind]
            if not cell:
                del self._cells[key]

    def near(self, point: Point, reach_m: float) -> Iterator[Cell]:
        """The cells that a circle of `reach_m` touches; the newest stand last in each kind."""
        lat = reach_m / METRES_PER_DEGREE
        lon = lat / max(0.01, math.cos(math.radians(point.lat)))
        ys = range(int((point.lat - lat) // STEP_LAT), int((point.lat + lat) // STEP_LAT) + 1)
        cells = self._cells
        for x in range(int((point.lon - lon) // STEP_LON), int((point.lon + lon) // STEP_LON) + 1):
            for y in ys:
                cell = cells.get((x, y))
                if cell:
                    yield cell
