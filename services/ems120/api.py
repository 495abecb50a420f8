"""Routes that only read: missions, units, hospitals, outcomes; clocks to come; the owner's state for replay."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from msgspec import to_builtins
from starlette.responses import Response

from services.ems120.desk import Desk, answer
from services.ems120.edge import invalid
from services.ems120.pending import Pending
from tocsin.codec.text import parse_rfc3339, plain, rfc3339
from tocsin.mission.offer import offer
from tocsin.mission.state import Facts, Mission
from tocsin.mission.values import TRIAGE, MissionState, Triage, UnitState
from tocsin.mission.view import hospital_view, mission_view, unit_view
from tocsin.runtime.bodies import wait_of
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, RoleName, allowed

MEDICAL: tuple[RoleName, ...] = ("ems_dispatcher", "crew", "commander", "admin")
"""Who may see medical detail."""
FLEET: tuple[RoleName, ...] = (*MEDICAL, "supervisor", "auditor")
T = TypeVar("T")


def page(
    items: Sequence[T], key: Callable[[T], tuple[Any, ...]], cursor: str, limit: int, show: Callable[[T], Any]
) -> Response:
    """A list's part after `cursor`: sorted by `key`, at most `limit`, with the cursor of the next part."""
    ordered = sorted(items, key=key)
    if cursor:
        after = _decoded(cursor)
        ordered = [i for i in ordered if _text(key(i)) > after]
    shown = ordered[:limit]
    more = len(ordered) > limit
    following = base64.urlsafe_b64encode(_text(key(shown[-1])).encode()).decode() if more else None
    return answer(200, {"items": [plain(show(i)) for i in shown], "next_cursor": following})


def _text(key: tuple[Any, ...]) -> str:
    """A key as text that sorts as it does: numbers padded."""
    return "\x00".join(f"{part:020d}" if isinstance(part, int) else str(part) for part in key)


def _decoded(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError) as e:
        raise invalid(("cursor", "not a cursor of this list; begin without one")) from e


def reads(desk: Desk, pending: Pending, standings: Callable[[], Any]) -> APIRouter:
    """All of them."""
    router = APIRouter()
    _missions(router, desk)
    _fleet(router, desk)
    _works(router, desk, pending, standings)
    return router


def _missions(router: APIRouter, desk: Desk) -> None:
    index = desk.index

    def mission_shown(mission: Any) -> Any:
        return mission_view(mission, desk.words, desk.policy.ems.arrival_s)

    async def seen(who: Principal, mission_id: str) -> tuple[Mission, str]:
        """A mission this role may see, and its region; 404 otherwise."""
        region = await desk.known(who, "missions", mission_id)
        held = index.state.missions[mission_id]
        if not desk.sees_mission(who, held):
            raise Problem(404, "not_found", f"There is no mission {mission_id!r}.")
        return held, region

    @router.get("/v1/missions", tags=["missions"])
    async def missions(
        who: Annotated[Principal, Depends(allowed(*MEDICAL))],
        state: MissionState | None = None,
        triage: Triage | None = None,
        unit_id: Annotated[str | None, Query(max_length=128)] = None,
        incident_id: Annotated[str | None, Query(max_length=128)] = None,
        task_id: Annotated[str | None, Query(max_length=128)] = None,
        exercise: bool | None = None,
        active: bool | None = None,
        cursor: Annotated[str, Query(max_length=512)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        order: Literal["newest", "queue"] = "newest",
    ) -> Response:
        """Missions, newest first, or as a queue: highest triage, then oldest."""
        wanted = {
            "state": state, "triage": triage, "unit_id": unit_id, "incident_id": incident_id, "task_id": task_id,
            "exercise": exercise,
        }  # fmt: skip
        asked = {k: v for k, v in wanted.items() if v is not None}
        found = [
            m
            for m in index.state.missions.values()
            if desk.sees_mission(who, m)
            and all(getattr(m, k) == v for k, v in asked.items())
            and (active is None or (m.state != "ended") == active)
        ]
        if order == "queue":
            return page(
                found, lambda m: (TRIAGE.index(m.triage), m.opened_at, m.mission_id), cursor, limit, mission_shown
            )
        return page(found, lambda m: (10**15 - m.opened_at, m.mission_id), cursor, limit, mission_shown)

    @router.get("/v1/missions/{mission_id}", tags=["missions"])
    async def mission(mission_id: str, who: Annotated[Principal, Depends(allowed(*MEDICAL))]) -> Response:
        """One mission."""
        held, _ = await seen(who, mission_id)
        return answer(200, plain(mission_shown(held)))

    @router.get("/v1/missions/{mission_id}/candidates", tags=["missions"])
    async def candidates(mission_id: str, who: Annotated[Principal, Depends(allowed(*MEDICAL))]) -> Response:
        """Units that could be sent now and hospitals to go to, best first, weighed by the rules as of this moment."""
        held, region = await seen(who, mission_id)
        facts = Facts(recorded_at=desk.clock.now_ms(), policy=desk.policy, positions=desk.positions.newest)
        fleet = [u for u in index.state.units.values() if u.region == region]
        beds = [h for h in index.state.hospitals.values() if h.region == region]
        return answer(200, plain(offer(held, fleet, beds, index.state.missions, facts)))


def _fleet(router: APIRouter, desk: Desk) -> None:
    index = desk.index

    @router.get("/v1/units", tags=["units"])
    async def units(
        who: Annotated[Principal, Depends(allowed(*FLEET))],
        state: UnitState | None = None,
        cursor: Annotated[str, Query(max_length=512)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Units with their newest position and its age."""
        now = desk.clock.now_ms()
        found = [
            u for u in index.state.units.values() if desk.sees(who, u.region) and (state is None or u.state == state)
        ]
        return page(
            found,
            lambda u: (u.unit_id,),
            cursor,
            limit,
            lambda u: unit_view(u, desk.positions.newest.get(u.unit_id), now),
        )

    @router.get("/v1/units/{unit_id}", tags=["units"])
    async def unit(unit_id: str, who: Annotated[Principal, Depends(allowed(*FLEET))]) -> Response:
        """One unit."""
        await desk.known(who, "units", unit_id)
        held = index.state.units[unit_id]
        return answer(200, plain(unit_view(held, desk.positions.newest.get(unit_id), desk.clock.now_ms())))

    @router.get("/v1/hospitals", tags=["hospitals"])
    async def hospitals(
        who: Annotated[Principal, Depends(allowed(*FLEET))],
        cursor: Annotated[str, Query(max_length=512)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Hospitals with their beds and diversion."""
        found = [h for h in index.state.hospitals.values() if desk.sees(who, h.region)]
        return page(found, lambda h: (h.hospital_id,), cursor, limit, hospital_view)

    @router.get("/v1/hospitals/{hospital_id}", tags=["hospitals"])
    async def hospital(hospital_id: str, who: Annotated[Principal, Depends(allowed(*FLEET))]) -> Response:
        """One hospital."""
        await desk.known(who, "hospitals", hospital_id)
        return answer(200, plain(hospital_view(index.state.hospitals[hospital_id])))


def _works(router: APIRouter, desk: Desk, pending: Pending, standings: Callable[[], Any]) -> None:
    index = desk.index

    @router.get("/v1/commands/{command_id}", tags=["missions"])
    async def command(
        command_id: str, request: Request, who: Annotated[Principal, Depends(allowed(*MEDICAL))]
    ) -> Response:
        """What became of a command of this centre."""
        wait_s = wait_of(request)
        found = await index.until_decided(command_id, wait_s)
        if found is None and not wait_s:
            await index.fresh(1.0)
            found = index.outcome(command_id)
        if found is None or not desk.sees(who, found.region):
            raise Problem(404, "not_found", f"No command {command_id!r} has been decided here.")
        refusal = found.refusal
        target = refusal.target if refusal is not None else next((e.subject for e in found.events if e.subject), "")
        return desk.shown(command_id, target, found)

    @router.get("/v1/clock/pending", tags=["clocks"])
    async def clock_pending(
        _: Annotated[Principal, Depends(allowed("admin", "monitor"))], until: Annotated[str, Query(max_length=40)]
    ) -> Response:
        """Whether all that happened has been worked off, and when the next acknowledgement up to `until` runs out."""
        try:
            limit_ms = parse_rfc3339(until)
        except ValueError as e:
            raise invalid(("until", f"not an RFC 3339 time with offset: {e}")) from e
        waiting_for = await pending.waiting_for()
        due = rfc3339(pending.next_due(limit_ms))
        return answer(200, {"next_due": due, "settled": not waiting_for, "waiting_for": waiting_for})

    @router.get("/state", tags=["state"])
    async def state(_: Annotated[Principal, Depends(allowed("admin", "monitor", "auditor"))]) -> Response:
        """The hash of each owned partition's state at its offset, for `replay --verify`."""
        found = await standings()
        return answer(200, {str(p): to_builtins(s) for p, s in sorted(found.items())})
