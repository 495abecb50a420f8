"""How long a unit needs from one point to another: great-circle distance × road factor / road speed. Pure."""

from math import asin, cos, radians, sin, sqrt

from tocsin.place import Point
from tocsin.policy.model import Ems

EARTH_M = 6_371_008.8
"""Mean radius of the Earth, metres (IUGG)."""


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance of two WGS84 points, metres (haversine)."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    h = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_M * asin(min(1.0, sqrt(h)))


def eta_s(a: Point | None, b: Point | None, ems: Ems) -> int | None:
    """Travel time in whole seconds, None where a point is not known."""
    if a is None or b is None:
        return None
    return round(distance_m(a, b) * ems.road_factor / (ems.road_speed_kmh / 3.6))
