"""The commands of the 120 centre: on missions, units and hospitals. Names are unique in the whole wire package.

The HTTP edge reads a body straight into one of these by its `command` field (the tag), whose words are the contract's.
`at` is when a step happened as the crew says it, in Unix milliseconds; absent: when it was recorded.
"""

from typing import Literal

from tocsin.envelope import Lane, Ms, Sealed
from tocsin.incident.commands import Act, ActivatePolicy
from tocsin.mission.values import HospitalSeed, Outcome, UnitSeed, UnitType
from tocsin.place import Place, Point


class OpenMission(Act, frozen=True, kw_only=True, tag="open_mission"):
    """A medical task came by relay: patients need an ambulance. One mission a patient.

    `private` is the first call's sealed part (caller, words, address), as in `CallRecord`: the crew must find the door.
    `confidential`: who rang stays unseen, to crew and centre alike.
    """

    task_id: str
    incident_id: str
    kind: str
    priority: int
    place: Place
    address: Sealed = ""
    victims: int | None = None
    raises: list[str] = []
    call_ids: list[str] = []
    routed_at: Ms = 0
    lane: Lane = "urgent"
    private: Sealed = ""
    confidential: bool = False


class UpdateScene(Act, frozen=True, kw_only=True):
    """By relay: what became known of the incident later.

    A further call finds the missions that run; only more victims than missions open more.
    """

    incident_id: str
    task_id: str = ""
    call_id: str = ""
    victims: int | None = None
    place: Place | None = None
    address: Sealed = ""
    kind: str = ""
    priority: int | None = None
    raises: list[str] = []


class CancelMissions(Act, frozen=True, kw_only=True):
    """By relay: the incident's medical task was called off. Missions already with their patient go on."""

    incident_id: str
    task_id: str = ""
    cause: str = ""


class AssignUnit(Act, frozen=True, kw_only=True, tag="assign"):
    """Sends a unit: the one named, or the best by rule where none is."""

    unit_id: str = ""
    reason: Sealed = ""


class AcknowledgeMission(Act, frozen=True, kw_only=True, tag="acknowledge"):
    """The crew has the mission (接令)."""

    at: Ms | None = None


class DepartForScene(Act, frozen=True, kw_only=True, tag="depart"):
    """The unit is out (出车)."""

    at: Ms | None = None


class ArriveAtScene(Act, frozen=True, kw_only=True, tag="arrive"):
    """The unit is there (到场)."""

    at: Ms | None = None


class ReachPatient(Act, frozen=True, kw_only=True, tag="patient_contact"):
    """The crew is with the patient (接触患者)."""

    at: Ms | None = None


class LeaveScene(Act, frozen=True, kw_only=True, tag="leave"):
    """Off to a hospital (离场): the one named, or the best by rule where none is."""

    hospital_id: str = ""
    at: Ms | None = None
    reason: Sealed = ""


class ArriveAtHospital(Act, frozen=True, kw_only=True, tag="arrive_hospital"):
    """At the hospital (到院)."""

    at: Ms | None = None


class HandOverPatient(Act, frozen=True, kw_only=True, tag="hand_over"):
    """The hospital has the patient (交接): the mission ends, outcome transported."""

    at: Ms | None = None
    note: Sealed = ""


class RefuseMission(Act, frozen=True, kw_only=True, tag="refuse"):
    """The crew cannot take it; the next unit is sent."""

    reason: Sealed = ""


class ReassignMission(Act, frozen=True, kw_only=True, tag="reassign"):
    """Another unit instead: the one named, or the best by rule. With the patient aboard a reason is needed."""

    unit_id: str = ""
    reason: Sealed = ""


class TriagePatient(Act, frozen=True, kw_only=True, tag="triage"):
    """Triage from the answers to structured questions, or a level by a person's judgement, with the reason.

    `answers`: question → answer, e.g. {"conscious": "no", "breathing": "yes", "bleeding": "severe"}.
    """

    triage: Literal["", "I", "II", "III", "IV"] = ""
    answers: dict[str, str] = {}
    reason: Sealed = ""


class EndMission(Act, frozen=True, kw_only=True, tag="end"):
    """Ends it with its outcome."""

    outcome: Outcome
    at: Ms | None = None
    reason: Sealed = ""


class MissionClock(Act, frozen=True, kw_only=True, tag="mission_clock"):
    """The service's timer: nobody acknowledged this attempt. Refused before `due_at` by the log's own clock."""

    mission_id: str
    attempt: int
    due_at: Ms


class RegisterUnit(Act, frozen=True, kw_only=True, tag="register_unit"):
    """A unit, new or changed (PUT). A new one is off duty unless `state` says available."""

    label: str = ""
    unit_type: UnitType = "BLS"
    station: str = ""
    point: Point
    state: Literal["off_duty", "available"] = "off_duty"


class RegisterHospital(Act, frozen=True, kw_only=True, tag="register_hospital"):
    """A hospital, new or changed (PUT)."""

    label: str = ""
    capabilities: list[str] = []
    beds: int = 0
    point: Point


class SeedFleet(Act, frozen=True, kw_only=True, tag="seed_fleet"):
    """The policy's units and hospitals for this region; what is known already is left as it is."""

    policy: str
    units: list[UnitSeed] = []
    hospitals: list[HospitalSeed] = []


class PutOnDuty(Act, frozen=True, kw_only=True, tag="on_duty"):
    """The crew's shift begins."""


class PutOffDuty(Act, frozen=True, kw_only=True, tag="off_duty"):
    """The crew's shift ends; refused while it has a mission."""


class MakeAvailable(Act, frozen=True, kw_only=True, tag="available"):
    """Back and ready (返站)."""


class TakeOutOfService(Act, frozen=True, kw_only=True, tag="out_of_service"):
    """Broken or blocked; a mission it has goes to the next unit."""

    reason: Sealed = ""


class DivertHospital(Act, frozen=True, kw_only=True, tag="divert"):
    """The hospital takes no more patients."""

    reason: Sealed = ""


class UndivertHospital(Act, frozen=True, kw_only=True, tag="undivert"):
    """It takes patients again."""


class SetBeds(Act, frozen=True, kw_only=True, tag="set_beds"):
    """How many beds are free now, as the hospital says."""

    beds: int


MISSION_COMMANDS = (
    AssignUnit, AcknowledgeMission, DepartForScene, ArriveAtScene, ReachPatient, LeaveScene, ArriveAtHospital,
    HandOverPatient, RefuseMission, ReassignMission, TriagePatient, EndMission,
)  # fmt: skip
UNIT_COMMANDS = (PutOnDuty, PutOffDuty, MakeAvailable, TakeOutOfService)
HOSPITAL_COMMANDS = (DivertHospital, UndivertHospital, SetBeds)
EMS_SYSTEM_COMMANDS = (
    OpenMission,
    UpdateScene,
    CancelMissions,
    MissionClock,
    SeedFleet,
    RegisterUnit,
    RegisterHospital,
)
COMMANDS = (*EMS_SYSTEM_COMMANDS, *MISSION_COMMANDS, *UNIT_COMMANDS, *HOSPITAL_COMMANDS, ActivatePolicy)

__all__ = ["COMMANDS", "EMS_SYSTEM_COMMANDS", "HOSPITAL_COMMANDS", "MISSION_COMMANDS", "UNIT_COMMANDS", "Act"]
