"""Routes that ask for a change: commands on missions, units and hospitals; registrations; positions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.ems120 import edge
from services.ems120.desk import Desk, answer
from tocsin.codec.text import rfc3339
from tocsin.log.port import LogUnavailable
from tocsin.mission import commands as cmd
from tocsin.mission.fleet import fleet_region
from tocsin.mission.values import Position
from tocsin.runtime.bodies import wait_of
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, RoleName, allowed

WRITERS: tuple[RoleName, ...] = ("ems_dispatcher", "crew", "commander", "admin")
CENTRE: tuple[RoleName, ...] = ("ems_dispatcher", "commander", "admin")
_PENDING: dict[int | str, dict[str, Any]] = {202: {"description": "On the log, not decided yet"}}
PUT_WAIT_S = 5.0
"""A registration waits so long for its decision; after that it is answered 202."""


async def take(
    desk: Desk, request: Request, who: Principal, kind: str, target: str, commands: tuple[type[Any], ...]
) -> Response:
    """Any command: read, its target looked up, a known id answered as before, else appended and waited for."""
    wait_s = wait_of(request)
    body = await edge.read_object(request)
    found = edge.asked(body, commands)
    region = await desk.known(who, kind, target)
    earlier = desk.index.outcome(found.command_id) if found.command_id else None
    if earlier is not None:
        return desk.shown(found.command_id, target, earlier)
    command_id = await desk.act(
        who, region, target, found.data, command_id=found.command_id, expected=found.expected_version
    )
    return await desk.decided(command_id, target, wait_s)


async def register(desk: Desk, request: Request, who: Principal, target: str, *, hospital: bool) -> Response:
    """A unit or hospital, new or changed; its region is where it is known, else the body's, else the asker's."""
    if not edge.ID.fullmatch(target):
        raise edge.invalid(("id", "expected 1-128 of A-Z a-z 0-9 . _ : -"))
    body = await edge.read_object(request)
    data = edge.registration(body, hospital=hospital)
    held: Any = desk.index.state.hospitals if hospital else desk.index.state.units
    known = held.get(target)
    asked = body.get("region")
    region = fleet_region(desk.policy, asked if isinstance(asked, str) and asked else who.region)
    region = known.region if known is not None else region
    command_id = await desk.act(who, region, target, data, command_id=body.get("command_id") or "")
    return await desk.decided(command_id, target, PUT_WAIT_S)


async def report_position(desk: Desk, request: Request, who: Principal, unit_id: str) -> Response:
    """Where a unit is: kept two days on its topic; decisions use the newest."""
    if who.role == "crew" and who.unit != unit_id:
        raise Problem(403, "not_your_unit", f"You are the crew of {who.unit or 'no unit'}; report its position only.")
    body = await edge.read_object(request)
    said = edge.reported(body)
    await desk.known(who, "units", unit_id)
    now = desk.clock.now_ms()
    at = now if said.at is None else min(said.at, now)
    position = Position(unit_id=unit_id, point=said.point, at=at, speed_kmh=said.speed_kmh, heading=said.heading)
    try:
        await desk.positions.report(position)
    except LogUnavailable as e:
        detail = "The log does not answer; the next position will do."
        raise Problem(503, "log_unavailable", detail, {"retry-after": "2"}) from e
    return answer(200, {"unit_id": unit_id, "at": rfc3339(at), "lon": said.point.lon, "lat": said.point.lat})


def acts(desk: Desk) -> APIRouter:
    """All of them."""
    router = APIRouter()

    @router.post(
        "/v1/missions/{mission_id}/commands",
        tags=["missions"],
        responses=_PENDING,
        openapi_extra=edge.shown_schema(cmd.MISSION_COMMANDS),
    )
    async def mission_command(
        mission_id: str, request: Request, who: Annotated[Principal, Depends(allowed(*WRITERS))]
    ) -> Response:
        """A step, a triage, another unit, the end. A crew acts on its own unit's mission only."""
        return await take(desk, request, who, "missions", mission_id, cmd.MISSION_COMMANDS)

    @router.post(
        "/v1/units/{unit_id}/commands",
        tags=["units"],
        responses=_PENDING,
        openapi_extra=edge.shown_schema(cmd.UNIT_COMMANDS),
    )
    async def unit_command(
        unit_id: str, request: Request, who: Annotated[Principal, Depends(allowed(*WRITERS))]
    ) -> Response:
        """on_duty, off_duty, available, out_of_service. A crew for its own unit only."""
        return await take(desk, request, who, "units", unit_id, cmd.UNIT_COMMANDS)

    @router.post(
        "/v1/hospitals/{hospital_id}/commands",
        tags=["hospitals"],
        responses=_PENDING,
        openapi_extra=edge.shown_schema(cmd.HOSPITAL_COMMANDS),
    )
    async def hospital_command(
        hospital_id: str, request: Request, who: Annotated[Principal, Depends(allowed(*CENTRE))]
    ) -> Response:
        """divert, undivert, set_beds."""
        return await take(desk, request, who, "hospitals", hospital_id, cmd.HOSPITAL_COMMANDS)

    @router.put("/v1/units/{unit_id}", tags=["units"], responses=_PENDING)
    async def put_unit(
        unit_id: str, request: Request, who: Annotated[Principal, Depends(allowed("admin"))]
    ) -> Response:
        """Registers a unit or changes it: `{"label", "type": "ALS | BLS", "station", "position": {...}}`."""
        return await register(desk, request, who, unit_id, hospital=False)

    @router.put("/v1/hospitals/{hospital_id}", tags=["hospitals"], responses=_PENDING)
    async def put_hospital(
        hospital_id: str, request: Request, who: Annotated[Principal, Depends(allowed("admin"))]
    ) -> Response:
        """Registers a hospital or changes it: `{"label", "capabilities", "beds", "position": {...}}`."""
        return await register(desk, request, who, hospital_id, hospital=True)

    @router.put("/v1/units/{unit_id}/position", tags=["units"])
    async def put_position(
        unit_id: str, request: Request, who: Annotated[Principal, Depends(allowed("crew", "ems_dispatcher", "admin"))]
    ) -> Response:
        """Where a unit is: its own crew or the centre says so. Kept two days; decisions use the newest."""
        return await report_position(desk, request, who, unit_id)

    return router
