"""The HTTP side: clocks as they stand, and what keeps time from being moved on."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from services.supervision.desk import Desk
from services.supervision.settled import Settled
from services.supervision.shapes import ClockRow, Page, Pending, page
from tocsin.codec.text import parse_rfc3339, rfc3339
from tocsin.incident.values import ClockState
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, allowed
from tocsin.supervision.clocks import Held

CardName = Literal["none", "warning", "yellow", "red"]


def routes(desk: Desk, settled: Settled) -> APIRouter:
    """All of them, over what the desk knows."""
    router = APIRouter()

    @router.get("/v1/clocks", tags=["clocks"])
    async def clocks(
        principal: Annotated[Principal, Depends(allowed("supervisor", "auditor", "commander", "admin"))],
        state: ClockState | None = None,
        agency: Annotated[str | None, Query(max_length=64)] = None,
        card: CardName | None = None,
        cursor: Annotated[str, Query(max_length=256)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Page[ClockRow]:
        """Limits, the one due first first. Ended ones are kept in the latest few thousand."""

        def wanted(held: Held) -> bool:
            return (
                (state is None or held.state == state)
                and (agency is None or held.agency == agency)
                and (card is None or held.card == card)
                and (principal.role != "commander" or held.region == principal.region)
            )

        rows = [h for b in desk.books.values() for part in (b.held, b.ended) for h in part.values() if wanted(h)]
        rows.sort(key=_key)
        shown = page(rows, [_key(h) for h in rows], cursor=cursor, limit=limit)
        return Page(items=[ClockRow.of(h) for h in shown.items], next_cursor=shown.next_cursor)

    @router.get("/v1/clock/pending", tags=["clocks"])
    async def pending(
        _: Annotated[Principal, Depends(allowed("admin", "monitor"))], until: Annotated[str, Query(max_length=40)]
    ) -> Pending:
        """Whether all that happened has been worked off, and when the next limit up to `until` fires."""
        try:
            limit_ms = parse_rfc3339(until)
        except ValueError as e:
            raise Problem.invalid("query.until", f"not an RFC 3339 time with offset: {e}") from e
        waiting_for = await settled.waiting_for()
        due = [at for book in desk.books.values() if (at := book.next_due(limit_ms)) is not None]
        return Pending(next_due=rfc3339(min(due, default=None)), settled=not waiting_for, waiting_for=waiting_for)

    return router


def _key(held: Held) -> str:
    return f"{held.due_at:015d} {held.clock_id}"
