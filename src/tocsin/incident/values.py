"""The values that commands, events and state share: a call as recorded, what was understood of it, links, clocks."""

from typing import Literal

from tocsin.envelope import Frozen, Ms, Sealed
from tocsin.place import Place, Point

Line = Literal["110", "119", "122", "120", "12345"]
Channel = Literal["voice", "sms", "app", "web", "sensor", "relay"]
AgencyClass = Literal["police", "fire", "traffic", "medical", "department"]
Role = Literal["lead", "joint"]
TaskState = Literal[
    "routed", "acknowledged", "accepted", "dispatched", "on_scene", "completed", "returned", "transferred", "cancelled"
]
ClockName = Literal["answer", "dispatch", "acknowledge", "arrive", "feedback", "complete", "callback", "review"]
ClockState = Literal["running", "paused", "met", "missed", "stopped"]
Card = Literal["none", "warning", "yellow", "red"]


class ExternalId(Frozen, frozen=True):
    """The same call or incident under another system's name."""

    system: str
    id: str


class CallRecord(Frozen, frozen=True):
    """One contact, immutable, as it stands on the log: a person's words and names only sealed.

    `private` seals the JSON object `{"caller": {...}, "text": "...", "address": "...", "operator_note": ...}` under the
    caller's key, `party` seals the party under theirs. `body_hash` is a keyed hash of the posted body: equal for an
    equal body, so a repeat is told from a conflict without keeping the words. `about`: the calls that another
    centre says it is about.
    """

    call_id: str
    line: Line
    region: str
    place: Place
    channel: Channel = "voice"
    seat_region: str = ""
    body_hash: str = ""
    caller_token: str = ""
    party_token: str = ""
    private: Sealed = ""
    party: Sealed = ""
    has_text: bool = False
    confidential: bool = False
    safe_to_contact: bool | None = None
    given: Point | None = None
    accuracy_m: float | None = None
    rang_at: Ms | None = None
    answered_at: Ms | None = None
    ended_at: Ms | None = None
    occurred_at: Ms | None = None
    received_at: Ms | None = None
    operator: str = ""
    recording_ref: str = ""
    external_ids: list[ExternalId] = []
    exercise: bool = False
    danger: bool = False
    flags: list[str] = []
    about: list[str] = []


class Understanding(Frozen, frozen=True):
    """What was understood of a call, and why: everything a rule may use of its words. Holds terms of the lexicon only.

    `priority` 1 (danger to life) to 4. `human`: too unsure to leave to rules alone (invariant 8). `escalated`: danger
    named on a line that would otherwise wait. `raises` names what raised the plan (trapped, injured, smoke, ...).
    `matters` are further kinds in the same call, each to become an incident of its own; `against` the agencies it
    complains of. `asks`: a question or a plea for help (咨询, 求助), no complaint and no report.
    """

    kind: str
    priority: int
    confidence: float = 0.0
    decided_by: Literal["lexicon", "model", "line", "person", "none"] = "none"
    terms: list[str] = []
    negated: list[str] = []
    alternatives: dict[str, float] = {}
    raises: list[str] = []
    human: bool = False
    reasons: list[str] = []
    escalated: bool = False
    victims: int | None = None
    hazards: list[str] = []
    matters: list[str] = []
    past: bool = False
    lexicon: str = ""
    model: str = ""
    against: list[str] = []
    asks: bool = False
