"""Which incident events supervision is told of: the relay copies exactly these to its topic, bytes unchanged."""

from msgspec import Struct

from tocsin.incident import events
from tocsin.outcomes import CommandNoted, CommandRefused, CommandRepeated

CLOCK_FACTS: tuple[type[Struct], ...] = (
    events.ClockStarted, events.ClockMet, events.ClockWarned, events.ClockMissed, events.CardRaised,
    events.ClockStopped, events.ClockPaused, events.ClockResumed, events.DeadlineExtended,
)  # fmt: skip
"""What makes, moves and ends a limit."""

CASE_FACTS: tuple[type[Struct], ...] = (
    events.IncidentOpened, events.Reclassified, events.TaskRouted, events.TaskReturned, events.TaskTransferred,
    events.TaskCompleted, events.SupervisionOrdered, events.FollowedUp, events.Rated, events.IncidentClosed,
    events.IncidentReopened, events.IncidentMerged, events.RoleChanged,
)  # fmt: skip
"""What cases, scores and disclosure are made of. None holds a person's words in the clear."""

ANSWER_FACTS: tuple[type[Struct], ...] = (CommandRefused, CommandNoted, CommandRepeated)
"""Answers to `FireClock` that are no clock event: relayed only where the command id begins with `clock:`."""

FACTS: tuple[type[Struct], ...] = (*CLOCK_FACTS, *CASE_FACTS)
FACT_NAMES: frozenset[str] = frozenset(c.__name__ for c in FACTS)
_ANSWER_NAMES: frozenset[str] = frozenset(c.__name__ for c in ANSWER_FACTS)
FIRED_PREFIX = "clock:"
"""How the ids of supervision's commands begin."""


def is_fact(name: str, command_id: str) -> bool:
    """Whether an event of this type, caused by this command, is to be relayed to supervision."""
    return name in FACT_NAMES or (name in _ANSWER_NAMES and command_id.startswith(FIRED_PREFIX))
