"""Whether a call belongs to an incident: a score with its parts, by the policy's weights and thresholds. Pure.

The score is the weighted geometric mean of what is known: kind compatibility, distance, time gap, caller, address. Any
part near nothing pulls it down, so a wrong merge needs everything to agree. Independent of batches: it looks at the
region's state alone.
"""

import math
from typing import NamedTuple

from tocsin.envelope import Ms
from tocsin.incident.grid import LOOK_MAX, metres
from tocsin.incident.state import Incident, RegionState
from tocsin.incident.values import CallRecord, Understanding
from tocsin.place import Place
from tocsin.policy.model import Linking, Policy

FLOOR = 0.02
"""No part counts as less: disagreement is evidence, not proof, except where `_impossible` says so."""
CLEAR_M = 300.0
"""A place known less well than this speaks the less for nearness, the wider it is."""
CALLER_LOOK_S = 15 * 86_400
"""How long one caller's hotline order is looked at for repeats, in seconds (the longest ordinary promise, in days)."""


class Match(NamedTuple):
    """An incident a call may belong to."""

    incident: Incident
    score: float
    reasons: dict[str, float]


class _Scale:
    """A policy's linking rows arranged for look-up."""

    def __init__(self, linking: Linking) -> None:
        self.linking = linking
        self.pairs: dict[tuple[str, str], float] = {}
        for names, value in linking.kind_pairs.items():
            a, _, b = names.partition("|")
            self.pairs[a.strip(), b.strip()] = self.pairs[b.strip(), a.strip()] = value
        self.found: dict[tuple[str, str], float] = {}
        w = linking.weights
        self.kind, self.distance, self.time = (
            w.get("kind", 1.0),
            w.get("distance", 1.0),
            w.get("gap", w.get("time", 1.0)),
        )
        self.caller, self.address = w.get("caller", 0.5), w.get("address", 0.5)

    def compatible(self, a: str, b: str) -> float:
        """How well two kinds go together, 0 to 1: the most exact row of the policy; equal kinds fully."""
        if a == b:
            return 1.0
        known = self.found.get((a, b))
        if known is None:
            ga, gb = a.partition(".")[0], b.partition(".")[0]
            rows = ((a, b), (a, gb), (ga, b), (a, f"{gb}.*"), (f"{ga}.*", b), (ga, gb), (f"{ga}.*", f"{gb}.*"))
            known = self.found[a, b] = next((self.pairs[r] for r in rows if r in self.pairs), 0.0)
        return known


_last: list[tuple[Linking, _Scale]] = []


def scale(policy: Policy) -> _Scale:
    """The policy's scale; kept for the last policy asked for."""
    if not _last or _last[0][0] is not policy.linking:
        _last[:] = [(policy.linking, _Scale(policy.linking))]
    return _last[0][1]


def call_moment(call: CallRecord, recorded_at: Ms) -> Ms:
    """When a call was made: as the line saw it, where that is possible; never later than it was recorded."""
    if "time_impossible" in call.flags:
        return recorded_at
    said = call.received_at or call.rang_at or call.answered_at or recorded_at
    return min(said, recorded_at)


def nearness(a: Place, b: Place, half_m: float) -> tuple[float, float] | None:
    """The distance part and the metres, or None where either has no point. Coarse places speak less for nearness."""
    if a.point is None or b.point is None:
        return None
    far = metres(a.point, b.point)
    wide = max(a.accuracy_m or 0.0, b.accuracy_m or 0.0)
    part = 2.0 ** (-far / half_m)
    return (part * CLEAR_M / wide if wide > CLEAR_M else part), far


def addresses(a: list[str], b: list[str]) -> float | None:
    """How much of two addresses is equal, by their keyed tokens; None where either says nothing."""
    if not a or not b:
        return None
    same = len(set(a) & set(b))
    return same / (len(set(a)) + len(set(b)) - same)


def matches(region: RegionState, call: CallRecord, u: Understanding, policy: Policy, at: Ms) -> list[Match]:
    """All incidents at or above the lower threshold, best first; equal scores in the order of their ids."""
    rules = scale(policy)
    linking = rules.linking
    moment = call_moment(call, at)
    found: dict[str, Match] = {}
    for incident_id in reversed(region.callers.get(call.caller_token, {}) if call.caller_token else {}):
        incident = region.incidents.get(incident_id)
        if incident is not None:
            _weigh(found, rules, incident, call, u, moment, same_caller=True)
    if call.place.point is not None:
        oldest = moment - int(max(linking.gap_max_s, linking.reopen_within_s) * 1000)
        for cell in region.grid.near(call.place.point, linking.distance_max_m):
            left = LOOK_MAX
            for incident_id in cell:
                incident = region.incidents[incident_id]
                left -= 1
                if left < 0 or incident.touched_at < oldest:
                    break
                if incident_id not in found:
                    _weigh(found, rules, incident, call, u, moment, same_caller=False)
    best = [m for m in found.values() if m.score >= linking.suggest_at]
    best.sort(key=lambda m: (-m.score, m.incident.incident_id))
    return best


def _weigh(
    found: dict[str, Match], rules: _Scale, i: Incident, call: CallRecord, u: Understanding, moment: Ms, *, same_caller: bool
) -> None:
    """Puts the incident among those found, where it may be the call's matter and scores enough."""
    repeat = same_caller and call.line == "12345" and i.kind == u.kind
    gap_s = abs(moment - i.call_at) / 1000
    if _impossible(rules.linking, i, call, moment, gap_s, CALLER_LOOK_S if repeat else rules.linking.gap_max_s):
        return
    kind = rules.compatible(i.kind, u.kind)
    if kind <= 0.0 or (not same_caller and u.kind.startswith("invalid.")):
        return
    near = nearness(i.place, call.place, rules.linking.distance_half_m)
    if (near is None and not same_caller) or (near is not None and near[1] > rules.linking.distance_max_m):
        return
    parts = {"kind": (kind, rules.kind)}
    if near is not None:
        parts["distance"] = (near[0], rules.distance)
    parts["time"] = (1.0 if repeat else 2.0 ** (-gap_s / rules.linking.gap_half_s), rules.time)
    if same_caller:
        parts["caller"] = (1.0, rules.caller)
    said = addresses(i.place.tokens, call.place.tokens)
    if said is not None:
        parts["address"] = (said, rules.address)
    score = _mean(parts)
    if score >= rules.linking.suggest_at:
        score = _bounded(score, i, u, rules.linking, same_caller=same_caller)
        found[i.incident_id] = Match(i, round(score, 4), {n: round(p, 4) for n, (p, _) in parts.items()})


def _impossible(linking: Linking, i: Incident, call: CallRecord, moment: Ms, gap_s: float, gap_max_s: float) -> bool:
    """What no score can make good: exercise and live (invariant 10), too long ago, said to be another matter."""
    return (
        gap_s > gap_max_s
        or i.exercise != call.exercise
        or i.state == "merged"
        or call.call_id in i.dismissed
        or (i.closed_at is not None and moment - i.closed_at > linking.reopen_within_s * 1000)
    )


def _mean(parts: dict[str, tuple[float, float]]) -> float:
    """The weighted geometric mean of (part, weight)."""
    total = weight = 0.0
    for part, w in parts.values():
        total += w * math.log(part if part > FLOOR else FLOOR)
        weight += w
    return math.exp(total / weight)


def _bounded(score: float, i: Incident, u: Understanding, linking: Linking, *, same_caller: bool) -> float:
    """Two patients never share a mission because their calls were linked: a person joins different illnesses."""
    patients = i.kind.startswith("medical.") and u.kind.startswith("medical.") and i.kind != u.kind
    if patients and not same_caller:
        return min(score, (linking.link_at + linking.suggest_at) / 2)
    return score
