"""An incident as its readers see it (contract, section 2), and the dispatch order that carries it to an agency."""

from typing import Literal

from tocsin.envelope import Frozen, Ms
from tocsin.incident.values import AgencyClass, Card, ClockName, ClockState, Role, TaskState
from tocsin.place import Point


class KindView(Frozen, frozen=True):
    """A kind's code and its label."""

    code: str
    label: str


class LocationView(Frozen, frozen=True):
    """Where: the address as given (clear, for those who may see it) and the WGS84 point."""

    address: str = ""
    point: Point | None = None
    accuracy_m: float | None = None
    source: str = ""
    label: str = ""


class CallerView(Frozen, frozen=True):
    """The caller, the number masked unless revealed."""

    number: str = ""
    name: str = ""


class LinkView(Frozen, frozen=True):
    """How a call came to its incident."""

    score: float
    decided_by: Literal["rule", "person"]
    reasons: dict[str, float] = {}


class CallView(Frozen, frozen=True):
    """A call of an incident."""

    call_id: str
    line: str
    channel: str = ""
    text: str = ""
    caller: CallerView = CallerView()
    recorded_at: Ms | None = None
    flags: list[str] = []
    link: LinkView | None = None
    safe_to_contact: bool = True


class SuggestionView(Frozen, frozen=True):
    """A call that may belong here."""

    call_id: str
    score: float
    reasons: dict[str, float] = {}


class RelatedView(Frozen, frozen=True):
    """An incident that has to do with this one."""

    incident_id: str
    decided_by: Literal["rule", "person"] = "person"
    score: float | None = None


class TaskView(Frozen, frozen=True):
    """An agency's work."""

    task_id: str
    agency: str
    agency_class: AgencyClass
    role: Role
    state: TaskState
    units: list[str] = []
    held_by: str = ""
    offered_to: str = ""
    return_code: str = ""
    round: int = 1
    duty: str = ""
    cause: str = ""
    capabilities: list[str] = []


class ClockView(Frozen, frozen=True):
    """A limit."""

    clock_id: str
    clock: ClockName
    started_at: Ms
    due_at: Ms
    state: ClockState
    task_id: str = ""
    agency: str = ""
    card: Card = "none"


class IncidentView(Frozen, frozen=True, kw_only=True):
    """The whole."""

    incident_id: str
    region: str
    state: Literal["open", "closed", "merged"]
    merged_into: str | None = None
    version: int
    kind: KindView
    priority: int
    lane: str = "urgent"
    exercise: bool = False
    flags: list[str] = []
    review: list[str] = []
    victims: int | None = None
    hazards: list[str] = []
    location: LocationView
    calls: list[CallView] = []
    suggestions: list[SuggestionView] = []
    related: list[RelatedView] = []
    tasks: list[TaskView] = []
    clocks: list[ClockView] = []
    first_receiver: str = ""
    caller_informed: str = ""
    disposition: str = ""
    supervised: bool = False
    opened_at: Ms
    updated_at: Ms
    policy: str = ""


class Dispatch(Frozen, frozen=True, kw_only=True):
    """What a dispatch topic carries to an agency's consumer, 30 days, in clear words."""

    task_id: str
    incident_id: str
    action: Literal["route", "update", "withdraw"]
    agency: str
    role: Role
    event_id: str
    recorded_at: Ms
    exercise: bool = False
    incident: IncidentView
