"""The HTTP side of judging: cases, scores, reports, complaints, disclosure."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.supervision import public
from services.supervision.complaints import Complaint, Complaints, End
from services.supervision.desk import Desk
from services.supervision.posted import ComplaintBody, EndBody, described, posted
from services.supervision.public import CaseRow, Disclosure, KindRow, ScoreRow
from services.supervision.shapes import Page, page
from tocsin.codec.text import rfc3339
from tocsin.policy.standing import Standing
from tocsin.runtime.clock import Clock
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, allowed
from tocsin.supervision.ledger import Case, period_of

SEES_CASES = ("supervisor", "auditor", "commander", "admin")
LOOKS_INTO = ("supervisor", "commander", "dispatcher", "admin")
"""Who may close a complaint: those who supervise, and the agency that looks into it."""
_PERIOD = re.compile(r"20\d\dQ[1-4]")


class Receipt(BaseModel):
    """The complaint's number, and who looks into it."""

    receipt: str
    handled_by: str


def judged(desk: Desk, complaints: Complaints, standing: Standing, clock: Clock) -> APIRouter:
    """All of them."""
    router = APIRouter()
    _case_routes(router, desk, complaints)
    _count_routes(router, desk, standing, clock)
    return router


def _chosen(period: str, clock: Clock) -> str:
    if not period:
        return period_of(clock.now_ms())
    if not _PERIOD.fullmatch(period):
        raise Problem.invalid("query.period", "a quarter is written like 2026Q2")
    return period


def _case_routes(router: APIRouter, desk: Desk, complaints: Complaints) -> None:
    @router.get("/v1/cases", tags=["judging"])
    async def cases(
        principal: Annotated[Principal, Depends(allowed(*SEES_CASES, "dispatcher"))],
        state: Literal["open", "closed"] | None = None,
        cursor: Annotated[str, Query(max_length=256)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Page[CaseRow]:
        """Red cards, supervised incidents, complaints: none of the agency one belongs to oneself.

        A dispatcher sees the complaints that the own agency looks into, and nothing else.
        """
        rows = [(_order(c.opened_at, c.case_id), _case(c)) for c in desk.ledger.cases.values() if _sees(principal, c)]
        rows += [
            (_order(c.recorded_at, c.subject), _complaint(c, complaints.words(c), complaints.end_of(c)))
            for c in complaints.seen_by(principal)
        ]
        rows = sorted((r for r in rows if state is None or r[1].state == state), key=lambda r: r[0])
        return page([r[1] for r in rows], [r[0] for r in rows], cursor=cursor, limit=limit)

    @router.post("/v1/complaints", tags=["public"], status_code=202, openapi_extra=described(ComplaintBody))
    async def complain(
        principal: Annotated[
            Principal,
            Depends(allowed("call_taker", "hotline", "commander", "ems_dispatcher", "supervisor", "admin")),
        ],
        body: Annotated[ComplaintBody, Depends(posted(ComplaintBody))],
    ) -> Receipt:
        """Takes a complaint; the receipt is given once it is on the log. It never reaches the agency complained of."""
        taken = await complaints.take(
            principal, against=body.agency, incident_id=body.incident_id, text=body.text, complainant=body.who
        )
        return Receipt(receipt=taken.complaint_id, handled_by=taken.handled_by)

    @router.post("/v1/complaints/{complaint_id}/close", tags=["judging"], openapi_extra=described(EndBody))
    async def close(
        principal: Annotated[Principal, Depends(allowed(*LOOKS_INTO))],
        complaint_id: str,
        body: Annotated[EndBody, Depends(posted(EndBody))],
    ) -> CaseRow:
        """Ends a complaint, once, by whoever looks into it, with what the complainant was told of it."""
        taken = await complaints.close(principal, complaint_id, outcome=body.outcome, told=body.told, text=body.text)
        return _complaint(taken, complaints.words(taken), complaints.end_of(taken))


def _count_routes(router: APIRouter, desk: Desk, standing: Standing, clock: Clock) -> None:
    @router.get("/v1/scores", tags=["judging"])
    async def scores(
        _: Annotated[Principal, Depends(allowed(*SEES_CASES))], period: Annotated[str, Query(max_length=8)] = ""
    ) -> Page[ScoreRow]:
        """Each agency's quarter; the present one where none is named. Exercises are left out."""
        return Page(items=public.score_rows(desk.ledger, _chosen(period, clock)))

    @router.get("/v1/reports/{name}", tags=["judging"])
    async def report(
        _: Annotated[Principal, Depends(allowed(*SEES_CASES))],
        name: str,
        period: Annotated[str, Query(max_length=8)] = "",
    ) -> Page[ScoreRow] | Page[KindRow]:
        """`agencies` or `kinds` of a quarter."""
        if name == "agencies":
            return Page(items=public.score_rows(desk.ledger, _chosen(period, clock)))
        if name == "kinds":
            return Page(items=public.kind_rows(desk.ledger, standing.present, _chosen(period, clock)))
        raise Problem(404, "not_found", "There are the reports 'agencies' and 'kinds'.")

    @router.get("/v1/disclosure", tags=["public"])
    async def disclosure(period: Annotated[str, Query(max_length=8)] = "") -> Disclosure:
        """Open to all: kinds, promised times, how many, how fast, how it ended. Nobody's data."""
        return public.disclosure(desk.ledger, standing.present, _chosen(period, clock))


def _order(at: int, case_id: str) -> str:
    return f"{10**15 - at:015d} {case_id}"


def _sees(principal: Principal, case: Case) -> bool:
    return principal.role != "dispatcher" and (principal.role != "commander" or case.region == principal.region)


def _case(c: Case) -> CaseRow:
    return CaseRow(
        case_id=c.case_id, cause=c.cause, incident_id=c.incident_id, agency=c.agency, region=c.region,
        opened_at=rfc3339(c.opened_at), closed_at=rfc3339(c.closed_at), state="closed" if c.closed_at else "open",
    )  # fmt: skip


def _complaint(c: Complaint, text: str, end: End | None) -> CaseRow:
    d = c.data
    return CaseRow(
        case_id=d.complaint_id, cause="complaint", incident_id=d.incident_id, agency=d.against, region=c.region,
        opened_at=rfc3339(c.recorded_at), closed_at=rfc3339(end.recorded_at) if end is not None else None,
        state="open" if end is None else "closed", handled_by=d.handled_by, text=text,
        outcome=end.data.outcome if end is not None else "", told=end.data.told if end is not None else "",
    )  # fmt: skip
