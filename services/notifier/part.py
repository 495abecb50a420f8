"""What is left to an agency of a matter it takes no part in any more: its own task, to account for what it did."""

from typing import Any

import msgspec

from tocsin.envelope import Event
from tocsin.incident.view import IncidentView, LocationView
from tocsin.sight import whole

_NAMED = ("agency", "to", "by")
"""The fields in which an event names an agency: whose task it is about, who gets it, who answered."""


def own_part(view: IncidentView, agency: str) -> IncidentView:
    """The incident with this agency's tasks and their limits: nobody's words, name, number or home, no others' work."""
    tasks = [t for t in view.tasks if agency in (t.agency, t.held_by)]
    ids = {t.task_id for t in tasks}
    return msgspec.structs.replace(
        view, flags=[], review=[], victims=None, hazards=[], location=LocationView(), calls=[], suggestions=[],
        related=[], tasks=tasks, clocks=[c for c in view.clocks if c.task_id in ids], caller_informed="",
        supervised=False,
    )  # fmt: skip


def names(data: Any, agency: str) -> bool:
    """Whether an event's content names this agency."""
    return any(getattr(data, field, None) == agency for field in _NAMED)


def seen_by(keys: frozenset[str], event: Event[Any]) -> frozenset[str]:
    """The keys by which an event is seen: its incident's, and whom it names, who may have left the matter with it."""
    named = (getattr(event.data, field, None) for field in _NAMED)
    return whole(keys) | {f"agency:{n}" for n in named if isinstance(n, str) and n}
