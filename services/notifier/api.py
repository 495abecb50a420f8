"""The reading routes: incidents, their histories, what waits for a person, what was delivered, labels."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator
from starlette.responses import Response

from services.notifier import cap, eido, read
from services.notifier.filters import Filter, asked
from services.notifier.openapi import answers
from services.notifier.part import names
from services.notifier.present import Presenter, dumps
from services.notifier.store import Store
from tocsin.codec.text import plain, rfc3339
from tocsin.policy.model import Policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, allowed
from tocsin.sight import Sight, may_see, only_own, sight_of, whole

READERS = (
    "call_taker", "hotline", "commander", "dispatcher", "ems_dispatcher", "crew", "supervisor", "auditor", "admin",
)  # fmt: skip
"""Everyone but `monitor`, who sees metrics alone."""
Reader = Annotated[Principal, Depends(allowed(*READERS))]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200)]
EIDO = "application/emergency.eido+json"
REVEAL_MS = 10 * 60_000
"""How long a number stays readable after its revealing; then the act is to be repeated, with a reason."""


_BARE_PLUS = re.compile(r"(T[\d:.]+) (\d\d:\d\d)", re.ASCII)


def _plus(text: object) -> object:
    """A time whose `+08:00` was sent as it is: in a query a bare plus is a blank."""
    return _BARE_PLUS.sub(r"\1+\2", text) if isinstance(text, str) else text


Moment = Annotated[datetime | None, BeforeValidator(_plus), Query()]


class Board:
    """What the routes need."""

    def __init__(self, store: Store, presenter: Presenter, policy: Policy, clock: Clock) -> None:
        self.store, self.presenter, self.policy, self.clock = store, presenter, policy, clock

    def follow(self, policy: Policy) -> None:
        """Another policy stands."""
        self.policy = policy

    def sight(self, who: Principal) -> Sight:
        """What this person may see."""
        return sight_of(who, self.policy)

    def found(self, who: Principal, incident_id: str) -> tuple[read.Found, Sight]:
        """The incident, or 404 where it is none or none of theirs."""
        sight = self.sight(who)
        found = read.get_incident(self.store, incident_id)
        if found is None or not may_see(sight, found.incident.region, found.keys):
            raise Problem(404, "not_found", f"No incident {incident_id[:40]!r} that you may see.")
        return found, sight

    def whole(self, who: Principal, incident_id: str) -> tuple[read.Found, Sight]:
        """The same, where one sees all of it: 404 for whoever takes no part in it any more."""
        found, sight = self.found(who, incident_id)
        if only_own(sight, found.incident.region, found.keys):
            raise Problem(404, "not_found", f"No incident {incident_id[:40]!r} of which you may see all.")
        return found, sight

    def page(
        self, who: Principal, want: Filter, *, order: read.Order, limit: int, cursor: str, review: bool = False
    ) -> Response:
        """A list as the contract shows it."""
        sight = self.sight(who)
        page = read.list_incidents(self.store, sight, want, order=order, limit=limit, cursor=cursor, review=review)
        calls = read.calls_of(self.store, [f.incident for f in page.items])
        self.presenter.load(calls.values())
        items = [self.presenter.incident(f.incident, calls, sight, f.keys) for f in page.items]
        return answer({"items": items, "next_cursor": page.next_cursor})


def answer(value: Any, status: int = 200) -> Response:
    """JSON that no cache keeps."""
    return Response(dumps(value), status, media_type="application/json", headers={"cache-control": "no-store"})


def routes(board: Board) -> APIRouter:
    """All reading routes."""
    router = APIRouter(prefix="/v1")
    _lists(router, board)
    _one(router, board)
    _case(router, board)
    _calls(router, board)
    return router


def _lists(router: APIRouter, board: Board) -> None:
    @router.get("/incidents", tags=["incidents"], response_class=Response, responses=answers("IncidentPage", 422))
    def incidents(
        who: Reader,
        want: Annotated[Filter, Depends(asked)],
        limit: Limit = 50,
        cursor: Cursor = "",
        order: read.Order = "newest",
    ) -> Response:
        """Incidents one may see, filtered, by pages."""
        return board.page(who, want, order=order, limit=limit, cursor=cursor)

    @router.get("/review", tags=["incidents"], response_class=Response, responses=answers("IncidentPage", 422))
    def review(
        who: Reader,
        want: Annotated[Filter, Depends(asked)],
        limit: Limit = 50,
        cursor: Cursor = "",
        order: read.Order = "queue",
    ) -> Response:
        """Open incidents that wait for a person, with the reasons in `review`."""
        return board.page(who, want, order=order, limit=limit, cursor=cursor, review=True)

    @router.get("/now", tags=["clock"], response_class=Response, responses=answers("Now"))
    def now(_: Reader) -> Response:
        """This deployment's clock, which need not be the reader's, and the policy in force: what a page is held to."""
        held = {"now": rfc3339(board.clock.now_ms()), "mode": board.clock.mode, "factor": board.clock.factor}
        return answer(held | {"policy": board.policy.hash})

    @router.get("/catalogue", tags=["policy"], response_class=Response, responses=answers("Catalogue"))
    def catalogue(_: Reader) -> Response:
        """Labels of agencies, kinds and regions, in Chinese and English."""
        p = board.policy
        return answer(
            {
                "policy": p.hash,
                "default_region": p.default_region,
                "command_agency": p.command_agency,
                "agencies": [
                    {"id": a.id, "label": a.label, "label_en": a.label_en, "class": a.agency_class, "type": a.type}
                    for a in p.agencies.values()
                ],
                "kinds": [
                    {"code": k.code, "label": k.label, "label_en": k.label_en, "priority": k.priority}
                    for k in p.kinds.values()
                ],
                "regions": [
                    {"id": r.id, "label": r.label, "label_en": r.label_en, "own": r.own} for r in p.regions.values()
                ],
            }
        )


def _one(router: APIRouter, board: Board) -> None:
    @router.get(
        "/incidents/{incident_id}",
        tags=["incidents"],
        response_class=Response,
        responses=answers("IncidentView", 404, 422),
    )
    def incident(who: Reader, incident_id: str, as_of: Moment = None) -> Response:
        """One incident, now or as it was."""
        found, sight = board.found(who, incident_id)
        shown = found.incident
        if as_of is not None:
            if as_of.tzinfo is None:
                raise Problem.invalid("query.as_of", "needs an offset, e.g. 2026-04-05T08:00:00+08:00")
            past = read.incident_as_of(board.store, incident_id, int(as_of.timestamp() * 1000))
            if past is None:
                raise Problem(404, "not_found", "There was no such incident at that moment.")
            shown = past
        return answer(board.presenter.incident(shown, read.calls_of(board.store, [shown]), sight, found.keys))

    @router.get(
        "/incidents/{incident_id}/events",
        tags=["incidents"],
        response_class=Response,
        responses=answers("EventPage", 404),
    )
    def events(who: Reader, incident_id: str) -> Response:
        """The whole history, in order; of a matter one takes no part in any more, what was about one's own work."""
        found, sight = board.found(who, incident_id)
        first, agency = found.incident.first_receiver, only_own(sight, found.incident.region, found.keys)
        items = [
            board.presenter.event(r.event, incident_id, sight, first)
            for r in read.history(board.store, incident_id)
            if not agency or names(r.event.data, agency)
        ]
        return answer({"items": items, "next_cursor": None})

    @router.get(
        "/incidents/{incident_id}/deliveries",
        tags=["incidents"],
        response_class=Response,
        responses=answers("DeliveryPage", 404),
    )
    def deliveries(who: Reader, incident_id: str) -> Response:
        """What was sent to whom, and when it was seen; `times` over 1 is a marked repetition."""
        board.whole(who, incident_id)
        held = read.deliveries_of(board.store, incident_id)
        items = [{"type": e.type, "at": rfc3339(e.occurred_at), "times": times} | plain(e.data) for e, times in held]
        return answer({"items": items, "next_cursor": None})


def _case(router: APIRouter, board: Board) -> None:
    @router.get(
        "/incidents/{incident_id}/proof",
        tags=["incidents"],
        response_class=Response,
        responses=answers("ProofPage", 404),
    )
    def proof(
        who: Annotated[Principal, Depends(allowed("auditor", "supervisor", "commander", "admin"))], incident_id: str
    ) -> Response:
        """Each event's place, bytes' hash and predecessor, for a dossier."""
        board.found(who, incident_id)
        items = [_proof(r, read.following(board.store, r)) for r in read.history(board.store, incident_id)]
        return answer({"items": items, "next_cursor": None})

    @router.get(
        "/incidents/{incident_id}/cap",
        tags=["exchange"],
        response_class=Response,
        responses=answers("", 404, media="application/cap+xml"),
    )
    def as_cap(who: Reader, incident_id: str) -> Response:
        """The incident as a CAP 1.2 alert."""
        found, sight = board.whole(who, incident_id)
        view = board.presenter.view(found.incident, read.calls_of(board.store, [found.incident]), sight)
        return Response(
            cap.alert(view, board.policy), media_type="application/cap+xml", headers={"cache-control": "no-store"}
        )

    @router.get(
        "/incidents/{incident_id}/eido",
        tags=["exchange"],
        response_class=Response,
        responses=answers("", 404, media=EIDO),
    )
    def as_eido(who: Reader, incident_id: str) -> Response:
        """The incident as an EIDO document."""
        found, sight = board.whole(who, incident_id)
        view = board.presenter.view(found.incident, read.calls_of(board.store, [found.incident]), sight)
        return Response(
            dumps(eido.document(view, board.policy)),
            media_type=EIDO,
            headers={"cache-control": "no-store"},
        )


def _proof(r: read.Raw, following: read.Raw | None) -> dict[str, Any]:
    link = {"seq": following.event.seq, "prev_hash": following.event.prev_hash.hex()} if following is not None else None
    return {
        "event_id": r.event.event_id, "partition": r.partition, "offset": r.next - 1, "seq": r.event.seq,
        "prev_hash": r.event.prev_hash.hex(), "hash": hashlib.blake2b(r.raw, digest_size=32).hexdigest(),
        "next": link, "record": r.raw.hex(),
    }  # fmt: skip


def _calls(router: APIRouter, board: Board) -> None:
    @router.get("/calls/{call_id}/number", tags=["calls"], response_class=Response, responses=answers("Number", 404))
    def number(who: Reader, call_id: str) -> Response:
        """A caller's whole number, within ten minutes of one's own `reveal_number`."""
        sight = board.sight(who)
        held = read.get_call(board.store, call_id)
        seen = [f for f in held[1] if may_see(sight, f.incident.region, whole(f.keys))] if held else []
        hidden = held is not None and all(board.presenter.hides(held[0].record, f.incident, sight) for f in seen)
        if held is None or not seen or hidden:
            raise Problem(404, "not_found", f"No call {call_id[:64]!r} whose caller you may see.")
        at = read.revealed_at(board.store, call_id, who.subject)
        if at is None or board.clock.now_ms() - at > REVEAL_MS:
            raise Problem(
                403, "not_revealed", "Send the command reveal_number with a reason first; it is kept for audit."
            )
        caller = board.presenter.private(held[0].record).caller
        return answer({"call_id": call_id, "number": caller.number, "revealed_at": rfc3339(at)})

    @router.get(
        "/calls/{call_id}/incidents", tags=["calls"], response_class=Response, responses=answers("CallIncidents", 404)
    )
    def of_call(who: Reader, call_id: str) -> Response:
        """The incidents a call is or was linked to, among those one may see."""
        sight = board.sight(who)
        held = read.get_call(board.store, call_id)
        seen = [f.incident for f in held[1] if may_see(sight, f.incident.region, whole(f.keys))] if held else []
        if held is None or not seen:
            raise Problem(404, "not_found", f"No call {call_id[:64]!r} that you may see.")
        return answer(
            {
                "call_id": call_id,
                "incident_ids": [i.incident_id for i in seen],
                "linked": [i.incident_id for i in seen if call_id in i.links],
            }
        )
