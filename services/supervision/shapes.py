"""What supervision's HTTP side answers, as OpenAPI shows it."""

import base64
import binascii
from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel

from tocsin.codec.text import rfc3339
from tocsin.runtime.problems import Problem
from tocsin.supervision.clocks import Held

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A page of a list; `next_cursor` null at its end."""

    items: list[T]
    next_cursor: str | None = None


class ClockRow(BaseModel):
    """A limit."""

    clock_id: str
    clock: str
    incident_id: str
    task_id: str
    agency: str
    agency_class: str
    region: str
    started_at: str | None
    due_at: str | None
    state: str
    card: str
    exercise: bool

    @classmethod
    def of(cls, held: Held) -> "ClockRow":
        """From the book."""
        return cls(
            clock_id=held.clock_id, clock=held.clock, incident_id=held.incident_id, task_id=held.task_id,
            agency=held.agency, agency_class=held.agency_class, region=held.region,
            started_at=rfc3339(held.started_at), due_at=rfc3339(held.due_at), state=held.state, card=held.card,
            exercise=held.exercise,
        )  # fmt: skip


class Pending(BaseModel):
    """What `tocsin clock` needs to know before it moves time on."""

    next_due: str | None
    settled: bool
    waiting_for: list[str]


def page(rows: Sequence[T], keys: Sequence[str], *, cursor: str, limit: int) -> Page[T]:
    """The rows after `cursor`, the key of the last one seen. `keys` are ascending and name each row once."""
    after = _opened(cursor) if cursor else ""
    start = next((i for i, k in enumerate(keys) if k > after), len(keys)) if after else 0
    chosen = list(rows[start : start + limit])
    more = start + limit < len(rows)
    return Page(items=chosen, next_cursor=_closed(keys[start + limit - 1]) if more else None)


def _closed(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _opened(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError, ValueError) as e:
        raise Problem.invalid("query.cursor", "none of ours; begin again without one") from e
