"""Plans a day's calls from a seed: matters by kind, the people who ring about each, and what makes a real day hard."""

import math
import random
import tomllib
from importlib import resources
from typing import Literal, NamedTuple

from msgspec import Struct, convert, structs

from tocsin.day.ring import Ring
from tocsin.place import Point
from tocsin.policy.model import GazetteerEntry, Policy

Scenario = Literal["county", "easy", "rush", "storm", "border"]
DAY_S = 86_400.0
# Matters by hour of the day: quiet before dawn, a morning and an evening peak, as alarm lines everywhere show.
_HOURLY = (2, 1, 1, 1, 1, 2, 3, 5, 6, 6, 5, 5, 5, 5, 5, 5, 6, 7, 8, 8, 7, 6, 5, 3)
_HOTLINE_HOURLY = (0, 0, 0, 0, 0, 0, 1, 3, 8, 9, 8, 6, 3, 4, 7, 7, 6, 4, 3, 3, 2, 1, 1, 0)
_M_PER_DEG = 111_320.0


class Speech(Struct, frozen=True):
    """What callers say about one kind (a table of texts.toml)."""

    lines: dict[str, float]
    share: float
    first: list[str]
    more: list[str] = []
    also: dict[str, float] = {}
    callers: float = 0.0
    spread_min: float = 4.0
    safe_to_contact: bool | None = None


class Spot(NamedTuple):
    """Where a matter is: the place's name as people say it and the true point."""

    name: str
    point: Point


def speeches() -> dict[str, Speech]:
    """All kinds' sentences."""
    raw = tomllib.loads((resources.files("tocsin.day") / "texts.toml").read_text(encoding="utf-8"))
    return convert(raw["kind"], dict[str, Speech])


def moved(point: Point, east_m: float, north_m: float) -> Point:
    """A point this far away."""
    lat = point.lat + north_m / _M_PER_DEG
    lon = point.lon + east_m / (_M_PER_DEG * math.cos(math.radians(point.lat)))
    return Point(lon=round(lon, 6), lat=round(lat, 6))


class Planner:
    """Draws matters and their callers. The same seed, scenario and policy give the same day."""

    def __init__(self, policy: Policy, seed: int, scenario: str) -> None:
        self.random = random.Random(f"{scenario}:{seed}")
        self.policy = policy
        self.speeches = speeches()
        self.rings: list[Ring] = []
        self._tag = f"{scenario}-{seed}"
        self._matters = self._calls = self._numbers = 0
        own = policy.default_region
        self.places = [e for e in policy.gazetteer if e.region == own and e.kind != "town" and len(e.names[0]) >= 2]

    def weighted(self, weights: dict[str, float]) -> str:
        """One of the keys, by weight."""
        return self.random.choices(list(weights), list(weights.values()))[0]

    def number(self) -> str:
        """A fresh sample number, 1380000xxxx while they last, then 1390000xxxx."""
        self._numbers += 1
        n = self._numbers * 7919 % 10_000 if self._numbers < 10_000 else self._numbers % 10_000
        return f"{'1380000' if self._numbers < 10_000 else '1390000'}{n:04d}"

    def spot(self, near: GazetteerEntry | None = None) -> Spot:
        """A place of the county and a point close to it."""
        entry = near or self.random.choice(self.places)
        reach = min(entry.radius_m, 150.0) * 0.6
        middle = self._along(entry) if entry.kind == "road" else entry.point
        return Spot(
            entry.names[0], moved(middle, self.random.uniform(-reach, reach), self.random.uniform(-reach, reach))
        )

    def _along(self, road: GazetteerEntry) -> Point:
        """A point anywhere between a road's middle and one of its crossings; its middle where none is known."""
        crossings = [e for e in self.places if e.kind == "crossing" and road.names[0] in e.names[0]]
        if not crossings:
            return road.point
        end, share = self.random.choice(crossings).point, self.random.random()
        return Point(
            lon=road.point.lon + share * (end.lon - road.point.lon),
            lat=road.point.lat + share * (end.lat - road.point.lat),
        )

    def matter(
        self,
        kind: str,
        at_s: float,
        *,
        spot: Spot | None = None,
        extra: float | None = None,
        exercise: bool = False,
        located: bool = False,
    ) -> str:
        """Plans one matter: its first caller and, by the kind's habit, more. Returns the truth's id."""
        self._matters += 1
        truth = f"{self._tag}-M{self._matters:05d}"
        speech = self.speeches[kind]
        spot = spot or self.spot()
        mean = speech.callers if extra is None else extra
        count = self._poisson(mean)
        self.ring(
            kind,
            truth,
            at_s,
            self.weighted(speech.lines),
            self.random.choice(speech.first),
            spot,
            exercise=exercise,
            located=located,
        )
        for _ in range(count if speech.more else 0):
            # Folded back, not cut off: no day has one caller in twenty ring at the very same second.
            later = at_s + 15 + self.random.expovariate(1 / (speech.spread_min * 60)) % (speech.spread_min * 180)
            self.ring(
                kind,
                truth,
                later,
                self.weighted(speech.also),
                self.random.choice(speech.more),
                spot,
                exercise=exercise,
                located=located,
            )
        return truth

    def ring(
        self,
        kind: str,
        truth: str,
        at_s: float,
        line: str,
        text: str,
        spot: Spot,
        *,
        number: str = "",
        exercise: bool = False,
        located: bool = False,
    ) -> None:
        """Plans one call. Six in ten phones give a position, with its error; the rest say where."""
        self._calls += 1
        located = located or self.random.random() < (0.2 if line == "12345" else 0.6)
        error = self.random.choice((10.0, 20.0, 30.0, 60.0))
        point = moved(spot.point, self.random.gauss(0, error / 2), self.random.gauss(0, error / 2)) if located else None
        silent = kind == "invalid.silent"
        web = line == "12345" and self.random.random() < 0.35
        said = text.format(place=spot.name, n=self.random.choice("两三四"), many=self.random.choice("五六七"))
        self.rings.append(
            Ring(
                at_s=at_s,
                call_id=f"{self._tag}-{self._calls:06d}",
                line=line,
                text=said,
                truth_incident=truth,
                truth_kind=kind,
                number=number or self.number(),
                address="" if silent or "{place}" not in text or self.random.random() < 0.4 else spot.name,
                point=None if web else point,
                accuracy_m=None if web or point is None else error,
                channel="web" if web else "voice",
                answer_s=round(self.random.uniform(2, 11), 1),
                talk_s=round(self.random.uniform(3, 8) if silent else self.random.uniform(25, 120), 1),
                safe_to_contact=self.speeches[kind].safe_to_contact,
                exercise=exercise,
                confidential=kind == "service.discipline",
            )
        )

    def _poisson(self, mean: float) -> int:
        limit, n, p = math.exp(-mean), 0, self.random.random()
        while p > limit:
            n, p = n + 1, p * self.random.random()
        return n

    def hour_of(self, kind: str) -> float:
        """A second of the day at which such a matter may begin."""
        hourly = _HOTLINE_HOURLY if kind.startswith("service.") else _HOURLY
        hour = self.random.choices(range(24), hourly)[0]
        return (hour + self.random.random()) * 3600

    def usual(self, matters: int) -> None:
        """A plain day: this many matters, by the kinds' shares and the hours' habits."""
        shares = {k: s.share for k, s in self.speeches.items()}
        for _ in range(matters):
            kind = self.weighted(shares)
            self.matter(kind, self.hour_of(kind))


def county_day(policy: Policy, *, seed: int = 1, scenario: str = "county", matters: int = 260) -> list[Ring]:
    """The day's calls in the order in which they ring. Scenarios: county, easy, rush, storm, border."""
    from tocsin.day.scenarios import SCENARIOS  # noqa: PLC0415 - scenarios are written in terms of the planner

    planner = Planner(policy, seed, scenario)
    SCENARIOS[scenario](planner, matters)
    return sorted(planner.rings, key=lambda r: (r.at_s, r.call_id))


def beginning_at(rings: list[Ring], hour: int) -> list[Ring]:
    """The same day begun at this hour: matters that start earlier come a day later, each with all its calls."""
    first: dict[str, float] = {}
    for r in rings:
        first[r.truth_incident] = min(first.get(r.truth_incident, r.at_s), r.at_s)
    later = {m for m, at in first.items() if at < hour * 3600}
    moved_on = [structs.replace(r, at_s=r.at_s + DAY_S) if r.truth_incident in later else r for r in rings]
    return sorted(moved_on, key=lambda r: (r.at_s, r.call_id))
