"""What can have happened to a call: recorded, linked, rung back, closed, rated."""

from typing import Literal

from tocsin.envelope import Frozen, Sealed
from tocsin.incident.values import CallRecord, Understanding


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


class CallLinked(Frozen, frozen=True):
    """A call belongs to this incident: by rule with its score and the score's parts, or by a person.

    `former` is the incident that went into this one with it: taking its calls out again undoes that. `untold`: this
    incident's caller was told already, this call's was not, so that somebody is to be told again.
    """

    call_id: str
    score: float = 1.0
    decided_by: Literal["rule", "person"] = "rule"
    reasons: dict[str, float] = {}
    reason: Sealed = ""
    former: str = ""
    untold: bool = False


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


class CallBackRecorded(Frozen, frozen=True):
    """A silent or dropped call was called back."""

    call_id: str
    result: str
    text: Sealed = ""


class CallClosed(Frozen, frozen=True):
    """A call without an incident of its own, closed by a person."""

    call_id: str
    reason: str
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
