"""A policy's linking rows arranged for look-up: how two kinds go together, and how far and long their calls scatter."""

import math
from typing import NamedTuple

from tocsin.policy.model import Linking, Policy

CLEAR_M = 300.0
"""A place known less well than this is only named: a village, a road. Inside it distances say little, its name much."""
NAMED_M = 450.0
"""Points are given the name of a place up to 400 m around it; within this, an equal name can be found."""
ENDLESS = math.inf


class Fit(NamedTuple):
    """What the policy says of a call of one kind beside an incident of another; `kind` 0: never one matter.

    `joined_within_s` and `_m`: later after the last call, or farther, a stranger's call is only suggested. The strict
    factors are how many times as much gap and distance count against joining it as against suggesting it. `own`: each
    caller's own matter. `patients`: two people's illnesses.
    """

    kind: float
    log: float = 0.0
    gap_half_s: float = 1.0
    gap_max_s: float = 0.0
    half_m: float = 1.0
    joined_within_s: float = ENDLESS
    joined_within_m: float = ENDLESS
    strict_gap: float = 1.0
    strict_distance: float = 1.0
    own: bool = False
    patients: bool = False


class Scale:
    """A policy's linking rows arranged for look-up."""

    def __init__(self, policy: Policy) -> None:
        linking = self.linking = policy.linking
        self.pairs: dict[tuple[str, str], float] = {}
        for names, value in linking.kind_pairs.items():
            a, _, b = names.partition("|")
            self.pairs[a.strip(), b.strip()] = self.pairs[b.strip(), a.strip()] = value
        self._fits: dict[str, dict[str, Fit]] = {}
        self._names = {e.id: e.names[0] for e in policy.gazetteer}
        self.long = {e.id for e in policy.gazetteer if e.radius_m > CLEAR_M}
        """Entries too large to be searched around their middle: roads, dykes, villages."""
        self._related: dict[tuple[str, str], bool] = {}
        w = linking.weights
        self.kind, self.distance, self.time = w.get("kind", 1.0), w.get("distance", 1.0), w.get("gap", 1.0)
        self.caller, self.address = w.get("caller", 0.5), w.get("address", 0.5)
        self.full = self.kind + self.distance + self.time + self.caller + self.address
        halves = -math.log2(linking.suggest_at) * (self.full - self.caller) / self.distance
        self.least, self.middle = math.log(linking.suggest_at), (linking.link_at + linking.suggest_at) / 2
        self.link_log = math.log(linking.link_at)
        self.reach_m = min(linking.distance_max_m, max(NAMED_M, linking.distance_half_m * halves + CLEAR_M / 4))
        """Farther than this no stranger's call is looked for. `least` and `link_log`: the thresholds' logarithms."""
        self._gap_factors: dict[str, float] = {}
        self.apart: dict[str, set[str]] = {}
        """What a raise contradicts, either way round."""
        for name, others in linking.apart.items():
            for other in others:
                self.apart.setdefault(name, set()).add(other)
                self.apart.setdefault(other, set()).add(name)

    def gap_factor(self, kind: str) -> float:
        """How much longer than usual the calls about such a matter come."""
        known = self._gap_factors.get(kind)
        if known is None:
            known = self._gap_factors[kind] = row_of(self.linking.gap_factors, kind) or 1.0
        return known

    def fits(self, kind: str) -> dict[str, Fit]:
        """What `fit` has answered so far for calls of this kind, by the incident's; not to be changed."""
        known = self._fits.get(kind)
        if known is None:
            known = self._fits[kind] = {}
        return known

    def fit(self, incident: str, call: str) -> Fit:
        """How a call of one kind goes with an incident of another."""
        row = self.fits(call)
        known = row.get(incident)
        if known is None:
            known = row[incident] = self._fit(incident, call)
        return known

    def _fit(self, incident: str, call: str) -> Fit:
        kind, rows = self.compatible(incident, call), self.linking
        if kind <= 0.0:
            return Fit(0.0)
        # A patient's kind says nothing of how a matter's calls scatter: the crash's or the fire's does.
        gap, far, within_s, within_m = (
            row_of(table, incident) or row_of(table, call)
            for table in (rows.gap_factors, rows.distance_factors, rows.joined_within_s, rows.joined_within_m)
        )
        return Fit(
            kind, self.kind * math.log(kind), rows.gap_half_s * max(gap or 1.0, 1.0), rows.gap_max_s * (gap or 1.0),
            rows.distance_half_m * max(far or 1.0, 1.0), within_s or ENDLESS, within_m or ENDLESS,
            1.0 / min(gap or 1.0, 1.0), 1.0 / min(far or 1.0, 1.0),
            own=_listed(rows.own_matters, call),
            patients=call.startswith("medical.") and incident.startswith("medical."),
        )  # fmt: skip

    def compatible(self, a: str, b: str) -> float:
        """How well two kinds go together, 0 to 1: the most exact row of the policy; equal kinds fully."""
        if a == b:
            return 1.0
        ga, gb = a.partition(".")[0], b.partition(".")[0]
        rows = ((a, b), (a, f"{gb}.*"), (f"{ga}.*", b), (f"{ga}.*", f"{gb}.*"))
        return next((self.pairs[r] for r in rows if r in self.pairs), 0.0)

    def related(self, a: str, b: str) -> bool:
        """Whether two entries name one place, or one of them a part of the other (a road and its crossing)."""
        if a == b:
            return True
        known = self._related.get((a, b))
        if known is None:
            one, other = self._names.get(a, ""), self._names.get(b, "")
            known = self._related[a, b] = bool(one and other) and (one in other or other in one)
        return known


def row_of(rows: dict[str, float], kind: str) -> float | None:
    """A kind's row in a table by kind or group.*, the exact one first."""
    exact = rows.get(kind)
    return exact if exact is not None else rows.get(f"{kind.partition('.')[0]}.*")


def _listed(kinds: list[str], kind: str) -> bool:
    return kind in kinds or f"{kind.partition('.')[0]}.*" in kinds


_last: list[tuple[Linking, Scale]] = []


def scale(policy: Policy) -> Scale:
    """The policy's scale; kept for the last policy asked for."""
    if not _last or _last[0][0] is not policy.linking:
        _last[:] = [(policy.linking, Scale(policy))]
    return _last[0][1]
