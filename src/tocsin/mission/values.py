"""The values that missions, units and hospitals share: states, triage, candidates and why they were passed over."""

from typing import Literal

from tocsin.envelope import Frozen, Ms
from tocsin.place import Point

MissionState = Literal[
    "waiting",
    "assigned",
    "acknowledged",
    "departed",
    "on_scene",
    "with_patient",
    "transporting",
    "at_hospital",
    "ended",
]
UnitState = Literal[
    "off_duty", "available", "assigned", "departed", "on_scene", "with_patient", "transporting", "at_hospital",
    "returning", "out_of_service",
]  # fmt: skip
UnitType = Literal["ALS", "BLS"]
CONFIDENTIAL = "caller_confidential"
"""The flag of a mission whose caller neither crew nor centre is shown."""
CALLED_OFF = "task_cancelled"
"""The flag of a mission that went on with its patient when its task was called off."""
LIVE_CALL = "live_call"
"""Why a unit was taken from an exercise: a live patient needs it. It may come back to the exercise later."""
NO_BED = "no_bed"
"""The flag of an exercise that left for a hospital: it holds no bed there (invariant 10)."""
Triage = Literal["I", "II", "III", "IV"]
TRIAGE: tuple[Triage, ...] = ("I", "II", "III", "IV")
"""Most to least urgent: 濒危, 危重, 急症, 非急症."""

Outcome = Literal[
    "transported", "treated_refused", "refused", "no_patient", "self_left", "cancelled_before", "cancelled_enroute",
    "dead_on_scene",
]  # fmt: skip
NOBODY_CAME: frozenset[str] = frozenset({"cancelled_before", "cancelled_enroute"})
"""Outcomes of missions that were called off: their patient, if there is one, has nobody."""
WITHOUT_PATIENT: frozenset[str] = frozenset(
    {"refused", "no_patient", "self_left", "cancelled_before", "cancelled_enroute"}
)
"""Outcomes of runs that brought no patient (空诊): a figure of their own."""

Step = Literal[
    "assigned", "acknowledged", "departed", "arrived", "patient_contact", "left", "at_hospital", "handed_over"
]
STEPS: tuple[Step, ...] = (
    "assigned", "acknowledged", "departed", "arrived", "patient_contact", "left", "at_hospital", "handed_over",
)  # fmt: skip

ASSIGNABLE: frozenset[str] = frozenset({"available", "returning"})
"""Unit states from which a unit may be sent."""

PositionSource = Literal["gps", "gps_stale", "station", "scene", "hospital"]
"""Where a unit's position is from. `gps_stale`: older than the policy allows, used because nothing better is known."""


class Position(Frozen, frozen=True, kw_only=True):
    """Where a unit reported to be, and when."""

    unit_id: str
    point: Point
    at: Ms
    speed_kmh: float | None = None
    heading: float | None = None


class Candidate(Frozen, frozen=True, kw_only=True):
    """A unit that was weighed for a mission: how far it was, and why it was passed over ("" for the one chosen).

    `excluded_because`: off_duty, out_of_service, busy, not_als, refused, not_acknowledged, withdrawn, farther,
    less_idle or chosen_by_person. `eta_s` is None where no position or no scene is known.
    """

    unit_id: str
    eta_s: int | None = None
    excluded_because: str = ""
    point: Point | None = None
    position_at: Ms | None = None
    position_source: str = ""


class HospitalCandidate(Frozen, frozen=True, kw_only=True):
    """A hospital weighed. `excluded_because`: lacks_<capability>, diverted, no_beds, farther, chosen_by_person."""

    hospital_id: str
    eta_s: int | None = None
    excluded_because: str = ""
    beds_free: int = 0


class UnitSeed(Frozen, frozen=True, kw_only=True):
    """An ambulance as the policy lists it."""

    unit_id: str
    label: str
    unit_type: UnitType
    station: str
    point: Point


class HospitalSeed(Frozen, frozen=True, kw_only=True):
    """A hospital as the policy lists it."""

    hospital_id: str
    label: str
    capabilities: list[str] = []
    beds: int = 0
    point: Point
