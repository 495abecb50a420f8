"""Everything that can have happened to a call, an incident or a task. Never changed, only added to (invariant 4)."""

from typing import Literal

from tocsin.envelope import Frozen, Ms, Sealed
from tocsin.incident.values import AgencyClass, CallRecord, Card, ClockName, Role, TaskState, Understanding
from tocsin.outcomes import (
    CommandNoted,
    CommandRefused,
    CommandRepeated,
    InputDeadLettered,
    InputForwarded,
    PolicyActivated,
)
from tocsin.place import Place


class CallRecorded(Frozen, frozen=True):
    """A call, with what was understood of it. First event of each call."""

    call: CallRecord
    understanding: Understanding
    incident_ids: list[str] = []


class CallConflict(Frozen, frozen=True):
    """Another body came under a known call id; a person has to look."""

    call_id: str
    body_hash: str
    private: Sealed = ""


class IncidentOpened(Frozen, frozen=True):
    """A new incident. `review` says why a person must look, where one must."""

    call_id: str
    kind: str
    priority: int
    place: Place
    first_receiver: str = ""
    flags: list[str] = []
    review: list[str] = []
    victims: int | None = None
    hazards: list[str] = []
    cause: str = ""
    line: str = ""
    lane: str = "urgent"
    exercise: bool = False
    raises: list[str] = []


class CallLinked(Frozen, frozen=True):
    """A call belongs to this incident: by rule with its score and the score's parts, or by a person.

    `former` is the incident that went into this one with it: taking its calls out again undoes that.
    """

    call_id: str
    score: float = 1.0
    decided_by: Literal["rule", "person"] = "rule"
    reasons: dict[str, float] = {}
    reason: Sealed = ""
    former: str = ""


class LinkSuggested(Frozen, frozen=True):
    """A call may belong to this incident; a person says."""

    call_id: str
    score: float
    reasons: dict[str, float] = {}


class LinkDismissed(Frozen, frozen=True):
    """A person said that the suggested call does not belong here."""

    call_id: str


class CallUnlinked(Frozen, frozen=True):
    """A call was taken out of this incident; `tasks` went with it where that undoes a merge."""

    call_id: str
    to: str = ""
    reason: Sealed = ""
    tasks: list[str] = []


class IncidentMerged(Frozen, frozen=True):
    """This incident went into another; its calls and running tasks with it. `tasks` moved as they are."""

    into: str
    reason: Sealed = ""
    tasks: list[str] = []


class IncidentSplit(Frozen, frozen=True):
    """Calls went out into a new incident, or back into the one they came from, with the `tasks` that came along."""

    call_ids: list[str]
    to: str
    reason: Sealed = ""
    tasks: list[str] = []


class IncidentsRelated(Frozen, frozen=True):
    """Two incidents have to do with each other; `score` where a rule suggested it."""

    to: str
    decided_by: Literal["rule", "person"] = "person"
    score: float | None = None
    reasons: dict[str, float] = {}
    reason: Sealed = ""


class RelationProbed(Frozen, frozen=True):
    """An incident of a neighbouring region may be the same matter as this one; the relay suggests it over there."""

    asking_incident: str
    score: float
    reasons: dict[str, float] = {}


class ReviewRequested(Frozen, frozen=True):
    """A person has to look, with the reasons."""

    reasons: list[str]


class ReviewEnded(Frozen, frozen=True):
    """A person has looked."""

    cause: str = ""


class Reclassified(Frozen, frozen=True):
    """The kind was corrected."""

    kind: str
    former: str
    reason: Sealed = ""


class PriorityChanged(Frozen, frozen=True):
    """The priority changed."""

    priority: int
    former: int
    cause: str = ""
    reason: Sealed = ""


class LocationCorrected(Frozen, frozen=True):
    """The place was corrected."""

    place: Place
    address: Sealed = ""
    cause: str = ""
    reason: Sealed = ""


class VictimsReported(Frozen, frozen=True):
    """A further call named victims or hazards. Only ever adds."""

    victims: int | None = None
    hazards: list[str] = []


class TaskRouted(Frozen, frozen=True):
    """An agency has a task here, and what it is to bring.

    `cause`: plan, raised, call, person, transfer, return, review, mutual_aid, round, complaint.
    """

    task_id: str
    agency: str
    agency_class: AgencyClass
    role: Role
    cause: str = "plan"
    duty: str = ""
    round: int = 1
    former_task: str = ""
    capabilities: list[str] = []


class TaskJoined(Frozen, frozen=True):
    """A running task came over from a merged incident, as it stood there and under its own id: nothing is cancelled."""

    task_id: str
    agency: str
    agency_class: AgencyClass
    role: Role
    state: TaskState
    units: list[str] = []
    held_by: str = ""
    offered_to: str = ""
    transfers: int = 0
    return_code: str = ""
    returns: int = 0
    round: int = 1
    duty: str = ""
    cause: str = ""
    routed_at: Ms = 0
    former_task: str = ""
    missions: dict[str, str] = {}
    merged_from: str = ""
    former_role: str = ""
    capabilities: list[str] = []


class RoleChanged(Frozen, frozen=True):
    """A task leads from now on, or no longer: an incident has one lead (主办), whatever its kind became."""

    task_id: str
    agency: str
    role: Role
    cause: str = ""


class TaskAlerted(Frozen, frozen=True):
    """Something new that whoever holds this task must hear: a further call, a raised priority, a corrected place."""

    task_id: str
    agency: str
    cause: str


class TaskAcknowledged(Frozen, frozen=True):
    """The agency has seen the task."""

    task_id: str
    agency: str


class TaskAccepted(Frozen, frozen=True):
    """The agency took the task."""

    task_id: str
    agency: str


class UnitsDispatched(Frozen, frozen=True):
    """Units are on their way."""

    task_id: str
    agency: str
    unit_ids: list[str] = []


class TaskArrived(Frozen, frozen=True):
    """The first unit is there."""

    task_id: str
    agency: str
    unit_id: str = ""


class TaskFeedback(Frozen, frozen=True):
    """A report."""

    task_id: str
    agency: str
    stage: str
    text: Sealed = ""
    mission_id: str = ""
    outcome: str = ""


class TaskCompleted(Frozen, frozen=True):
    """Done, with its result."""

    task_id: str
    agency: str
    disposition: str
    result: Sealed = ""
    outcome: str = ""


class ReturnRequested(Frozen, frozen=True):
    """The agency asks to give the task back."""

    task_id: str
    agency: str
    code: str
    reason: Sealed = ""


class TaskReturned(Frozen, frozen=True):
    """The return was granted; `to` gets the work."""

    task_id: str
    agency: str
    to: str = ""
    reason: Sealed = ""


class ReturnRefused(Frozen, frozen=True):
    """The return was refused."""

    task_id: str
    agency: str
    reason: Sealed = ""


class TransferOffered(Frozen, frozen=True):
    """Offered to another agency; the giver still holds the task. `by_rule` where the command centre takes over."""

    task_id: str
    agency: str
    to: str
    count: int = 1
    by_rule: bool = False
    reason: Sealed = ""


class TaskTransferred(Frozen, frozen=True):
    """The taker accepted; the work goes on in `new_task`."""

    task_id: str
    agency: str
    to: str
    new_task: str


class TransferDeclined(Frozen, frozen=True):
    """The taker declined; the giver still holds the task."""

    task_id: str
    agency: str
    by: str
    reason: Sealed = ""


class ThreeWayOpened(Frozen, frozen=True):
    """Whose matter it is, 110's or 12345's, is unclear: both join (三方), and `first` acts until they agree."""

    first: str
    other: str
    cause: str = ""
    reason: Sealed = ""


class ThreeWaySettled(Frozen, frozen=True):
    """They agreed: it is this agency's."""

    agency: str
    reason: Sealed = ""


class OutcomeReturned(Frozen, frozen=True):
    """What came of a task, to the first receiver `to` that has none here: it answers to the caller (首问责任)."""

    to: str
    to_class: AgencyClass
    task_id: str
    agency: str
    disposition: str
    result: Sealed = ""


class TaskCancelled(Frozen, frozen=True):
    """Called off."""

    task_id: str
    agency: str
    reason: Sealed = ""
    cause: str = ""


class ClockStarted(Frozen, frozen=True):
    """A limit began to run. `started_at` is what it counts from; `source` is the policy row that set it."""

    clock_id: str
    clock: ClockName
    started_at: Ms
    due_at: Ms
    task_id: str = ""
    agency: str = ""
    agency_class: str = ""
    warn_at: Ms | None = None
    red_at: Ms | None = None
    source: str = ""


class ClockMet(Frozen, frozen=True, kw_only=True):
    """The step came in time (or late: then `late`, after a miss)."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    agency_class: str = ""
    due_at: Ms
    late: bool = False


class ClockWarned(Frozen, frozen=True, kw_only=True):
    """The limit is near."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    agency_class: str = ""
    due_at: Ms
    card: Card = "warning"


class ClockMissed(Frozen, frozen=True, kw_only=True):
    """The limit passed. Once a clock; its card is yellow."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    agency_class: str = ""
    due_at: Ms
    card: Card = "yellow"


class CardRaised(Frozen, frozen=True, kw_only=True):
    """A missed limit went on being missed: the card is red."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    agency_class: str = ""
    due_at: Ms
    card: Card = "red"


class ClockStopped(Frozen, frozen=True):
    """The limit no longer applies (task cancelled, returned, merged, incident closed)."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    cause: str = ""


class ClockPaused(Frozen, frozen=True):
    """The limit stands still."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    reason: Sealed = ""
    cause: str = ""


class ClockResumed(Frozen, frozen=True, kw_only=True):
    """The limit runs on, later by the time it stood still."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    due_at: Ms
    warn_at: Ms | None = None
    red_at: Ms | None = None


class DeadlineExtended(Frozen, frozen=True, kw_only=True):
    """More time was given."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    due_at: Ms
    former_due_at: Ms
    warn_at: Ms | None = None
    red_at: Ms | None = None
    reason: Sealed = ""


class InformationRequested(Frozen, frozen=True):
    """The caller was asked, once, for all that is missing."""

    missing: list[str]


class InformationProvided(Frozen, frozen=True):
    """It came."""

    text: Sealed = ""


class NoteAdded(Frozen, frozen=True):
    """Words for the file."""

    text: Sealed


class SupervisionOrdered(Frozen, frozen=True):
    """Under supervision (督办)."""

    reason: Sealed


class CallerInformed(Frozen, frozen=True):
    """The caller was told, or could not be, with the reason."""

    result: str
    text: Sealed = ""


class CallBackRecorded(Frozen, frozen=True):
    """A silent or dropped call was called back."""

    call_id: str
    result: str
    text: Sealed = ""


class FollowedUp(Frozen, frozen=True):
    """The follow-up: solved? satisfied? `round` is the round it judges."""

    solved: bool
    satisfied: bool | None = None
    round: int = 1
    text: Sealed = ""


class Rated(Frozen, frozen=True):
    """The caller's rating, 1 to 5."""

    call_id: str
    score: int
    text: Sealed = ""


class NumberRevealed(Frozen, frozen=True):
    """A person saw a caller's whole number."""

    call_id: str
    reason: Sealed = ""


class IncidentClosed(Frozen, frozen=True):
    """Ended."""

    disposition: str
    reason: Sealed = ""


class IncidentReopened(Frozen, frozen=True):
    """Open again."""

    cause: str = ""
    reason: Sealed = ""


class IncidentArchived(Frozen, frozen=True):
    """A closed incident left the owner's state; its events stay."""


class CallClosed(Frozen, frozen=True):
    """A call without an incident of its own, closed by a person."""

    call_id: str
    reason: str
    text: Sealed = ""


IncidentEvent = (
    CallRecorded | CallConflict | IncidentOpened | CallLinked | LinkSuggested | LinkDismissed | CallUnlinked
    | IncidentMerged | IncidentSplit | IncidentsRelated | ReviewRequested | ReviewEnded | Reclassified | PriorityChanged
    | LocationCorrected | VictimsReported | RelationProbed | TaskRouted | TaskJoined | TaskAlerted | TaskAcknowledged
    | TaskAccepted | UnitsDispatched
    | TaskArrived | TaskFeedback | TaskCompleted | ReturnRequested | TaskReturned | ReturnRefused | TransferOffered
    | TaskTransferred | TransferDeclined | RoleChanged | ThreeWayOpened | ThreeWaySettled | OutcomeReturned
    | TaskCancelled | ClockStarted | ClockMet | ClockWarned | ClockMissed
    | CardRaised | ClockStopped | ClockPaused | ClockResumed | DeadlineExtended | InformationRequested
    | InformationProvided | NoteAdded | SupervisionOrdered | CallerInformed | CallBackRecorded | FollowedUp | Rated
    | NumberRevealed | IncidentClosed | IncidentReopened | IncidentArchived | CallClosed | CommandRefused
    | CommandRepeated | CommandNoted | InputDeadLettered | InputForwarded | PolicyActivated
)  # fmt: skip
EVENTS: tuple[type[Frozen], ...] = IncidentEvent.__args__
