"""Which unit goes: suitable, nearest by travel time, fair on ties; each unit weighed is recorded with its reason.

Pure. The result is the same whatever order the units are given in.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
from msgspec import Struct

from tocsin.mission.state import Facts, Mission, Unit
from tocsin.mission.travel import eta_s
from tocsin.mission.values import ASSIGNABLE, Candidate
from tocsin.place import Point

FAR_S = 10**9
"""Sorts units whose travel time is not known after all others."""


class Whereabouts(Struct, frozen=True):
    """A unit's position as used: gps, gps_stale, station, scene or hospital, and when it was so."""

    point: Point
    at: int
    source: str


class Choice(Struct, frozen=True):
    """The unit chosen (None: none can go), everyone weighed for it, and what is odd about the choice."""

    unit_id: str | None
    eta_s: int | None
    candidates: list[Candidate]
    flags: list[str]
    cause: str = ""


def whereabouts(unit: Unit, facts: Facts) -> Whereabouts:
    """The newest that is known: a GPS position in time; else what the unit did last, unless a GPS came after it."""
    heard = facts.positions.get(unit.unit_id)
    if heard is not None:
        if facts.recorded_at - heard.at <= facts.policy.ems.position_age_max_s * 1000:
            return Whereabouts(heard.point, heard.at, "gps")
        if heard.at > unit.point_at:
            return Whereabouts(heard.point, heard.at, "gps_stale")
    return Whereabouts(unit.point, unit.point_at, unit.point_source)


def at_exercises(units: Iterable[Unit], exercise: Callable[[str], bool]) -> frozenset[str]:
    """The units that an exercise has, which a live patient may take from it; `exercise` says of a mission whether."""
    return frozenset(u.unit_id for u in units if u.mission_id and exercise(u.mission_id))


def suitable(mission: Mission, unit: Unit | None) -> bool:
    """Whether the unit is of the level the patient needs; its arrival alone stops the limit (domain, 120 arrival)."""
    return not mission.needs_als or (unit is not None and unit.unit_type == "ALS")


def choose_unit(mission: Mission, units: Sequence[Unit], facts: Facts, borrowed: Collection[str] = ()) -> Choice:
    """The unit to send by rule. A patient who needs ALS gets BLS only where no ALS can go: flagged, never waiting.

    `borrowed`: units at an exercise, which are weighed like free ones and taken from it; not where another is as near.
    """
    weighed = [_weigh(mission, unit, facts, borrowed) for unit in sorted(units, key=lambda u: u.unit_id)]
    able = [c for c in weighed if not c.excluded_because]
    types = {u.unit_id: u.unit_type for u in units}
    flags: list[str] = []
    silent = {u.unit_id for u in units if _silent(u, mission, facts)}
    answering = [c for c in able if c.unit_id not in silent]
    if answering:
        weighed = [_passed_over(c, "not_acknowledged") if c in able and c not in answering else c for c in weighed]
        able = answering
    if mission.needs_als:
        advanced = [c for c in able if types[c.unit_id] == "ALS"]
        if advanced:
            weighed = [_passed_over(c, "not_als") if c in able and c not in advanced else c for c in weighed]
            able = advanced
        elif able:
            flags.append("below_required_level")
    if not able:
        tried = any(c.excluded_because in ("not_acknowledged", "refused", "withdrawn") for c in weighed)
        return Choice(None, None, _short(weighed, facts), [], "nobody_acknowledged" if tried else "no_unit_free")
    nearest = min(_time(c) for c in able)
    idle = {u.unit_id: (u.unit_id in borrowed, u.last_assigned_at, u.missions, u.unit_id) for u in units}
    equal = [c for c in able if _time(c) <= nearest + facts.policy.ems.tie_s]
    best = min(equal, key=lambda c: idle[c.unit_id])
    ties = {c.unit_id for c in equal}
    weighed = [_ranked(c, best.unit_id, ties) for c in weighed]
    flags += ["position_stale"] if best.position_source == "gps_stale" else []
    flags += ["scene_unknown"] if mission.place.point is None else []
    flags += ["from_exercise"] if best.unit_id in borrowed else []
    return Choice(best.unit_id, best.eta_s, _short(weighed, facts), flags)


def chosen_by_person(
    mission: Mission, unit_id: str, units: Sequence[Unit], facts: Facts, borrowed: Collection[str] = ()
) -> Choice:
    """The same table where a person named the unit: the others stand there with why they were not taken by rule."""
    weighed = [_weigh(mission, unit, facts, borrowed) for unit in sorted(units, key=lambda u: u.unit_id)]
    unit = next(u for u in units if u.unit_id == unit_id)
    chosen = next(c for c in weighed if c.unit_id == unit_id)
    flags = [] if suitable(mission, unit) else ["below_required_level"]
    flags += ["position_stale"] if chosen.position_source == "gps_stale" else []
    flags += ["from_exercise"] if unit_id in borrowed else []
    shown = [
        msgspec.structs.replace(c, excluded_because="") if c.unit_id == unit_id else _passed_over(c, "chosen_by_person")
        for c in weighed
    ]
    return Choice(unit_id, chosen.eta_s, _short(shown, facts), flags)


def _weigh(mission: Mission, unit: Unit, facts: Facts, borrowed: Collection[str]) -> Candidate:
    where = whereabouts(unit, facts)
    reason = ""
    if unit.state in ("off_duty", "out_of_service"):
        reason = unit.state
    elif unit.unit_id not in borrowed and (unit.mission_id or unit.state not in ASSIGNABLE):
        reason = "busy"
    elif unit.unit_id in mission.tried:
        reason = mission.tried[unit.unit_id]
    return Candidate(
        unit_id=unit.unit_id, eta_s=eta_s(where.point, mission.place.point, facts.policy.ems), excluded_because=reason,
        point=where.point, position_at=where.at, position_source=where.source,
    )  # fmt: skip


def _silent(unit: Unit, mission: Mission, facts: Facts) -> bool:
    """Whether its crew let an acknowledgement pass a short while ago: sent only where nobody else can go.

    What it let pass in an exercise is not held against it where a patient waits.
    """
    since = unit.silent_at if mission.exercise else unit.silent_live_at
    return since is not None and facts.recorded_at - since < facts.policy.ems.silent_s * 1000


def _time(candidate: Candidate) -> int:
    return FAR_S if candidate.eta_s is None else candidate.eta_s


def _passed_over(candidate: Candidate, reason: str) -> Candidate:
    return candidate if candidate.excluded_because else msgspec.structs.replace(candidate, excluded_because=reason)


def _ranked(candidate: Candidate, best: str, ties: set[str]) -> Candidate:
    if candidate.unit_id == best:
        return candidate
    return _passed_over(candidate, "less_idle" if candidate.unit_id in ties else "farther")


def _short(weighed: list[Candidate], facts: Facts) -> list[Candidate]:
    """Nearest first, the chosen one always among them, no longer than the policy says."""
    ordered = sorted(weighed, key=lambda c: (bool(c.excluded_because), _time(c), c.unit_id))
    return ordered[: facts.policy.ems.candidates_max]
