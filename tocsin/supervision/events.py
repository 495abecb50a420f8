"""What supervision states on its own topic."""

from tocsin.envelope import Frozen, Ms
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


EVENTS: tuple[type[Frozen], ...] = (CardIssued, CommandNoted)
