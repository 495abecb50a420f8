"""What can have happened to an agency's task: the chain, hand-overs, joint work."""

from tocsin.envelope import Frozen, Ms, Sealed
from tocsin.incident.values import AgencyClass, Role, TaskState


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
