"""The 120 centre on a real broker: from the relayed task to the hospital's door, refusals, clocks, stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.ems_stage import SOUTH, EmsStage, act, mission_where
from tests.support import eventually, free_ports, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.mission.commands import CancelMissions, UpdateScene
from tocsin.place import Place

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of this module's own: its fleet is not to be shared with others' tests."""
    with EmbeddedKafka(tmp_path_factory.mktemp("ems-kafka"), free_ports(8)) as broker:
        yield broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmsStage]:
    """One running 120 centre under a manual clock."""
    made = EmsStage(kafka.bootstrap, tmp_path_factory.mktemp("ems"))
    await made.open()
    made.start()
    try:
        await made.ready()
        yield made
    finally:
        await made.close()


async def test_the_whole_chain_from_the_relayed_task_to_the_hospital(stage: EmsStage) -> None:
    """A relayed task gets the nearest unit, explained; its crew drives it to the hand-over; the incident is told."""
    mission_id = await stage.open_incident(1)
    async with stage.client() as centre:
        opened = await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        unit = opened["unit_id"]
        assert {c["unit_id"] for c in opened["candidates"]} == {f"nanxian-amb-0{n}" for n in range(1, 9)}
        assert [c["unit_id"] for c in opened["candidates"] if not c["excluded_because"]] == [unit]
        async with stage.client("crew", unit=unit) as crew:
            for command, state in (
                ("acknowledge", "acknowledged"), ("depart", "departed"), ("arrive", "on_scene"),
                ("patient_contact", "with_patient"), ("leave", "transporting"), ("arrive_hospital", "at_hospital"),
                ("hand_over", "ended"),
            ):  # fmt: skip
                stage.advance(10_000)
                done = await act(crew, mission_id, command, command_id=f"chain-{command}")
                assert done.status_code == 200, done.text
                assert done.json()["outcome"] == "accepted"
                shown = (await centre.get(f"/v1/missions/{mission_id}")).json()
                assert shown["state"] == state
        assert shown["outcome"] == "transported"
        assert all(shown["times"].values())
        assert shown["hospital_id"] in {"nanxian-hosp-people", "nanxian-hosp-tcm"}
        assert (await centre.get(f"/v1/units/{unit}")).json()["state"] == "returning"

    async def told() -> list[str]:
        steps = [r.data.step for r in await stage.reports() if r.data.mission_id == mission_id]
        return steps if len(steps) >= 6 else []

    assert await eventually(told) == ["assigned", "acknowledged", "departed", "arrived", "feedback", "completed"]


async def test_a_repeated_command_id_repeats_its_answer(stage: EmsStage) -> None:
    """The same command sent twice is decided once and answered alike."""
    mission_id = await stage.open_incident(2)
    async with stage.client() as centre:
        await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        first = await act(centre, mission_id, "acknowledge", command_id="twice-1")
        again = await act(centre, mission_id, "acknowledge", command_id="twice-1")
        assert first.json() == again.json()
        assert (await centre.get("/v1/commands/twice-1")).json() == first.json()
        await act(centre, mission_id, "end", outcome="cancelled_before")


async def test_refusals_carry_their_codes(stage: EmsStage) -> None:
    """illegal_step, not_your_mission, version_conflict, unit_busy: 409; unknown: 404; bad fields: 422; roles: 403."""
    mission_id, other_id = await stage.open_incident(3), await stage.open_incident(4)
    async with stage.client() as centre:
        mine = await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        other = await mission_where(centre, other_id, lambda m: m["state"] == "assigned")
        assert mine["unit_id"] != other["unit_id"]
        early = await act(centre, mission_id, "hand_over")
        assert (early.status_code, early.json()["code"]) == (409, "illegal_step")
        busy = await act(centre, mission_id, "reassign", unit_id=other["unit_id"])
        assert (busy.status_code, busy.json()["code"]) == (409, "unit_busy")
        async with stage.client("crew", unit=other["unit_id"]) as crew:
            foreign = await act(crew, mission_id, "acknowledge")
            assert (foreign.status_code, foreign.json()["code"]) == (409, "not_your_mission")
        assert (await act(centre, mission_id, "acknowledge")).status_code == 200
        stale = await act(centre, mission_id, "depart", expected_version=1)
        assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
        assert (await act(centre, "430921-20260405-999999-M1", "acknowledge")).status_code == 404
        bad = await act(centre, mission_id, "end", outcome="nonsense", at="yesterday")
        assert bad.status_code == 422
        assert {e["field"] for e in bad.json()["errors"]} == {"outcome", "at"}
        for role in ("supervisor", "auditor", "call_taker", "hotline", "dispatcher", "monitor"):
            async with stage.client(role) as c:
                assert (await c.get("/v1/missions")).status_code == 403
                assert (await act(c, mission_id, "depart")).status_code == 403
        for m in (mission_id, other_id):
            await act(centre, m, "end", outcome="cancelled_before")


async def test_i5_racing_assigns_give_one_unit_to_one_mission(stage: EmsStage) -> None:
    """Two clients reassign two missions to the same unit at once: one is accepted, the other refused unit_busy."""
    ids = [await stage.open_incident(5), await stage.open_incident(6)]
    async with stage.client() as centre, stage.client("commander") as command:
        held = [await mission_where(centre, m, lambda m: m["state"] == "assigned") for m in ids]
        taken = {h["unit_id"] for h in held}
        free = next(
            u["unit_id"]
            for u in (await centre.get("/v1/units")).json()["items"]
            if u["unit_id"] not in taken and u["state"] in ("available", "returning")
        )
        answers = await asyncio.gather(
            act(centre, ids[0], "reassign", unit_id=free), act(command, ids[1], "reassign", unit_id=free)
        )
        assert sorted(a.status_code for a in answers) == [200, 409]
        assert next(a.json()["code"] for a in answers if a.status_code == 409) == "unit_busy"
        for m in ids:
            await act(centre, m, "end", outcome="cancelled_before")
    assert _never_twice(await stage.events())


def _never_twice(events: list[Any]) -> bool:
    """Whether no unit was ever on two missions at once, read from the events alone."""
    on: dict[str, str] = {}
    for e in events:
        if e.type == "UnitAssigned":
            assert on.get(e.data.unit_id, e.subject) == e.subject, f"{e.data.unit_id} twice"
            on[e.data.unit_id] = e.subject
        elif e.type in ("AcknowledgementMissed", "AssignmentRefused", "UnitWithdrawn", "MissionEnded"):
            on.pop(e.data.unit_id, None)
    return True


async def test_nobody_acknowledges_and_the_next_unit_goes(stage: EmsStage) -> None:
    """After 30 s of the clock the unit is taken off and the next one sent, by time alone; pending says so."""
    mission_id = await stage.open_incident(7)
    async with stage.client() as centre, stage.client("admin") as admin:
        first = await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        until = {"until": "2026-04-06T12:00:00+08:00"}

        async def settled() -> dict[str, Any] | None:
            found: dict[str, Any] = (await admin.get("/v1/clock/pending", params=until)).json()
            return found if found["settled"] else None

        pending = await eventually(settled)
        assert pending is not None
        assert pending["next_due"] == first["acknowledge_due_at"]
        stage.advance(29_000)
        await eventually(settled)
        assert (await centre.get(f"/v1/missions/{mission_id}")).json()["unit_id"] == first["unit_id"]
        stage.advance(1_000)
        second = await mission_where(centre, mission_id, lambda m: m["attempt"] == 2)
        assert second["unit_id"] != first["unit_id"]
        missed = [c for c in second["candidates"] if c["unit_id"] == first["unit_id"]]
        assert missed[0]["excluded_because"] == "not_acknowledged"
        await act(centre, mission_id, "end", outcome="cancelled_before")


async def test_positions_flow_into_the_choice(stage: EmsStage) -> None:
    """A unit that reports itself beside the scene is chosen for it, and the event says by which position."""
    async with stage.client() as centre:
        units = (await centre.get("/v1/units")).json()["items"]
        far = next(u["unit_id"] for u in units if u["type"] == "BLS" and u["state"] == "available")
        async with stage.client("crew", unit=far) as crew, stage.client("crew", unit="nanxian-amb-01") as stranger:
            where = {"point": {"lon": 112.5, "lat": 29.1, "crs": "WGS84"}}
            assert (await crew.put(f"/v1/units/{far}/position", json=where)).status_code == 200
            assert (await stranger.put(f"/v1/units/{far}/position", json=where)).status_code == 403
            bad = await crew.put(f"/v1/units/{far}/position", json={"point": {"lon": 500, "lat": 1}})
            assert bad.status_code == 422

        async def heard() -> bool:
            shown = (await centre.get(f"/v1/units/{far}")).json()["position"]
            return bool(shown["source"] == "gps" and shown["lon"] == 112.5)

        await eventually(heard)
        scene = Place(region="430921", point=SOUTH.__class__(lon=112.501, lat=29.101), source="point")
        mission_id = await stage.open_incident(8, place=scene)
        found = await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        assert found["unit_id"] == far
        used = next(c for c in found["candidates"] if c["unit_id"] == far)
        assert (used["position_source"], used["point"]["lon"]) == ("gps", 112.5)
        await act(centre, mission_id, "end", outcome="cancelled_before")


async def test_several_victims_mass_casualty_and_stand_down(stage: EmsStage) -> None:
    """Three victims: three missions and the flag; a further call adds only who is new; a cancelled task ends them."""
    mission_id = await stage.open_incident(9, victims=3)
    incident = mission_id.removesuffix("-M1")
    async with stage.client() as centre:

        async def missions() -> list[dict[str, Any]]:
            found = await centre.get("/v1/missions", params={"incident_id": incident})
            items: list[dict[str, Any]] = found.json()["items"]
            return items

        async def count(wanted: int) -> bool:
            return len(await missions()) == wanted

        await eventually(lambda: count(3))
        assert all("mass_casualty" in m["flags"] for m in await missions())
        assert len({m["unit_id"] for m in await missions()}) == 3
        await stage.send(UpdateScene(incident_id=incident, call_id="second-call", victims=3), "relay:update-9")
        await stage.send(UpdateScene(incident_id=incident, call_id="third-call", victims=4), "relay:update-9b")
        await eventually(lambda: count(4))
        first = (await centre.get(f"/v1/missions/{mission_id}")).json()
        assert first["call_ids"] == ["second-call", "third-call"]
        await stage.send(CancelMissions(incident_id=incident, cause="false_alarm"), "relay:cancel-9")

        async def over() -> bool:
            return all(m["outcome"] == "cancelled_before" for m in await missions())

        await eventually(over)


async def test_fleet_routes(stage: EmsStage) -> None:
    """Units and hospitals are registered by admin alone, put on duty, diverted, their beds set."""
    async with stage.client("admin") as admin, stage.client() as centre, stage.client("supervisor") as supervisor:
        body = {"label": "备用车", "type": "ALS", "station": "南县人民医院", "position": {"lon": 112.4, "lat": 29.3}}
        assert (await centre.put("/v1/units/nanxian-amb-09", json=body)).status_code == 403
        made = await admin.put("/v1/units/nanxian-amb-09", json=body)
        assert made.status_code == 200, made.text
        assert (await centre.get("/v1/units/nanxian-amb-09")).json()["state"] == "off_duty"
        on = await centre.post("/v1/units/nanxian-amb-09/commands?wait=30", json={"command": "on_duty"})
        assert on.status_code == 200
        assert (await supervisor.get("/v1/units/nanxian-amb-09")).json()["state"] == "available"
        out = await centre.post(
            "/v1/units/nanxian-amb-09/commands?wait=30", json={"command": "out_of_service", "reason": "爆胎"}
        )
        assert out.json()["events"][0]["data"]["reason"] == "爆胎"
        bad = await admin.put("/v1/hospitals/x", json={"beds": -1, "position": {"lon": 999, "lat": 0}})
        assert bad.status_code == 422
        path = "/v1/hospitals/nanxian-hosp-tcm/commands?wait=30"
        assert (await centre.post(path, json={"command": "divert", "reason": "CT 故障"})).status_code == 200
        assert (await centre.post(path, json={"command": "set_beds", "beds": 7})).status_code == 200
        shown = (await centre.get("/v1/hospitals/nanxian-hosp-tcm")).json()
        assert (shown["diverted"], shown["beds"]) == (True, 7)
        assert (await centre.post(path, json={"command": "undivert"})).status_code == 200
        metrics = (await centre.get("/metrics")).text
        assert 'tocsin_unit_state{state="available"}' in metrics


async def test_the_stream_snapshots_then_tells_and_resumes_without_a_gap(stage: EmsStage) -> None:
    """A stream begins with a snapshot; one that comes back with its last id is told all between, once, in order."""
    mission_id = await stage.open_incident(10)
    async with stage.client() as centre:
        await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        async with centre.stream("GET", "/v1/stream") as s:
            assert s.status_code == 200
            name, last_id, data = await _next(s.aiter_lines())
            assert name == "snapshot"
            assert mission_id in {m["mission_id"] for m in data["missions"]}
            assert len(data["units"]) >= 8
        await act(centre, mission_id, "acknowledge")
        await act(centre, mission_id, "triage", triage="II", reason="面色苍白")
        async with centre.stream("GET", "/v1/stream", headers={"Last-Event-ID": last_id}) as s:
            lines = s.aiter_lines()
            first = await _next(lines)
            second = await _next(lines)
            await act(centre, mission_id, "depart")
            third = await _next(lines)
        assert [first[0], second[0], third[0]] == ["MissionAcknowledged", "MissionTriaged", "UnitDeparted"]
        assert second[2]["data"]["reason"] == "面色苍白"
        async with centre.stream("GET", "/v1/stream", headers={"Last-Event-ID": "bm9uc2Vuc2U"}) as s:
            lines = s.aiter_lines()
            assert (await _next(lines))[0] == "reset"
            assert (await _next(lines))[0] == "snapshot"
        await act(centre, mission_id, "end", outcome="cancelled_enroute")


async def _next(lines: AsyncIterator[str]) -> tuple[str, str, dict[str, Any]]:
    """The next event of a stream: name, id, data."""
    name = last_id = data = ""
    async with asyncio.timeout(stretched(30)):
        async for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("id: "):
                last_id = line.removeprefix("id: ")
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")
            elif not line and name:
                return name, last_id, json.loads(data)
    raise AssertionError("the stream ended")


async def test_nobody_waits_for_ever_when_the_last_unit_is_busy(stage: EmsStage) -> None:
    """With no unit free a mission waits, and is assigned by itself as soon as one becomes available."""
    async with stage.client() as centre:
        units = [u["unit_id"] for u in (await centre.get("/v1/units")).json()["items"]]
        for unit in units:
            await centre.post(f"/v1/units/{unit}/commands?wait=30", json={"command": "out_of_service"})
        mission_id = await stage.open_incident(11)
        waiting = await mission_where(centre, mission_id, lambda m: m["state"] == "waiting")
        assert {c["excluded_because"] for c in waiting["candidates"]} == {"out_of_service"}
        back = await centre.post(f"/v1/units/{units[0]}/commands?wait=30", json={"command": "available"})
        assert [e["type"] for e in back.json()["events"]] == ["UnitStateChanged", "UnitAssigned"]
        found = await mission_where(centre, mission_id, lambda m: m["state"] == "assigned")
        assert found["unit_id"] == units[0]
        await act(centre, mission_id, "end", outcome="cancelled_before")
        for unit in units[1:]:
            await centre.post(f"/v1/units/{unit}/commands?wait=30", json={"command": "available"})
