"""Whether a call belongs to an incident: a score with its parts, by the policy's weights and thresholds. Pure.

The score is the weighted geometric mean of what is known: kind compatibility, distance, time gap, caller, address. Any
part near nothing pulls it down, so a wrong merge needs everything to agree. Independent of batches: it looks at the
region's state alone.
"""

import math
from typing import NamedTuple

from tocsin.envelope import Ms
from tocsin.incident.grid import LOOK_MAX, METRES_PER_DEGREE, metres
from tocsin.incident.state import Incident, RegionState
from tocsin.incident.values import CallRecord, Understanding
from tocsin.place import Place
from tocsin.policy.model import Linking, Policy

FLOOR = 0.02
"""No part counts as less: disagreement is evidence, not proof, except where `_impossible` says so."""
FLOOR_LOG = math.log(FLOOR)
LN2 = math.log(2.0)
CLEAR_M = 300.0
"""A place known less well than this is only named: a village, a road. Inside it distances say little, its name much."""
NAMED_M = 450.0
"""Points are given the name of a place up to 400 m around it; within this, an equal name can be found."""
OTHER_NAME = 0.4
"""What remains of nearness where two callers name two places."""
WITHIN = 0.75
"""What remains of it where one caller's point lies within the place another only names."""
PLACES_MAX = 4
"""Of an incident's calls, so many of the newest are compared by place, beside its own."""
CALLER_LOOK_S = 15 * 86_400
"""How long one caller's hotline order is looked at for repeats, in seconds (the longest ordinary promise, in days)."""
HOTLINE = "12345"


class Match(NamedTuple):
    """An incident a call may belong to."""

    incident: Incident
    score: float
    reasons: dict[str, float]


class Scale:
    """A policy's linking rows arranged for look-up."""

    def __init__(self, linking: Linking) -> None:
        self.linking = linking
        self.pairs: dict[tuple[str, str], float] = {}
        for names, value in linking.kind_pairs.items():
            a, _, b = names.partition("|")
            self.pairs[a.strip(), b.strip()] = self.pairs[b.strip(), a.strip()] = value
        self._found: dict[str, dict[str, float]] = {}
        w = linking.weights
        self.kind, self.distance, self.time = w.get("kind", 1.0), w.get("distance", 1.0), w.get("gap", 1.0)
        self.caller, self.address = w.get("caller", 0.5), w.get("address", 0.5)
        full = self.kind + self.distance + self.time + self.address
        halves = -math.log2(linking.suggest_at) * full / self.distance
        self.reach_m = min(linking.distance_max_m, max(NAMED_M, linking.distance_half_m * halves + CLEAR_M / 4))
        """Farther than this no stranger's call can reach the lower threshold, whatever else agrees."""
        self._factors: dict[str, float] = {}

    def gap_factor(self, kind: str) -> float:
        """How much longer than usual the calls about such a matter come."""
        known = self._factors.get(kind)
        if known is None:
            rows = self.linking.gap_factors
            known = self._factors[kind] = rows.get(kind) or rows.get(f"{kind.partition('.')[0]}.*") or 1.0
        return known

    def fits(self, kind: str) -> dict[str, float]:
        """What `compatible` has answered so far for this kind, by the other one; not to be changed."""
        known = self._found.get(kind)
        if known is None:
            known = self._found[kind] = {}
        return known

    def compatible(self, a: str, b: str) -> float:
        """How well two kinds go together, 0 to 1: the most exact row of the policy; equal kinds fully."""
        if a == b:
            return 1.0
        row = self.fits(b)
        known = row.get(a)
        if known is None:
            ga, gb = a.partition(".")[0], b.partition(".")[0]
            rows = ((a, b), (a, f"{gb}.*"), (f"{ga}.*", b), (f"{ga}.*", f"{gb}.*"))
            known = row[a] = next((self.pairs[r] for r in rows if r in self.pairs), 0.0)
        return known


_last: list[tuple[Linking, Scale]] = []


def scale(policy: Policy) -> Scale:
    """The policy's scale; kept for the last policy asked for."""
    if not _last or _last[0][0] is not policy.linking:
        _last[:] = [(policy.linking, Scale(policy.linking))]
    return _last[0][1]


def call_moment(call: CallRecord, recorded_at: Ms) -> Ms:
    """When a call was made: as the line saw it, where that is possible; never later than it was recorded."""
    if "time_impossible" in call.flags:
        return recorded_at
    said = call.received_at or call.rang_at or call.answered_at or recorded_at
    return min(said, recorded_at)


def nearness(a: Place, b: Place, half_m: float) -> tuple[float, float] | None:
    """The distance part and the metres, or None where either has no point.

    Two exact places count by their distance beyond what their accuracies explain. Where one is only named, an equal
    name speaks for nearness, the more the smaller the place; a point within the named place speaks less, another name
    least.
    """
    if a.point is None or b.point is None:
        return None
    far = metres(a.point, b.point)
    one, other = a.accuracy_m or 0.0, b.accuracy_m or 0.0
    wide = max(one, other)
    if wide <= CLEAR_M:
        return 2.0 ** (-max(0.0, far - (one + other) / 3) / half_m), far
    size = max(0.5, 0.9 - wide / 10_000)
    if a.entry and a.entry == b.entry:
        return size, far
    return WITHIN * size * 2.0 ** (-far / wide), far


def addresses(a: list[str], b: list[str]) -> float | None:
    """How much of two addresses is equal, by their keyed tokens; None where either says nothing."""
    if not a or not b:
        return None
    same = len(set(a) & set(b))
    return same / (len(set(a)) + len(set(b)) - same)


def matches(region: RegionState, call: CallRecord, u: Understanding, policy: Policy, at: Ms) -> list[Match]:
    """All incidents at or above the lower threshold, best first; equal scores in the order of their ids."""
    weigh = _Weighing(scale(policy), region, call, u, call_moment(call, at))
    if call.caller_token:
        for incident_id in reversed(region.callers.get(call.caller_token, {})):
            incident = region.incidents.get(incident_id)
            if incident is not None:
                weigh.add(incident, same_caller=True)
    if call.place.point is not None and not u.kind.startswith("invalid."):
        for incident in _near(region, call, weigh):
            if incident.incident_id not in weigh.found:
                weigh.add(incident, same_caller=False)
    best = list(weigh.found.values())
    if len(best) > 1:
        best.sort(key=lambda m: (-m.score, m.incident.incident_id))
    return best


def _near(region: RegionState, call: CallRecord, weigh: "_Weighing") -> list[Incident]:
    """Incidents within reach, cell by cell, newest first, without those `add` would drop at its first two questions.

    This loop is the one a storm stretches: no calls in it.
    """
    point, reach_m = call.place.point, weigh.rules.reach_m
    if point is None:
        return []
    lon, lat, reach2 = point.lon, point.lat, (reach_m / METRES_PER_DEGREE) ** 2
    squeeze = math.cos(math.radians(lat)) ** 2
    gap_ms = weigh.rules.linking.gap_max_s * weigh.factor * 1000
    oldest = weigh.moment - int(gap_ms)
    latest, earliest = weigh.moment + gap_ms, weigh.moment - gap_ms
    incidents, kind = region.incidents, weigh.u.kind
    fits = weigh.rules.fits(kind)
    found: list[Incident] = []
    for cell in region.grid.near(point, reach_m):
        for other, alike in cell.items():
            fit = fits.get(other)
            if (weigh.rules.compatible(other, kind) if fit is None else fit) <= 0.0:
                continue
            left = LOOK_MAX
            for incident_id, there in reversed(alike.items()):
                x, y = there.lon - lon, there.lat - lat
                if x * x * squeeze + y * y <= reach2:
                    incident = incidents[incident_id]
                    if incident.touched_at < oldest:
                        break
                    if earliest <= incident.call_at <= latest:
                        found.append(incident)
                    left -= 1
                    if not left:
                        break
    return found


class _Weighing:
    """One call held against incidents; `found` are those at or above the lower threshold."""

    __slots__ = ("call", "factor", "found", "least", "moment", "region", "rules", "u")

    def __init__(self, rules: Scale, region: RegionState, call: CallRecord, u: Understanding, moment: Ms) -> None:
        self.rules = rules
        self.region = region
        self.factor = rules.gap_factor(u.kind)
        self.call = call
        self.u = u
        self.moment = moment
        self.found: dict[str, Match] = {}
        self.least = math.log(rules.linking.suggest_at)

    def add(self, i: Incident, *, same_caller: bool) -> None:
        """Keeps the incident, where it may be the call's matter and scores enough."""
        rules, call = self.rules, self.call
        kind = rules.compatible(i.kind, self.u.kind)
        if kind <= 0.0 or i.exercise != call.exercise:
            return
        repeat = same_caller and call.line == HOTLINE and i.kind == self.u.kind
        gap_s = abs(self.moment - i.call_at) / 1000
        if self._impossible(i, gap_s, CALLER_LOOK_S if repeat else rules.linking.gap_max_s * self.factor):
            return
        near = self._nearest(i)
        if (near is None and not same_caller) or (near is not None and near[1] > rules.linking.distance_max_m):
            return
        halves = 0.0 if repeat else gap_s / (rules.linking.gap_half_s * self.factor)
        time = 2.0**-halves
        total = rules.kind * math.log(kind) + rules.time * max(FLOOR_LOG, -halves * LN2)
        weight = rules.kind + rules.time
        if near is not None:
            if (i.place.accuracy_m or 0.0) > CLEAR_M or (call.place.accuracy_m or 0.0) > CLEAR_M:
                # A place that is only named speaks less for two kinds of matter than for one.
                near = near[0] * kind, near[1]
            total, weight = total + rules.distance * math.log(max(FLOOR, near[0])), weight + rules.distance
        if same_caller:
            weight += rules.caller
        said = addresses(i.place.tokens, call.place.tokens)
        if said is not None:
            total, weight = total + rules.address * math.log(max(FLOOR, said)), weight + rules.address
        if total / weight >= self.least:
            score = self._bounded(math.exp(total / weight), i, same_caller=same_caller)
            parts = {"kind": kind, "distance": near[0] if near else None, "time": time}
            parts |= {"caller": 1.0 if same_caller else None, "address": said}
            reasons = {n: round(p, 4) for n, p in parts.items() if p is not None}
            self.found[i.incident_id] = Match(i, round(score, 4), reasons)

    def _nearest(self, i: Incident) -> tuple[float, float] | None:
        """The best agreement of place with the incident's own or one of its newest calls'."""
        here, half_m = self.call.place, self.rules.linking.distance_half_m
        places = [i.place]
        for _, call_id in zip(range(PLACES_MAX), reversed(i.links) if len(i.links) > 1 else (), strict=False):
            call = self.region.calls.get(call_id)
            if call is not None and call.record.place is not i.place:
                places.append(call.record.place)
        best = max((n for n in (nearness(p, here, half_m) for p in places) if n is not None), default=None)
        if best is None or here.source != "gazetteer":
            return best
        names = {p.entry for p in places if p.source == "gazetteer"}
        return (best[0] * OTHER_NAME, best[1]) if names and here.entry not in names else best

    def _impossible(self, i: Incident, gap_s: float, gap_max_s: float) -> bool:
        """What no score can make good: too long ago, closed too long, said by a person to be another matter."""
        return (
            gap_s > gap_max_s
            or i.state == "merged"
            or self.call.call_id in i.dismissed
            or (i.closed_at is not None and self.moment - i.closed_at > self.rules.linking.reopen_within_s * 1000)
        )

    def _bounded(self, score: float, i: Incident, *, same_caller: bool) -> float:
        """Two patients never share a mission because their calls were linked: a person joins different illnesses."""
        patients = i.kind.startswith("medical.") and self.u.kind.startswith("medical.") and i.kind != self.u.kind
        if patients and not same_caller:
            return min(score, (self.rules.linking.link_at + self.rules.linking.suggest_at) / 2)
        return score
