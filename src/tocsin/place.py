"""Where something is: points with their declared coordinate system, and places found for them."""

from typing import Literal

from tocsin.envelope import Frozen

HOUSE, SPOKEN = "#", "@"
"""How those tokens of a place begin that stand for a house's number, and for an entry of the gazetteer."""
Crs = Literal["WGS84", "CGCS2000", "GCJ02", "BD09"]


class Point(Frozen, frozen=True):
    """A position in degrees. CGCS2000 equals WGS84 within centimetres; GCJ02 and BD09 are shifted in mainland China."""

    lon: float
    lat: float
    crs: Crs = "WGS84"


class Place(Frozen, frozen=True):
    """A place as found: what the rules use. Holds no words of the caller.

    `source` says how: the caller's coordinates, a gazetteer entry, or only the seat that took the call.
    `tokens` are keyed hashes of the address's parts, so that addresses can be compared without being read; a house's
    number is marked as one. Where a point says where, the entry that was named stands first among them, marked.
    """

    region: str
    point: Point | None = None
    accuracy_m: float | None = None
    source: Literal["point", "gazetteer", "seat", "person", "none"] = "none"
    entry: str = ""
    label: str = ""
    town: str = ""
    setting: str = ""
    tokens: list[str] = []
    neighbours: list[str] = []


def spoken(place: Place) -> str:
    """The entry a caller named, as distinct from the one a point happens to lie in; "" where none was understood."""
    if place.source == "gazetteer":
        return place.entry
    first = place.tokens[0] if place.tokens else ""
    return first[1:] if first[:1] == SPOKEN else ""
