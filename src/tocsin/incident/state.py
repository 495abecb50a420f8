"""What an owner knows of its regions: a fold of the events and nothing else. Mutable, of one partition's owner."""

from typing import Any, Literal

from msgspec import Struct, field

from tocsin.envelope import Draft, Lane, Ms, Sealed
from tocsin.incident.grid import Grid
from tocsin.incident.values import AgencyClass, CallRecord, Card, ClockName, ClockState, Role, TaskState, Understanding
from tocsin.place import Place
from tocsin.policy.model import Policy


class Facts(Struct, frozen=True):
    """What `decide` may know beside state and command: all of it given, so that deciding needs no clock and no I/O.

    `understanding` is there for calls; `recorded_at` is the log's own time for the command (invariant 9). `unkept`: the
    policy that the command asks for is not there to decide by.
    """

    recorded_at: Ms
    policy: Policy
    understanding: Understanding | None = None
    unkept: bool = False


class Link(Struct, gc=False):
    """A call's belonging to an incident."""

    call_id: str
    score: float
    decided_by: Literal["rule", "person"]
    reasons: dict[str, float] = field(default_factory=dict)
    former: str = ""


class Clock(Struct, gc=False):
    """A limit of an incident or a task."""

    clock_id: str
    clock: ClockName
    task_id: str
    agency: str
    agency_class: str
    started_at: Ms
    due_at: Ms
    warn_at: Ms | None = None
    red_at: Ms | None = None
    state: ClockState = "running"
    card: Card = "none"
    paused_at: Ms | None = None


class Task(Struct, gc=False):
    """An agency's work in an incident."""

    task_id: str
    agency: str
    agency_class: AgencyClass
    role: Role
    state: TaskState = "routed"
    units: list[str] = field(default_factory=list)
    held_by: str = ""
    offered_to: str = ""
    transfers: int = 0
    return_code: str = ""
    returns: int = 0
    round: int = 1
    duty: str = ""
    cause: str = "plan"
    routed_at: Ms = 0
    former_task: str = ""
    missions: dict[str, str] = field(default_factory=dict)
    merged_from: str = ""
    former_role: str = ""
    capabilities: tuple[str, ...] = ()


class Incident(Struct, gc=False):
    """A matter, with everything that hangs on it. `act_version` is its version at the last act of a person or agency.

    `call_at` is when its newest call was made, `touched_at` when the log last put it first among those a new call is
    compared with (opened, a call linked, closed). `three_way`: the two between whom it is open whose matter this is,
    `three_way_of` the incidents that asked (a merge takes the question along), `three_way_moved` the two where it went
    along. No part of it points back, so the cycle collector need not look.
    """

    incident_id: str
    region: str
    opened_at: Ms
    updated_at: Ms
    kind: str
    priority: int
    place: Place
    state: Literal["open", "closed", "merged"] = "open"
    merged_into: str = ""
    version: int = 0
    act_version: int = 0
    lane: Lane = "urgent"
    exercise: bool = False
    first_receiver: str = ""
    address: Sealed = ""
    flags: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)
    victims: int | None = None
    hazards: list[str] = field(default_factory=list)
    raises: list[str] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    suggestions: dict[str, Link] = field(default_factory=dict)
    dismissed: list[str] = field(default_factory=list)
    related: dict[str, Link] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    task_count: int = 0
    caller_informed: str = ""
    asked: bool = False
    supervised: bool = False
    disposition: str = ""
    closed_at: Ms | None = None
    round: int = 1
    followed_up: bool = False
    policy: str = ""
    line: str = ""
    call_at: Ms = 0
    touched_at: Ms = 0
    three_way: list[str] = field(default_factory=list)
    three_way_of: list[str] = field(default_factory=list)
    three_way_moved: list[str] = field(default_factory=list)


class Call(Struct, gc=False):
    """A call as the owner keeps it."""

    record: CallRecord
    understanding: Understanding
    recorded_at: Ms
    incident_ids: list[str] = field(default_factory=list)
    called_back: bool = False
    closed: str = ""
    rated: bool = False
    suggested_to: list[str] = field(default_factory=list)


class RegionState(Struct):
    """A region: its incidents and calls, and the day's numbering.

    `grid`, `callers` and `ended` only find incidents faster; they follow from the rest and are no part of the digest.
    """

    region: str
    incidents: dict[str, Incident] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    day: str = ""
    day_count: int = 0
    policy: str = ""
    grid: Grid = field(default_factory=Grid)
    callers: dict[str, dict[str, None]] = field(default_factory=dict)
    ended: dict[str, Ms] = field(default_factory=dict)


class PartitionState(Struct):
    """What one owner knows: the regions of its partition."""

    regions: dict[str, RegionState] = field(default_factory=dict)

    def version(self, subject: str) -> int:
        """The present version of an incident; 0 where it is unknown or the subject is the region's own."""
        region = self.regions.get(subject[:6])
        incident = region.incidents.get(subject) if region else None
        return incident.version if incident else 0


def is_exercise(state: PartitionState, draft: Draft[Any]) -> bool | None:
    """Whether a draft's incident is an exercise: known by the state, or said by what opens it (invariant 10)."""
    region = state.regions.get(draft.subject[:6])
    incident = region.incidents.get(draft.subject) if region is not None else None
    if incident is not None:
        return incident.exercise
    said = getattr(draft.data, "call", draft.data)
    found: bool | None = getattr(said, "exercise", None)
    return found
