"""What the owner of a partition of the 120 centre knows: a fold of its events and nothing else. Its owner's alone."""

from collections.abc import Mapping, MutableMapping
from typing import Protocol

from msgspec import Struct, field

from tocsin.envelope import Lane, Ms, Sealed
from tocsin.mission.values import Candidate, HospitalCandidate, MissionState, Position, Triage, UnitState, UnitType
from tocsin.place import Place, Point
from tocsin.policy.model import Policy


class Facts(Struct, frozen=True):
    """What `decide` may know beside state and command: `positions` are the newest the shell heard of, by unit."""

    recorded_at: Ms
    policy: Policy
    positions: Mapping[str, Position] = {}


class Mission(Struct):
    """One patient's ambulance. `tried` units are not sent to it again: unit → refused, not_acknowledged, withdrawn."""

    mission_id: str
    task_id: str
    incident_id: str
    region: str
    kind: str
    priority: int
    place: Place
    opened_at: Ms
    updated_at: Ms
    address: Sealed = ""
    state: MissionState = "waiting"
    triage: Triage = "III"
    triage_by: str = "rule"
    triage_reasons: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    needs_als: bool = False
    als_by_kind: bool = False
    unit_id: str = ""
    assigned_by: str = ""
    attempt: int = 0
    acknowledge_due_at: Ms | None = None
    unit_before: UnitState = "available"
    tried: dict[str, str] = field(default_factory=dict)
    hospital_id: str = ""
    hospital_eta_s: int | None = None
    eta_s: int | None = None
    times: dict[str, int] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    hospital_candidates: list[HospitalCandidate] = field(default_factory=list)
    outcome: str = ""
    ended_at: Ms | None = None
    patient: int = 1
    patients: int = 1
    flags: list[str] = field(default_factory=list)
    private: Sealed = ""
    raises: list[str] = field(default_factory=list)
    call_ids: list[str] = field(default_factory=list)
    lane: Lane = "urgent"
    exercise: bool = False
    version: int = 0
    act_version: int = 0


class Unit(Struct):
    """An ambulance. `point` is where it must be by what it did last; a fresh GPS position goes before it.

    `silent_at`: its crew last let an acknowledgement pass, and has not shown itself since; `silent_live_at` the same of
    live missions alone.
    """

    unit_id: str
    region: str
    label: str
    unit_type: UnitType
    station: str
    home: Point
    point: Point
    point_at: Ms
    updated_at: Ms
    point_source: str = "station"
    state: UnitState = "off_duty"
    mission_id: str = ""
    last_assigned_at: Ms = 0
    missions: int = 0
    silent_at: Ms | None = None
    silent_live_at: Ms | None = None
    version: int = 0
    act_version: int = 0


class Hospital(Struct):
    """A hospital. `beds` is what it last said less the patients brought since; `inbound` are on their way."""

    hospital_id: str
    region: str
    label: str
    capabilities: list[str]
    beds: int
    point: Point
    updated_at: Ms
    inbound: int = 0
    diverted: bool = False
    version: int = 0
    act_version: int = 0


class IncidentMissions(Struct):
    """The missions of an incident in their order, ended ones too, and how many were ever opened."""

    missions: list[str] = field(default_factory=list)
    count: int = 0
    mass_casualty: bool = False


class EmsState(Struct):
    """A partition: several regions side by side. `waiting` keeps the missions without a unit in the order they came."""

    missions: dict[str, Mission] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    hospitals: dict[str, Hospital] = field(default_factory=dict)
    incidents: dict[str, IncidentMissions] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    seeded: dict[str, str] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)


class Board(Protocol):
    """What `apply` changes: the real state, or a decision's view of what it would become."""

    @property
    def missions(self) -> MutableMapping[str, Mission]:
        """By id."""

    @property
    def units(self) -> MutableMapping[str, Unit]:
        """By id."""

    @property
    def hospitals(self) -> MutableMapping[str, Hospital]:
        """By id."""

    @property
    def incidents(self) -> MutableMapping[str, IncidentMissions]:
        """By incident id."""

    @property
    def waiting(self) -> MutableMapping[str, str]:
        """Mission id → region."""

    @property
    def ended(self) -> MutableMapping[str, int]:
        """Mission id → when it ended."""

    @property
    def seeded(self) -> MutableMapping[str, str]:
        """Region → policy its fleet is from."""

    @property
    def policies(self) -> MutableMapping[str, str]:
        """Region → policy in force."""
