"""Whether a call belongs to an incident: a score with its parts, by the policy's weights and thresholds. Pure.

The score is the weighted geometric mean of what is known: kind compatibility, distance, time gap, caller, address. Any
part near nothing pulls it down, so a wrong merge needs everything to agree. What a rule must not join (two patients,
two orders of two people, calls too far apart in time) stays below the threshold and is suggested to a person.
Independent of batches: it looks at the region's state alone.
"""

import math
from itertools import islice
from typing import NamedTuple

from tocsin.envelope import Ms
from tocsin.incident.grid import LOOK_MAX, METRES_PER_DEGREE, Cell
from tocsin.incident.nearness import Near, addresses, nearness, other_name
from tocsin.incident.scale import Fit, Scale, scale
from tocsin.incident.state import Incident, RegionState
from tocsin.incident.values import CallRecord, Understanding
from tocsin.place import Place, spoken
from tocsin.policy.model import Policy

FLOOR = 0.02
"""No part counts as less: disagreement is evidence, not proof, except where `_impossible` says so."""
LN2 = math.log(2.0)
HALVES_MAX = -math.log2(FLOOR)
PLACES_MAX = 4
"""Of an incident's calls, so many of the newest are compared by place, beside its own."""
CALLER_LOOK_S = 15 * 86_400
"""How long one caller's hotline order is looked at for repeats, in seconds (the longest ordinary promise, in days)."""
HOTLINE = "12345"
VAGUE_ILLNESS = "medical.other"
"""What a call on 120 is about where its words name no illness."""


class Match(NamedTuple):
    """An incident a call may belong to."""

    incident: Incident
    score: float
    reasons: dict[str, float]


def call_moment(call: CallRecord, recorded_at: Ms) -> Ms:
    """When a call was made: as the line saw it, where that is possible; never later than it was recorded."""
    if "time_impossible" in call.flags:
        return recorded_at
    said = call.received_at or call.rang_at or call.answered_at or recorded_at
    return min(said, recorded_at)


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
    for incident in _named(region, call):
        weigh.named(incident)
    best = list(weigh.found.values())
    if len(best) > 1:
        best.sort(key=lambda m: ("reference" not in m.reasons, -m.score, m.incident.incident_id))
    return best


def _named(region: RegionState, call: CallRecord) -> list[Incident]:
    """The incidents of the calls that this one is about, as another centre says: the first of each, where it is now."""
    known = (region.calls.get(name) for name in call.about)
    return [region.incidents[c.incident_ids[0]] for c in known if c is not None and c.incident_ids]


def _near(region: RegionState, call: CallRecord, weigh: "_Weighing") -> list[Incident]:
    """Incidents within reach or called by the same name, newest first, without those `add` would drop at once.

    This loop is the one a storm stretches: no calls in it.
    """
    point, reach_m = call.place.point, weigh.rules.reach_m
    if point is None:
        return []
    lon, lat, reach2 = point.lon, point.lat, (reach_m / METRES_PER_DEGREE) ** 2
    squeeze = math.cos(math.radians(lat)) ** 2
    gap_ms = int(weigh.rules.linking.gap_max_s * weigh.factor * 1000)
    latest, earliest = weigh.moment + gap_ms, weigh.moment - gap_ms
    incidents, kind = region.incidents, weigh.u.kind
    fits = weigh.rules.fits(kind)
    found: list[Incident] = []
    for cell in region.grid.near(point, reach_m, earliest):
        for other, alike in cell.items():
            fit = fits.get(other)
            if (weigh.rules.fit(other, kind) if fit is None else fit).kind <= 0.0:
                continue
            left = LOOK_MAX
            for incident_id, (x, y, touched_at) in reversed(alike.items()):
                if touched_at < earliest or not left:
                    break
                east, north = x - lon, y - lat
                if east * east * squeeze + north * north <= reach2:
                    incident = incidents[incident_id]
                    if earliest <= incident.call_at <= latest:
                        found.append(incident)
                    left -= 1
    if weigh.name in weigh.rules.long:
        _add_called(found, region.grid.called(weigh.name), weigh, earliest)
    return found


def _add_called(found: list[Incident], named: Cell, weigh: "_Weighing", earliest: Ms) -> None:
    """Adds what was called by the name the caller gives and lies beyond reach: a road is longer than a cell is wide."""
    rules, kind = weigh.rules, weigh.u.kind
    fits = rules.fits(kind)
    known: set[str] | None = None
    for other, alike in named.items():
        fit = fits.get(other) or rules.fit(other, kind)
        if fit.kind <= 0.0:
            continue
        for incident_id, (_, _, touched_at) in islice(reversed(alike.items()), LOOK_MAX):
            if touched_at < earliest:
                break
            if known is None:
                known = {i.incident_id for i in found}
            if incident_id not in known:
                found.append(weigh.region.incidents[incident_id])


class _Weighing:
    """One call held against incidents; `found` are those at or above the lower threshold."""

    __slots__ = ("asking", "call", "contrary", "factor", "found", "moment", "name", "region", "rules", "stretch", "u")

    def __init__(self, rules: Scale, region: RegionState, call: CallRecord, u: Understanding, moment: Ms) -> None:
        linking = rules.linking
        self.rules = rules
        self.region = region
        self.call = call
        self.u = u
        self.moment = moment
        self.name = spoken(call.place)
        self.asking = linking.asking in u.raises
        self.contrary = bool(u.raises) and not rules.apart.keys().isdisjoint(u.raises)
        self.stretch = linking.asking_factor if self.asking else 1.0
        self.factor = rules.gap_factor(u.kind) * self.stretch
        self.found: dict[str, Match] = {}

    def add(self, i: Incident, *, same_caller: bool) -> None:
        """Keeps the incident, where it may be the call's matter and scores enough."""
        rules, call = self.rules, self.call
        fit = rules.fit(i.kind, self.u.kind)
        if fit.kind <= 0.0 or i.exercise != call.exercise:
            return
        repeat = same_caller and call.line == HOTLINE and i.kind == self.u.kind
        gap_s = abs(self.moment - i.call_at) / 1000
        if self._impossible(i, gap_s, CALLER_LOOK_S if repeat else fit.gap_max_s * self.stretch):
            return
        halves = 0.0 if repeat else min(gap_s / (fit.gap_half_s * self.stretch), HALVES_MAX)
        if fit.log - LN2 * rules.time * halves < rules.least * rules.full:
            return  # not even the same address brings it up to the threshold
        near = self._nearest(i, fit)
        if near is None:
            if not same_caller:
                return
        elif near[1] > rules.linking.distance_max_m and not near[2]:
            return
        self._score(i, fit, near, halves, gap_s, same_caller=same_caller)

    def named(self, i: Incident) -> None:
        """Keeps the incident of a call that this one is about: no place and no time says more than that."""
        if i.exercise == self.call.exercise and not self._impossible(i, 0.0, 0.0):
            self.found[i.incident_id] = Match(i, 1.0, {"reference": 1.0})

    def _score(
        self, i: Incident, fit: Fit, near: Near | None, halves: float, gap_s: float, *, same_caller: bool
    ) -> None:
        """The weighted mean of what is known; kept where it reaches the lower threshold."""
        rules = self.rules
        time, distance = -LN2 * rules.time * halves, 0.0
        total, weight = fit.log + time, rules.kind + rules.time
        if near is not None:
            distance = -LN2 * rules.distance * min(near[0], HALVES_MAX)
            total, weight = total + distance, weight + rules.distance
        if same_caller:
            weight += rules.caller
        said = addresses(i.place, self.call.place)
        if said is not None:
            total, weight = total + rules.address * math.log(said), weight + rules.address
        if total < rules.least * weight:
            return
        score = math.exp(total / weight)
        if score > rules.middle:
            strict = time * (fit.strict_gap - 1.0) + distance * (fit.strict_distance - 1.0)
            unsure = not same_caller and strict < 0.0 and total + strict < rules.link_log * weight
            if unsure or self._for_a_person(i, fit, near, gap_s, same_caller=same_caller):
                score = rules.middle
        parts = {"kind": fit.kind, "distance": 2.0 ** -near[0] if near else None, "time": 2.0**-halves}
        parts |= {"caller": 1.0 if same_caller else None, "address": said}
        reasons = {n: round(p, 4) for n, p in parts.items() if p is not None}
        self.found[i.incident_id] = Match(i, round(score, 4), reasons)

    def _places(self, i: Incident) -> list[Place]:
        """The incident's own place and those of its newest calls."""
        own, calls = i.place, self.region.calls
        places = [own]
        for call_id in islice(reversed(i.links), PLACES_MAX):
            call = calls.get(call_id)
            if call is not None and call.record.place is not own:
                places.append(call.record.place)
        return places

    def _nearest(self, i: Incident, fit: Fit) -> Near | None:
        """The best agreement of place with the incident's own or one of its newest calls'.

        Where both sides have exact places these alone are held against each other: that one caller only named the
        road brings a crash on it no nearer to another one.
        """
        here, name = self.call.place, self.name
        best: Near | None = None
        for place in self._places(i) if len(i.links) > 1 else (i.place,):
            near = nearness(place, here, fit.half_m)
            if near is None:
                continue
            if name and spoken(place) != name:
                near = near[0] + other_name(self.rules, place, here, name, wide=near[2]), near[1], near[2]
            if best is None or (near[2], near[0]) < (best[2], best[0]):
                best = near
                if near[0] <= 0.0 and not near[2]:
                    break  # nothing is nearer
        if best is not None and best[2]:
            # A place that is only named speaks less for two kinds of matter than for one.
            return best[0] - math.log2(fit.kind), best[1], True
        return best

    def _impossible(self, i: Incident, gap_s: float, gap_max_s: float) -> bool:
        """What no score can make good: too long ago, closed too long, said by a person to be another matter."""
        return (
            gap_s > gap_max_s
            or i.state == "merged"
            or self.call.call_id in i.dismissed
            or (i.closed_at is not None and self.moment - i.closed_at > self.rules.linking.reopen_within_s * 1000)
        )

    def _for_a_person(self, i: Incident, fit: Fit, near: Near | None, gap_s: float, *, same_caller: bool) -> bool:
        """What no rule joins, however well it agrees.

        Two patients never share a mission because their calls were linked, be it that they lie in one home. Only who
        asks after the help already called, rings again about the same illness, or tells another line of it, speaks of
        the same patient.
        """
        if fit.patients:
            alike = i.kind == self.u.kind or (self.asking and self.u.kind == VAGUE_ILLNESS)
            return not alike or not (same_caller or self.asking or i.line != self.call.line)
        if same_caller:
            return False
        far = near is not None and not near[2] and near[1] > fit.joined_within_m
        late = gap_s > fit.joined_within_s and not self.asking
        return fit.own or far or late or (self.contrary and self._contradicts(i))

    def _contradicts(self, i: Incident) -> bool:
        """Whether the call says the contrary of what opened the incident: nobody hurt, somebody trapped."""
        apart, said, there = self.rules.apart, self.u.raises, i.raises
        return any(o in there and o not in said for r in said if r not in there for o in apart.get(r, ()))
