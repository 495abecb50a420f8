"""What supervision states on its own topic."""

from typing import Literal

from tocsin.envelope import Frozen, Ms, Sealed
from tocsin.outcomes import CommandNoted


class CardIssued(Frozen, frozen=True, kw_only=True):
    """An agency got a card for a limit: warning, yellow or red."""

    clock_id: str
    clock: str
    incident_id: str
    task_id: str
    agency: str
    card: str
    due_at: Ms


class ComplaintReceived(Frozen, frozen=True, kw_only=True):
    """Somebody complains of an agency. `handled_by` is never the one complained of; words and name are sealed."""

    complaint_id: str
    against: str
    handled_by: str
    incident_id: str = ""
    text: Sealed = ""
    complainant: Sealed = ""


class ComplaintClosed(Frozen, frozen=True, kw_only=True):
    """Who looks into a complaint is done: what came of it, and whether the complainant was told (结果告知当事人)."""

    complaint_id: str
    outcome: Literal["upheld", "unfounded", "settled", "withdrawn"]
    told: Literal["told", "unreachable", "anonymous", "declined", "unsafe"]
    text: Sealed = ""


EVENTS: tuple[type[Frozen], ...] = (CardIssued, CommandNoted, ComplaintReceived, ComplaintClosed)
