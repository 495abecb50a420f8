"""The commands on calls, incidents and tasks: one class each, its name on the wire in the tag.

The HTTP edge reads a body straight into one of these by its `command` field, so a wrong type is a 422 before anything
is recorded. Fields typed `Sealed` are clear only until intake seals them.
"""

from typing import Literal

from msgspec import Struct

from tocsin.envelope import Ms, Sealed
from tocsin.incident.values import CallRecord, Role
from tocsin.place import Place, Point


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


class Act(Struct, frozen=True, gc=False, tag_field="command", tag=_snake):
    """A command's content. The tag is its name in snake case."""


class RecordCall(Act, frozen=True, kw_only=True):
    """A call came in. Written by intake alone."""

    call: CallRecord


class LinkCall(Act, frozen=True, kw_only=True):
    """Joins a call of this region to the incident."""

    call_id: str
    reason: Sealed = ""


class UnlinkCall(Act, frozen=True, kw_only=True):
    """Takes a call out of the incident; it gets one of its own."""

    call_id: str
    reason: Sealed = ""


class DismissSuggestion(Act, frozen=True, kw_only=True):
    """Says that a suggested call does not belong to the incident."""

    call_id: str


class Merge(Act, frozen=True, kw_only=True):
    """Joins this incident into another of the same region."""

    into: str
    reason: Sealed = ""


class Split(Act, frozen=True, kw_only=True):
    """Takes these calls out into one new incident."""

    call_ids: list[str]
    reason: Sealed = ""


class Relate(Act, frozen=True, kw_only=True):
    """Says that two incidents, possibly of two regions, have to do with each other."""

    to: str
    reason: Sealed = ""
    to_exercise: bool | None = None
    """What intake knows of the other one, where that is of another region; None where it knows of none."""


class Reclassify(Act, frozen=True, kw_only=True):
    """Corrects the kind."""

    kind: str
    reason: Sealed = ""


class SetPriority(Act, frozen=True, kw_only=True):
    """Raises or lowers the priority, 1 to 4."""

    priority: int
    reason: Sealed = ""


class GivenLocation(Struct, frozen=True, gc=False, kw_only=True):
    """A location as a person gives it."""

    address: Sealed = ""
    point: Point | None = None
    accuracy_m: float | None = None


class CorrectLocation(Act, frozen=True, kw_only=True):
    """Corrects the place. `place` is what intake found for `location`."""

    location: GivenLocation
    place: Place | None = None
    reason: Sealed = ""


class Route(Act, frozen=True, kw_only=True):
    """Gives an agency a task beside those of the plan."""

    agency: str
    role: Role = "joint"
    reason: Sealed = ""


class ThreeWay(Act, frozen=True, kw_only=True):
    """Brings the other side of 110 and 12345 in where it is unclear whose matter it is (三方); `to` names another."""

    to: str = ""
    reason: Sealed = ""


class Settle(Act, frozen=True, kw_only=True):
    """Says whose matter it is after a three-way: the first receiver's, or the other's who takes it."""

    agency: str
    reason: Sealed = ""


class RequestInformation(Act, frozen=True, kw_only=True):
    """Asks the caller, once, for all that is missing (一次告知); the promise's clock stops until it comes."""

    missing: list[str]


class ProvideInformation(Act, frozen=True, kw_only=True):
    """What was missing has come: the clocks run on."""

    text: Sealed = ""


class Note(Act, frozen=True, kw_only=True):
    """Words for the file."""

    text: Sealed


class Supervise(Act, frozen=True, kw_only=True):
    """Puts the incident under supervision (督办)."""

    reason: Sealed


class InformCaller(Act, frozen=True, kw_only=True):
    """Records that the caller was told of the outcome, or why not."""

    result: Literal["told", "unreachable", "anonymous", "declined", "unsafe"]
    text: Sealed = ""


class CallBack(Act, frozen=True, kw_only=True):
    """Records a call-back to a silent or dropped call."""

    result: Literal["answered", "no_answer", "unreachable", "no_number"]
    text: Sealed = ""


class FollowUp(Act, frozen=True, kw_only=True):
    """The follow-up call (回访)."""

    solved: bool
    satisfied: bool | None = None
    text: Sealed = ""


class Close(Act, frozen=True, kw_only=True):
    """Ends the incident."""

    disposition: Literal["handled", "unfounded", "cancelled", "duplicate", "referred", "no_action"] = "handled"
    reason: Sealed = ""


class Reopen(Act, frozen=True, kw_only=True):
    """Opens a closed incident again."""

    reason: Sealed = ""


class CloseCall(Act, frozen=True, kw_only=True):
    """Ends a call without an incident; by a person only."""

    reason: Literal["silent", "dropped", "nuisance", "false", "misdial", "test", "consult", "duplicate"]
    text: Sealed = ""


class RevealNumber(Act, frozen=True, kw_only=True):
    """A person sees a caller's whole number: an act with a reason, kept for audit."""

    call_id: str
    reason: Sealed


class Rate(Act, frozen=True, kw_only=True):
    """The caller rates how a matter was handled, 1 to 5. Written by intake for the holder of the progress code."""

    score: int
    text: Sealed = ""


class Acknowledge(Act, frozen=True, kw_only=True):
    """The agency has seen its task (签收)."""


class Accept(Act, frozen=True, kw_only=True):
    """The agency takes the task, or a transferred one."""


class Decline(Act, frozen=True, kw_only=True):
    """The agency does not take a transferred task."""

    reason: Sealed = ""


class DispatchUnit(Act, frozen=True, kw_only=True):
    """Units are on their way."""

    unit_ids: list[str] = []


class Arrive(Act, frozen=True, kw_only=True):
    """The first unit is there."""

    unit_id: str = ""


class Feedback(Act, frozen=True, kw_only=True):
    """A report from the agency (反馈单)."""

    stage: Literal["arrival", "progress", "result"] = "progress"
    text: Sealed = ""


class Complete(Act, frozen=True, kw_only=True):
    """The agency is done; nothing completes without a result."""

    disposition: Literal["handled", "unfounded", "cancelled", "duplicate", "referred", "no_action"] = "handled"
    result: Sealed = ""


class Return(Act, frozen=True, kw_only=True):
    """The agency asks to give the task back (退回)."""

    code: Literal["function", "area", "ownership", "other"]
    reason: Sealed = ""


class GrantReturn(Act, frozen=True, kw_only=True):
    """The first receiver takes the task back; `to` names who gets it instead (the county command centre by default)."""

    to: str = ""
    reason: Sealed = ""


class RefuseReturn(Act, frozen=True, kw_only=True):
    """The first receiver lets the task stay where it is."""

    reason: Sealed = ""


class Transfer(Act, frozen=True, kw_only=True):
    """Offers the task to another agency (转办); the giver stays responsible until the taker accepts."""

    to: str
    reason: Sealed = ""


class Cancel(Act, frozen=True, kw_only=True):
    """Calls the task off."""

    reason: Sealed = ""


class Pause(Act, frozen=True, kw_only=True):
    """Stops the task's promise clocks for a reason, e.g. waiting for the caller."""

    reason: Sealed = ""


class Resume(Act, frozen=True, kw_only=True):
    """Lets the task's clocks run on."""

    reason: Sealed = ""


class ExtendDeadline(Act, frozen=True, kw_only=True):
    """Asks for more time, before the promise ends only."""

    until: Ms
    reason: Sealed = ""


class FireClock(Act, frozen=True, kw_only=True):
    """Supervision: a clock's time has come. Refused before `due_at` by the log's own clock (invariant 9)."""

    incident_id: str
    clock: str
    clock_id: str
    level: Literal["warning", "missed", "red"]
    due_at: Ms


class ProbeBorder(Act, frozen=True, kw_only=True):
    """From a neighbouring region: something happened within the border strip. May only suggest a relation."""

    incident_id: str
    kind: str
    priority: int
    place: Place
    opened_at: Ms


class SuggestRelation(Act, frozen=True, kw_only=True):
    """Answer to a probe: an incident of another region may be the same matter. `by_person`: one there says so."""

    incident_id: str
    to: str
    score: float
    reasons: dict[str, float] = {}
    by_person: bool = False


class ReportMission(Act, frozen=True, kw_only=True):
    """From ems120: how far the missions of a medical task have come. A fact, not an act of its agency.

    `unsuitable`: the unit that arrived is below what the patient needs; the arrival limit waits for one that is not.
    """

    mission_id: str
    step: Literal["assigned", "acknowledged", "departed", "arrived", "feedback", "completed", "no_unit"]
    unit_id: str = ""
    outcome: str = ""
    all_ended: bool = False
    unsuitable: bool = False


class ActivatePolicy(Act, frozen=True, kw_only=True):
    """From now on, decisions of this region use this policy."""

    policy: str


CALL_COMMANDS: tuple[type[Act], ...] = (CloseCall, CallBack, RevealNumber, Rate)
INCIDENT_COMMANDS: tuple[type[Act], ...] = (
    LinkCall, UnlinkCall, DismissSuggestion, Merge, Split, Relate, Reclassify, SetPriority, CorrectLocation, Route,
    RequestInformation, ProvideInformation, Note, Supervise, InformCaller, FollowUp, Close, Reopen, RevealNumber,
    ThreeWay, Settle,
)  # fmt: skip
TASK_COMMANDS: tuple[type[Act], ...] = (
    Acknowledge, Accept, Decline, DispatchUnit, Arrive, Feedback, Complete, Return, GrantReturn, RefuseReturn, Transfer,
    Cancel, Pause, Resume, ExtendDeadline,
)  # fmt: skip
SYSTEM_COMMANDS: tuple[type[Act], ...] = (
    RecordCall,
    FireClock,
    ProbeBorder,
    SuggestRelation,
    ReportMission,
    ActivatePolicy,
)
COMMANDS: tuple[type[Act], ...] = tuple(
    dict.fromkeys((*CALL_COMMANDS, *INCIDENT_COMMANDS, *TASK_COMMANDS, *SYSTEM_COMMANDS))
)
