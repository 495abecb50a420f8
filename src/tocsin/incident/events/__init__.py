"""Everything that can have happened to a call, an incident or a task. Never changed, only added to (invariant 4)."""

from tocsin.envelope import Frozen
from tocsin.incident.events.calls import (
    CallBackRecorded,
    CallClosed,
    CallConflict,
    CallLinked,
    CallRecorded,
    CallUnlinked,
    LinkDismissed,
    LinkSuggested,
    NumberRevealed,
    Rated,
)
from tocsin.incident.events.clocks import (
    CardRaised,
    ClockMet,
    ClockMissed,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    ClockStopped,
    ClockWarned,
    DeadlineExtended,
)
from tocsin.incident.events.matters import (
    CallerInformed,
    FollowedUp,
    IncidentArchived,
    IncidentClosed,
    IncidentMerged,
    IncidentOpened,
    IncidentReopened,
    IncidentSplit,
    IncidentsRelated,
    InformationProvided,
    InformationRequested,
    LocationCorrected,
    NoteAdded,
    PriorityChanged,
    Reclassified,
    RelationProbed,
    ReviewEnded,
    ReviewRequested,
    SupervisionOrdered,
    ThreeWayMoved,
    ThreeWayOpened,
    ThreeWaySettled,
    VictimsReported,
)
from tocsin.incident.events.tasks import (
    OutcomeReturned,
    ReturnRefused,
    ReturnRequested,
    RoleChanged,
    TaskAccepted,
    TaskAcknowledged,
    TaskAlerted,
    TaskArrived,
    TaskCancelled,
    TaskCompleted,
    TaskFeedback,
    TaskJoined,
    TaskReturned,
    TaskRouted,
    TaskTransferred,
    TransferDeclined,
    TransferOffered,
    UnitsDispatched,
)
from tocsin.outcomes import (
    CommandNoted,
    CommandRefused,
    CommandRepeated,
    InputDeadLettered,
    InputForwarded,
    PolicyActivated,
)

__all__ = [
    "EVENTS",
    "CallBackRecorded",
    "CallClosed",
    "CallConflict",
    "CallLinked",
    "CallRecorded",
    "CallUnlinked",
    "CallerInformed",
    "CardRaised",
    "ClockMet",
    "ClockMissed",
    "ClockPaused",
    "ClockResumed",
    "ClockStarted",
    "ClockStopped",
    "ClockWarned",
    "DeadlineExtended",
    "FollowedUp",
    "IncidentArchived",
    "IncidentClosed",
    "IncidentEvent",
    "IncidentMerged",
    "IncidentOpened",
    "IncidentReopened",
    "IncidentSplit",
    "IncidentsRelated",
    "InformationProvided",
    "InformationRequested",
    "LinkDismissed",
    "LinkSuggested",
    "LocationCorrected",
    "NoteAdded",
    "NumberRevealed",
    "OutcomeReturned",
    "PriorityChanged",
    "Rated",
    "Reclassified",
    "RelationProbed",
    "ReturnRefused",
    "ReturnRequested",
    "ReviewEnded",
    "ReviewRequested",
    "RoleChanged",
    "SupervisionOrdered",
    "TaskAccepted",
    "TaskAcknowledged",
    "TaskAlerted",
    "TaskArrived",
    "TaskCancelled",
    "TaskCompleted",
    "TaskFeedback",
    "TaskJoined",
    "TaskReturned",
    "TaskRouted",
    "TaskTransferred",
    "ThreeWayMoved",
    "ThreeWayOpened",
    "ThreeWaySettled",
    "TransferDeclined",
    "TransferOffered",
    "UnitsDispatched",
    "VictimsReported",
]

IncidentEvent = (
    CallRecorded | CallConflict | IncidentOpened | CallLinked | LinkSuggested | LinkDismissed | CallUnlinked
    | IncidentMerged | IncidentSplit | IncidentsRelated | ReviewRequested | ReviewEnded | Reclassified | PriorityChanged
    | LocationCorrected | VictimsReported | RelationProbed | TaskRouted | TaskJoined | TaskAlerted | TaskAcknowledged
    | TaskAccepted | UnitsDispatched
    | TaskArrived | TaskFeedback | TaskCompleted | ReturnRequested | TaskReturned | ReturnRefused | TransferOffered
    | TaskTransferred | TransferDeclined | RoleChanged | ThreeWayOpened | ThreeWayMoved | ThreeWaySettled
    | OutcomeReturned | TaskCancelled | ClockStarted | ClockMet | ClockWarned | ClockMissed
    | CardRaised | ClockStopped | ClockPaused | ClockResumed | DeadlineExtended | InformationRequested
    | InformationProvided | NoteAdded | SupervisionOrdered | CallerInformed | CallBackRecorded | FollowedUp | Rated
    | NumberRevealed | IncidentClosed | IncidentReopened | IncidentArchived | CallClosed | CommandRefused
    | CommandRepeated | CommandNoted | InputDeadLettered | InputForwarded | PolicyActivated
)  # fmt: skip
EVENTS: tuple[type[Frozen], ...] = IncidentEvent.__args__
