"""What can have happened to an incident as a whole."""

from typing import Literal

from tocsin.envelope import Frozen, Sealed
from tocsin.place import Place


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


class ThreeWayOpened(Frozen, frozen=True):
    """Whose matter it is, 110's or 12345's, is unclear: both join (三方), and `first` acts until they agree.

    `cause`: unclear, person, merged (the question came with the incident `former`), split (it came back).
    """

    first: str
    other: str
    cause: str = ""
    reason: Sealed = ""
    former: str = ""


class ThreeWaySettled(Frozen, frozen=True):
    """They agreed: it is this agency's. `cause` where nobody settled it: merged, closed, no_incident."""

    agency: str
    reason: Sealed = ""
    cause: str = ""


class ThreeWayMoved(Frozen, frozen=True):
    """The question goes on in another incident (`cause` merged, or split). `stays`: one of this incident's own too."""

    to: str
    cause: str = ""
    reason: Sealed = ""
    stays: bool = False


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


class FollowedUp(Frozen, frozen=True):
    """The follow-up: solved? satisfied? `round` is the round it judges."""

    solved: bool
    satisfied: bool | None = None
    round: int = 1
    text: Sealed = ""


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
