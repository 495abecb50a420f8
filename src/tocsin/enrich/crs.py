"""Coordinate systems used in China → WGS84. GCJ-02 is a published obfuscation of WGS84, BD-09 a shift on top of it.

The forward formulae are the ones in common use (Krasovsky 1940 ellipsoid); the inverse iterates them until a step is
under a millimetre. Outside mainland China's span GCJ-02 equals WGS84.
"""

import math

from tocsin.place import Crs, Point

_A = 6378245.0
_EE = 0.00669342162296594323
_BD = math.pi * 3000.0 / 180.0
_STEP_MIN = 1e-8
_STEPS_MAX = 30


def _outside(lon: float, lat: float) -> bool:
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)  # noqa: PLR2004 - the span the obfuscation knows


def _shift(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    wave = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    root = math.sqrt(abs(x))
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    d_lat += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    d_lat += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    d_lon += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    d_lon += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    rad = math.radians(lat)
    magic = 1 - _EE * math.sin(rad) ** 2
    d_lat = d_lat * 180.0 / ((_A * (1 - _EE)) / (magic * math.sqrt(magic)) * math.pi)
    d_lon = d_lon * 180.0 / (_A / math.sqrt(magic) * math.cos(rad) * math.pi)
    return d_lon, d_lat


def wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """WGS84 → GCJ-02, degrees."""
    if _outside(lon, lat):
        return lon, lat
    d_lon, d_lat = _shift(lon, lat)
    return lon + d_lon, lat + d_lat


def gcj02_to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """GCJ-02 → BD-09, degrees."""
    z = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BD)
    theta = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BD)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def wgs84_to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """WGS84 → BD-09, degrees."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


_FORWARD = {"GCJ02": wgs84_to_gcj02, "BD09": wgs84_to_bd09}


def to_wgs84(point: Point) -> Point:
    """The same position in WGS84. CGCS2000 equals it within centimetres. What is no position at all stays as it is."""
    crs: Crs = point.crs
    if crs in ("WGS84", "CGCS2000") or not is_position(point.lon, point.lat):
        return Point(lon=point.lon, lat=point.lat)
    forward = _FORWARD[crs]
    lon, lat = point.lon, point.lat
    for _ in range(_STEPS_MAX):
        there_lon, there_lat = forward(lon, lat)
        step_lon, step_lat = point.lon - there_lon, point.lat - there_lat
        lon, lat = lon + step_lon, lat + step_lat
        if abs(step_lon) < _STEP_MIN and abs(step_lat) < _STEP_MIN:
            break
    return Point(lon=round(lon, 8), lat=round(lat, 8))


def is_position(lon: float, lat: float) -> bool:
    """Whether this can be a position at all; (0, 0) is what broken receivers send."""
    ok = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90  # noqa: PLR2004 - degrees
    return ok and not (abs(lon) < 1e-6 and abs(lat) < 1e-6)  # noqa: PLR2004 - a hand's breadth around (0, 0)
