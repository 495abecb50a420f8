"""Where something is: points with their declared coordinate system, and places found for them."""

from typing import Literal

from tocsin.envelope import Frozen

Crs = Literal["WGS84", "CGCS2000", "GCJ02", "BD09"]


class Point(Frozen, frozen=True):
    """A position in degrees. CGCS2000 equals WGS84 within centimetres; GCJ02 and BD09 are shifted in mainland China."""

    lon: float
    lat: float
    crs: Crs = "WGS84"


class Place(Frozen, frozen=True):
    """A place as found: what the rules use. Holds no words of the caller.

    `source` says how: the caller's coordinates, a gazetteer entry, or only the seat that took the call.
    `tokens` are keyed hashes of the address's parts, so that addresses can be compared without being read.
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
