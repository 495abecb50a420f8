"""Coordinates come out where they are, whatever system they were given in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.enrich.crs import gcj02_to_bd09, is_position, to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from tocsin.place import Point

# Widely published pairs: (GCJ-02, BD-09) of one place, and (WGS84, GCJ-02) of others.
GCJ_BD = [((116.404, 39.915), (116.41036949371029, 39.92133699351021))]
WGS_GCJ = [
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]


def apart_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two positions close together."""
    return math.hypot((a[0] - b[0]) * 111_320 * math.cos(math.radians(a[1])), (a[1] - b[1]) * 110_940)


@pytest.mark.parametrize(("gcj", "bd"), GCJ_BD)
def test_gcj02_to_bd09_matches_published_values(gcj: tuple[float, float], bd: tuple[float, float]) -> None:
    """The forward shift gives the published pair to a centimetre."""
    assert apart_m(gcj02_to_bd09(*gcj), bd) < 0.01


@pytest.mark.parametrize(("wgs", "gcj"), WGS_GCJ)
def test_wgs84_to_gcj02_matches_published_values(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    """The obfuscation gives the published pairs to a metre (they differ in their last digits between sources)."""
    assert apart_m(wgs84_to_gcj02(*wgs), gcj) < 1.0


@given(lon=st.floats(100, 125), lat=st.floats(20, 45))
def test_the_way_back_is_exact(lon: float, lat: float) -> None:
    """Iterating the inverse comes back to the start within a centimetre, from both systems."""
    for forward, crs in ((wgs84_to_gcj02, "GCJ02"), (wgs84_to_bd09, "BD09")):
        x, y = forward(lon, lat)
        back = to_wgs84(Point(lon=x, lat=y, crs=crs))  # type: ignore[arg-type]  # both are systems by construction
        assert apart_m((back.lon, back.lat), (lon, lat)) < 0.01


def test_cgcs2000_and_wgs84_stay() -> None:
    """CGCS2000 equals WGS84 within centimetres: the numbers are kept."""
    assert to_wgs84(Point(lon=112.4, lat=29.36, crs="CGCS2000")) == Point(lon=112.4, lat=29.36)


def test_outside_the_country_gcj02_is_wgs84() -> None:
    """The obfuscation ends at the border span."""
    assert wgs84_to_gcj02(-75.5, 40.2) == (-75.5, 40.2)


@pytest.mark.parametrize("pair", [(math.nan, 1.0), (math.inf, 0.0), (181.0, 0.0), (10.0, 91.0), (0.0, 0.0)])
def test_what_is_no_position_stays_as_it_is(pair: tuple[float, float]) -> None:
    """No exception, no made-up place: it is said not to be a position."""
    assert not is_position(*pair)
    to_wgs84(Point(lon=pair[0], lat=pair[1], crs="BD09"))
