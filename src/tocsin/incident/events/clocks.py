"""What can have happened to a limit."""

from tocsin.envelope import Frozen, Ms, Sealed
from tocsin.incident.values import Card, ClockName


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
    """The limit passed. Once a clock; its card is yellow. `moved`: it had, before a merge, split or hand-over."""

    clock_id: str
    clock: ClockName
    task_id: str = ""
    agency: str = ""
    agency_class: str = ""
    due_at: Ms
    card: Card = "yellow"
    moved: bool = False


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
