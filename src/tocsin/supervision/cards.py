"""Cards: what an agency gets for a limit, one for each fact about it: a function of the fact, so repeats are equal."""

import hashlib
from typing import Any

from tocsin.envelope import Event, Source
from tocsin.incident.events import CardRaised, ClockMissed, ClockWarned
from tocsin.supervision.events import CardIssued


def card_for(fact: Event[Any], source: Source) -> Event[CardIssued] | None:
    """The card this fact means, or None. `source` is where the fact stands.

    Its id is made of the fact's, so that a fact met twice gives the same card twice and readers tell the repeat.
    Supervision's events stand in no chain of their own: each names the chained event it follows from.
    """
    d = fact.data
    if not isinstance(d, ClockWarned | ClockMissed | CardRaised) or not d.agency or getattr(d, "moved", False):
        return None
    return Event(
        event_id=hashlib.blake2b(f"card:{fact.event_id}".encode(), digest_size=16).hexdigest(),
        region=fact.region, subject=fact.subject, seq=0, version=fact.version, occurred_at=d.due_at,
        recorded_at=fact.recorded_at, command_id=fact.event_id, index=0, count=1, source=source, policy=fact.policy,
        lane=fact.lane, exercise=fact.exercise, trace=fact.trace,
        data=CardIssued(
            clock_id=d.clock_id, clock=d.clock, incident_id=fact.subject, task_id=d.task_id, agency=d.agency,
            card=d.card, due_at=d.due_at,
        ),
    )  # fmt: skip
