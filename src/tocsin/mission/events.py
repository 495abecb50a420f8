"""Everything that can have happened to a mission, a unit or a hospital. Never changed, only added to (invariant 4).

The subject is the mission for mission events, the unit or hospital for theirs, "" for the region's own. `flags` of a
step name what is odd about it and kept: time_before_last_step, time_in_future, step_skipped, step_late.
"""

from typing import Literal

from tocsin.envelope import Frozen, Lane, Ms, Sealed
from tocsin.mission.values import Candidate, HospitalCandidate, Outcome, Triage, UnitState, UnitType
from tocsin.outcomes import (
    CommandNoted,
    CommandRefused,
    CommandRepeated,
    InputDeadLettered,
    InputForwarded,
    PolicyActivated,
)
from tocsin.place import Place, Point


class MissionOpened(Frozen, frozen=True, kw_only=True):
    """A patient needs an ambulance. `patient` of `patients` counts the incident's missions."""

    task_id: str
    incident_id: str
    kind: str = ""
    priority: int = 2
    place: Place = Place(region="")
    address: Sealed = ""
    triage: Triage = "III"
    triage_reasons: list[str] = []
    needs_als: bool = False
    als_by_kind: bool = False
    patient: int = 1
    patients: int = 1
    raises: list[str] = []
    call_ids: list[str] = []
    routed_at: Ms = 0
    lane: Lane = "urgent"
    exercise: bool = False
    private: Sealed = ""
    flags: list[str] = []


class MassCasualtyDeclared(Frozen, frozen=True, kw_only=True):
    """So many patients that the incident is a mass casualty: the flag stands on each of its missions."""

    incident_id: str
    task_id: str
    patients: int
    threshold: int


class SceneUpdated(Frozen, frozen=True, kw_only=True):
    """A further call or a correction reached this running mission."""

    call_id: str = ""
    place: Place | None = None
    address: Sealed = ""
    kind: str = ""
    priority: int | None = None
    raises: list[str] = []


class MissionTriaged(Frozen, frozen=True, kw_only=True):
    """The triage, by rule from the answers or by a person with the reason."""

    triage: Triage
    former: Triage
    decided_by: Literal["rule", "person"]
    needs_als: bool
    answers: dict[str, str] = {}
    reasons: list[str] = []
    reason: Sealed = ""


class UnitAssigned(Frozen, frozen=True, kw_only=True):
    """A unit was sent, with everyone weighed for it. `attempt` counts the units of this mission from 1.

    `cause`: opened, waiting, not_acknowledged, refused, reassigned, out_of_service, person.
    `flags`: below_required_level, position_stale, scene_unknown, from_exercise (taken from one for a live patient).
    """

    unit_id: str
    task_id: str = ""
    eta_s: int | None = None
    decided_by: Literal["rule", "person"] = "rule"
    attempt: int = 1
    cause: str = "opened"
    acknowledge_due_at: Ms
    candidates: list[Candidate] = []
    flags: list[str] = []
    reason: Sealed = ""


class MissionQueued(Frozen, frozen=True, kw_only=True):
    """The mission waits, the centre is told. `cause`: no_unit_free, nobody_acknowledged, rules_failed."""

    cause: str
    task_id: str = ""
    candidates: list[Candidate] = []


class MissionAcknowledged(Frozen, frozen=True, kw_only=True):
    """The crew has it."""

    unit_id: str
    task_id: str = ""
    flags: list[str] = []


class UnitDeparted(Frozen, frozen=True, kw_only=True):
    """Out."""

    unit_id: str
    task_id: str = ""
    flags: list[str] = []


class UnitArrived(Frozen, frozen=True, kw_only=True):
    """There. `suitable` False where the patient needs more than this unit has: the arrival limit is not met by it."""

    unit_id: str
    task_id: str = ""
    suitable: bool = True
    flags: list[str] = []


class PatientReached(Frozen, frozen=True, kw_only=True):
    """With the patient."""

    unit_id: str
    task_id: str = ""
    flags: list[str] = []


class SceneLeft(Frozen, frozen=True, kw_only=True):
    """Off to the hospital, with every hospital weighed. Flagged `no_bed` in an exercise: it counts for no bed there."""

    unit_id: str
    task_id: str = ""
    hospital_id: str
    eta_s: int | None = None
    decided_by: Literal["rule", "person"] = "rule"
    capability: str = ""
    candidates: list[HospitalCandidate] = []
    flags: list[str] = []
    reason: Sealed = ""


class HospitalReached(Frozen, frozen=True, kw_only=True):
    """At the hospital."""

    unit_id: str
    task_id: str = ""
    hospital_id: str
    flags: list[str] = []


class PatientHandedOver(Frozen, frozen=True, kw_only=True):
    """The hospital has the patient."""

    unit_id: str
    task_id: str = ""
    hospital_id: str
    flags: list[str] = []
    note: Sealed = ""


class AcknowledgementMissed(Frozen, frozen=True, kw_only=True):
    """Nobody acknowledged in time: the unit is taken off, the centre told."""

    unit_id: str
    attempt: int
    due_at: Ms


class AssignmentRefused(Frozen, frozen=True, kw_only=True):
    """The crew could not take it."""

    unit_id: str
    reason: Sealed = ""


class UnitWithdrawn(Frozen, frozen=True, kw_only=True):
    """The unit was taken off. `cause`: reassigned, out_of_service; live_call from an exercise, for a live patient."""

    unit_id: str
    cause: str
    reason: Sealed = ""


class CancellationNoted(Frozen, frozen=True, kw_only=True):
    """The task was called off while the crew was with the patient: the mission goes on to its end."""

    cause: str = ""


class MissionTakenOver(Frozen, frozen=True, kw_only=True):
    """120 was called again while a crew is with its patient although its task was called off: it is that task's now."""

    task_id: str
    former: str
    unit_id: str = ""
    suitable: bool = True


class MissionEnded(Frozen, frozen=True, kw_only=True):
    """Over, with its outcome. `all_ended`: no other mission of its task runs."""

    outcome: Outcome
    task_id: str = ""
    incident_id: str = ""
    unit_id: str = ""
    cause: str = ""
    all_ended: bool = False
    flags: list[str] = []
    reason: Sealed = ""


class MissionArchived(Frozen, frozen=True, kw_only=True):
    """An ended mission left the owner's state; its events stay."""


class UnitRegistered(Frozen, frozen=True, kw_only=True):
    """A unit exists, or was changed; `state` is set for a new one only."""

    label: str
    unit_type: UnitType
    station: str
    point: Point
    state: UnitState = "off_duty"
    new: bool = True


class UnitStateChanged(Frozen, frozen=True, kw_only=True):
    """A crew's or the centre's word on a unit without a mission."""

    state: UnitState
    former: UnitState
    reason: Sealed = ""


class HospitalRegistered(Frozen, frozen=True, kw_only=True):
    """A hospital exists, or was changed."""

    label: str
    capabilities: list[str] = []
    beds: int = 0
    point: Point
    new: bool = True


class HospitalDiverted(Frozen, frozen=True, kw_only=True):
    """Takes no more patients."""

    reason: Sealed = ""


class HospitalReopened(Frozen, frozen=True, kw_only=True):
    """Takes patients again."""


class BedsReported(Frozen, frozen=True, kw_only=True):
    """So many beds are free."""

    beds: int
    former: int


class FleetSeeded(Frozen, frozen=True, kw_only=True):
    """The region has the units and hospitals of this policy."""

    policy: str
    units: int
    hospitals: int


EVENTS: tuple[type[Frozen], ...] = (
    MissionOpened, MassCasualtyDeclared, SceneUpdated, MissionTriaged, UnitAssigned, MissionQueued, MissionAcknowledged,
    UnitDeparted, UnitArrived, PatientReached, SceneLeft, HospitalReached, PatientHandedOver, AcknowledgementMissed,
    AssignmentRefused, UnitWithdrawn, CancellationNoted, MissionTakenOver, MissionEnded, MissionArchived,
    UnitRegistered, UnitStateChanged, HospitalRegistered, HospitalDiverted, HospitalReopened, BedsReported, FleetSeeded,
    CommandRefused, CommandRepeated, CommandNoted, InputDeadLettered, InputForwarded, PolicyActivated,
)  # fmt: skip
