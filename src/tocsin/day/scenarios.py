"""What makes a day hard: each scenario plans its matters on one planner."""

from collections.abc import Callable

from shapely import Point as ShapelyPoint
from shapely import Polygon
from shapely.ops import unary_union

from tocsin.day.generate import Planner, Spot, moved
from tocsin.incident.grid import METRES_PER_DEGREE, metres
from tocsin.place import Point

_CLEAR_OF_EDGE_M = 150.0
_NAMED_WITHIN_M = 400.0
_AT_THE_EDGE = {"traffic.injury": 0.4, "fire.vegetation": 0.3, "rescue.water": 0.1, "crime.inprogress": 0.2}
_DANGER_ON_HOTLINE = (
    ("rescue.suicide", "{place}楼顶坐着一个人说要跳楼，你们快叫人"),
    ("utility.gas", "{place}楼道煤气味很重，我不知道打哪个电话"),
    ("medical.cardiac", "我妈胸口疼得厉害，打你们这里能帮我叫救护车吗，在{place}"),
    ("fire.building", "{place}有房子着火了，我先打了12345"),
)


def county(planner: Planner, matters: int) -> None:
    """The demo's day: usual matters and one of everything that goes wrong."""
    planner.usual(matters)
    _crash_at(planner, 8.2 * 3600, callers=7)
    _crash_at(planner, 18.1 * 3600, callers=9)
    _neighbouring_fires(planner, 14 * 3600)
    _same_caller_two_matters(planner, 10.5 * 3600)
    _hotline_repeats(planner, 9 * 3600)
    _exercise(planner, 15 * 3600)
    for i, (kind, text) in enumerate(_DANGER_ON_HOTLINE):
        _single(planner, kind, "12345", text, (11 + i * 2.3) * 3600)
    for i in range(40):
        kind = planner.weighted({k: s.share for k, s in planner.speeches.items() if k.startswith("service.")})
        planner.matter(kind, 8 * 3600 + i * 20)
    _border(planner, 6)


def easy(planner: Planner, matters: int) -> None:
    """A plain day, nothing more."""
    planner.usual(matters)


def rush(planner: Planner, matters: int) -> None:
    """An evening peak with pile-ups: many callers a crash, crashes close to each other in place and time."""
    planner.usual(matters // 2)
    roads = [e for e in planner.places if e.kind in ("road", "crossing")] or planner.places
    for i in range(max(matters // 20, 4)):
        at = 17.3 * 3600 + i * 420 + planner.random.uniform(0, 200)
        spot = planner.spot(planner.random.choice(roads))
        kind = planner.weighted({"traffic.injury": 0.5, "traffic.trapped": 0.2, "traffic.damage": 0.3})
        planner.matter(kind, at, spot=spot, extra=1.0 if kind == "traffic.damage" else 7.0)
    _neighbouring_fires(planner, 17.8 * 3600)


def storm(planner: Planner, matters: int) -> None:
    """A summer storm: fifty times the usual calls of those hours, most about the same few dozen places."""
    planner.usual(matters // 4)
    kinds = {"utility.power": 0.4, "utility.water": 0.15, "traffic.obstruct": 0.1, "rescue.water": 0.1,
             "flood.dyke": 0.05, "traffic.injury": 0.1, "fire.building": 0.05, "rescue.other": 0.05}  # fmt: skip
    spots = planner.random.sample(planner.places, min(len(planner.places), max(matters // 3, 12)))
    for entry in spots:
        kind = planner.weighted(kinds)
        many = 12.0 if kind.startswith("utility.") else 5.0 if planner.speeches[kind].callers >= 1 else 0.2
        planner.matter(kind, 15 * 3600 + planner.random.uniform(0, 3 * 3600), spot=planner.spot(entry), extra=many)


def border(planner: Planner, matters: int) -> None:
    """Matters at the county's edge, on either side."""
    planner.usual(matters // 4)
    _border(planner, max(matters // 4, 20))


def _crash_at(planner: Planner, at_s: float, *, callers: float) -> None:
    roads = [e for e in planner.places if e.kind in ("road", "crossing")] or planner.places
    planner.matter("traffic.trapped", at_s, spot=planner.spot(planner.random.choice(roads)), extra=callers)


def _neighbouring_fires(planner: Planner, at_s: float) -> None:
    first = planner.spot()
    second = Spot(first.name, moved(first.point, 420, 180))
    planner.matter("fire.building", at_s, spot=first, extra=0)
    spot = Spot(_nearest(planner, second.point, but=first.name), second.point)
    planner.matter("fire.building", at_s + 600, spot=spot, extra=0)


def _nearest(planner: Planner, point: Point, *, but: str = "") -> str:
    """The name of the gazetteer's nearest entry, of any region."""
    named = [e for e in planner.policy.gazetteer if e.kind != "town" and e.names[0] != but]
    return min(named, key=lambda e: (e.point.lon - point.lon) ** 2 + (e.point.lat - point.lat) ** 2).names[0]


def _same_caller_two_matters(planner: Planner, at_s: float) -> None:
    number, spot = planner.number(), planner.spot()
    _single(planner, "traffic.damage", "122", "{place}两车刮擦，人没事，要定责", at_s, number=number, spot=spot)
    _single(planner, "utility.water", "12345", "{place}停水了，什么时候来", at_s + 1500, number=number, spot=spot)


def _hotline_repeats(planner: Planner, at_s: float) -> None:
    number, spot = planner.number(), planner.spot()
    truth = _single(planner, "service.urban", "12345", "{place}垃圾好几天没人清运", at_s, number=number, spot=spot)
    for hours in (3, 6):
        text = "上午反映的{place}垃圾没人清运，现在还是没有处理"
        planner.ring("service.urban", truth, at_s + hours * 3600, "12345", text, spot, number=number)


def _exercise(planner: Planner, at_s: float) -> None:
    spot = planner.spot()
    planner.matter("fire.building", at_s, spot=spot, extra=3, exercise=True)
    planner.matter("fire.building", at_s + 120, spot=spot, extra=1)


def _single(
    planner: Planner, kind: str, line: str, text: str, at_s: float, *, number: str = "", spot: Spot | None = None
) -> str:
    planner._matters += 1  # noqa: SLF001 - a scenario is the planner's own other half
    truth = f"{planner._tag}-M{planner._matters:05d}"  # noqa: SLF001 - see above
    planner.ring(kind, truth, at_s, line, text, spot or planner.spot(), number=number)
    return truth


def _border(planner: Planner, matters: int) -> None:
    """Matters within a kilometre of the edge, on either side, each clearly on one.

    What phones with an error of some tens of metres would put into two regions is for relations, not for links.
    """
    edges = planner.policy.polygons.get(planner.policy.default_region, [])
    county = unary_union([Polygon(ring) for ring in edges])
    planned = 0
    while planned < matters:
        corner, other = _side(planner)
        share = planner.random.random()
        edge = Point(lon=corner[0] + share * (other[0] - corner[0]), lat=corner[1] + share * (other[1] - corner[1]))
        point = moved(edge, planner.random.uniform(-900, 900), planner.random.uniform(-900, 900))
        if county.boundary.distance(ShapelyPoint(point.lon, point.lat)) * METRES_PER_DEGREE < _CLEAR_OF_EDGE_M:
            continue
        kind = planner.weighted(_AT_THE_EDGE)
        near = _nearest_within(planner, point)
        planner.matter(kind, planner.hour_of(kind), spot=Spot(near or "县界边上", point), located=True)
        planned += 1


def _side(planner: Planner) -> tuple[tuple[float, float], tuple[float, float]]:
    ring = planner.random.choice(planner.policy.polygons[planner.policy.default_region])
    n = planner.random.randrange(len(ring) - 1)
    return ring[n], ring[n + 1]


def _nearest_within(planner: Planner, point: Point) -> str:
    """A name people there would use: an entry whose reach holds the point; "" where there is none."""
    near = [e for e in planner.policy.gazetteer if metres(e.point, point) <= min(e.radius_m, _NAMED_WITHIN_M)]
    return min(near, key=lambda e: metres(e.point, point)).names[0] if near else ""


SCENARIOS: dict[str, Callable[[Planner, int], None]] = {
    "county": county, "easy": easy, "rush": rush, "storm": storm, "border": border,
}  # fmt: skip
