"""Intake over a real broker: what is answered is safe, and said once, whichever replica is asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.integration.intake_stage import FIRE, IntakeStage
from tests.support import eventually, free_ports
from tocsin.broker import EmbeddedKafka
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.values import Understanding
from tocsin.outcomes import CommandRefused
from tocsin.place import Place

pytestmark = pytest.mark.broker
CALL = {
    "line": "119", "caller": {"number": "13800001234", "name": "王某"}, "text": "茅草街镇新街口着火了，有人被困",
    "location": {"address": "茅草街镇新街口红砖小楼", "point": {"lon": 112.37, "lat": 28.98}},
}  # fmt: skip


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of this module's own."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), free_ports(8)) as broker:
        yield broker


@pytest.fixture
async def stage(kafka: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[IntakeStage]:
    """Two replicas of intake."""
    stage = IntakeStage(kafka, tmp_path, replicas=2)
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()


def named(request: pytest.FixtureRequest, n: int = 0) -> str:
    """A call id of this test's own: the broker's log outlives the test."""
    return f"{request.node.name[:40].replace('[', '.').replace(']', '')}-{n}"


async def test_invariant_1_a_202_is_on_the_log_and_sealed(stage: IntakeStage, request: pytest.FixtureRequest) -> None:
    """When the 202 comes, the call is on the log, in its region's partition, and no word of the caller with it."""
    call_id = named(request)
    r = await stage.post("/v1/calls", CALL | {"call_id": call_id})
    assert r.status_code == 202
    assert r.json()["durability"] == "log"
    found = [(rec, cmd) for rec, cmd in await stage.on_log() if cmd.command_id == f"call:{call_id}"]
    assert len(found) == 1
    record, command = found[0]
    assert record.key == b"430921"
    assert isinstance(command.data, c.RecordCall)
    assert dict(record.headers)["tocsin_line"] == b"119"
    assert dict(record.headers)["ce_type"] == b"cn.tocsin.RecordCall.v1"
    for word in ("13800001234", "王某", "红砖小楼", "着火"):
        assert word.encode() not in (record.value or b"")


async def test_the_same_id_has_the_first_answer_on_every_replica_and_after_a_restart(
    stage: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """Equal JSON under a known id: the first answer again, recorded_at included, and nothing twice on the log."""
    call_id = named(request)
    first = await stage.post("/v1/calls", CALL | {"call_id": call_id})
    reordered = json.dumps({"call_id": call_id} | dict(reversed(CALL.items())), indent=2).encode()
    # Asked for it, the other replica has read as far as the log goes; unasked, it may be a moment behind, and what it
    # then sends again is known as a repeat by the owner.
    assert (await stage.get(f"/v1/calls/{call_id}", slot=1)).status_code == 200
    assert (await stage.post("/v1/calls", reordered, slot=1)).json() == first.json()
    assert stage.end(1) == 0
    (stage.folder / "intake-1.db").unlink()
    await stage.start(1)
    assert (await stage.post("/v1/calls", reordered, slot=1)).json() == first.json()
    conflict = await stage.post("/v1/calls", CALL | {"call_id": call_id, "text": "另一件事"}, slot=1)
    assert conflict.status_code == 409
    assert conflict.json()["code"] == "call_id_conflict"
    assert [x.command_id for _, x in await stage.on_log()].count(f"call:{call_id}") == 1


async def test_one_id_sent_at_once_to_all_replicas_has_one_answer(
    stage: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """Twenty equal posts in the same moment to two replicas: one answer; a different one among them: one winner."""
    same = CALL | {"call_id": named(request)}
    answers = await asyncio.gather(*(stage.post("/v1/calls", same, slot=i % 2) for i in range(20)))
    assert {a.status_code for a in answers} == {202}
    assert len({a.text for a in answers}) == 1
    bodies = [CALL | {"call_id": named(request, 1), "text": f"第{i % 2}种说法"} for i in range(8)]
    mixed = await asyncio.gather(*(stage.post("/v1/calls", b, slot=i % 2) for i, b in enumerate(bodies)))
    assert sorted(a.status_code for a in mixed) == [202] * 4 + [409] * 4
    assert len({a.text for a in mixed if a.status_code == 202}) == 1


async def test_a_batch_answers_a_line_a_line_in_order(stage: IntakeStage, request: pytest.FixtureRequest) -> None:
    """Every line has its answer at its place: taken, repeated, in conflict, unreadable, another desk's."""
    one = CALL | {"call_id": named(request), "location": {"point": {"lon": 28.98, "lat": 112.37, "crs": "WGS84"}}}
    lines = [
        json.dumps(CALL), json.dumps(one), json.dumps(one), json.dumps(one | {"text": "x"}), "{", "",
        json.dumps(CALL | {"line": "12345"}), json.dumps(CALL | {"text": "x" * 70_000}),
    ]  # fmt: skip
    r = await stage.post("/v1/calls:batch", "\n".join(lines).encode() + b"\n")
    assert r.status_code == 200
    answers = [json.loads(x) for x in r.text.splitlines()]
    assert [a["line"] for a in answers] == list(range(1, 9))
    assert [a["status"] for a in answers] == [202, 202, 202, 409, 422, 422, 403, 413]
    assert answers[1]["call_id"] == answers[2]["call_id"] == one["call_id"]
    assert answers[1]["flags"] == ["point_invalid"]
    # Asked for it, the other replica has read as far as the log goes.
    assert (await stage.get(f"/v1/calls/{one['call_id']}", slot=1)).status_code == 200
    again = [
        json.loads(x) for x in (await stage.post("/v1/calls:batch", json.dumps(one).encode(), slot=1)).text.splitlines()
    ]
    assert again == [answers[1] | {"line": 1}], "the first answer again, its flags too"
    assert [x.command_id for _, x in await stage.on_log()].count(f"call:{one['call_id']}") == 1
    assert (await stage.post("/v1/calls:batch", b"{}\n" * 10_001)).status_code == 413


async def test_a_call_is_there_from_the_202_on_and_waits_for_its_decision(
    stage: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """GET answers at once on any replica; `?wait=` comes back when the decision is on the log."""
    call_id = named(request)
    await stage.post("/v1/calls", CALL | {"call_id": call_id})
    shown = (await stage.get(f"/v1/calls/{call_id}", slot=1)).json()
    assert shown["status"] == "recorded"
    assert shown["call"]["caller"]["number"] == "138****1234"
    assert shown["call"]["text"] == CALL["text"]
    record = next(x.data.call for _, x in await stage.on_log() if x.command_id == f"call:{call_id}")
    waiting = asyncio.create_task(stage.get(f"/v1/calls/{call_id}?wait=30", slot=1))
    u = Understanding(kind="fire.building", priority=1)
    opened = e.IncidentOpened(call_id=call_id, kind="fire.building", priority=1, place=Place(region="430921"))
    incident = "430921-20260405-000101"
    await stage.decide(
        f"call:{call_id}", "430921", incident,
        e.CallRecorded(call=record, understanding=u, incident_ids=[incident]), opened,
    )  # fmt: skip
    decided = (await waiting).json()
    assert decided["status"] == "decided"
    assert decided["disposition"] == "opened"
    assert decided["incident_ids"] == [incident]
    assert (decided["kind"], decided["priority"]) == ("fire.building", 1)


async def test_an_act_has_its_outcome_and_a_repeat_has_the_same(
    stage: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """Waiting gives 200 with the events or 409 with the code; without, 202 and a page of its own; repeats repeat."""
    incident, task = "430921-20260405-000102", "430921-20260405-000102-T1"
    await stage.decide(
        "call:x", "430921", incident,
        e.IncidentOpened(call_id="x", kind="fire.building", priority=1, place=Place(region="430921")),
        e.TaskRouted(task_id=task, agency=FIRE, agency_class="fire", role="lead"),
    )  # fmt: skip
    ok, no = named(request, 1), named(request, 2)
    sending = asyncio.create_task(
        stage.post(
            f"/v1/tasks/{task}/commands?wait=30", {"command": "acknowledge", "command_id": ok}, role="dispatcher"
        )
    )
    await eventually(lambda: _sent(stage, ok))
    await stage.decide(
        ok, "430921", incident, e.TaskAcknowledged(task_id=task, agency=FIRE), version=3, by="dispatcher"
    )
    accepted = await sending
    assert accepted.status_code == 200
    assert accepted.json()["outcome"] == "accepted"
    assert accepted.json()["version"] == 3
    assert [x["type"] for x in accepted.json()["events"]] == ["TaskAcknowledged"]
    act = {"command": "complete", "command_id": no, "result": ""}
    pending = await stage.post(f"/v1/tasks/{task}/commands", act, role="dispatcher")
    assert pending.status_code == 202
    assert pending.json()["outcome"] == "pending"
    assert (await stage.get(f"/v1/commands/{no}", slot=1)).json()["outcome"] == "pending"
    refusal = CommandRefused(command="complete", target=task, code="result_required", detail="What was done?")
    await stage.decide(no, "430921", incident, refusal, version=4, by="dispatcher")
    refused = await stage.get(f"/v1/commands/{no}?wait=30", slot=1)
    assert (refused.json()["outcome"], refused.json()["code"]) == ("refused", "result_required")
    again = await stage.post(f"/v1/tasks/{task}/commands?wait=1", act, role="dispatcher", slot=1)
    assert again.status_code == 409
    assert again.json()["code"] == "result_required"
    another = await stage.post(f"/v1/tasks/{task}/commands", act, role="commander")
    assert (another.status_code, another.json()["code"]) == (409, "command_id_conflict"), "an id is its sender's"
    assert (
        await stage.post(
            f"/v1/tasks/{task}/commands?wait=1", {"command": "acknowledge", "command_id": ok}, role="dispatcher"
        )
    ).json()["events"] == accepted.json()["events"]
    assert [x.command_id for _, x in await stage.on_log()].count(ok) == 1


async def _sent(stage: IntakeStage, command_id: str) -> bool:
    return any(x.command_id == command_id for _, x in await stage.on_log())


async def test_words_of_an_act_are_sealed_under_its_incident(
    stage: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """A note's words do not stand on the log; a corrected place has been looked up; the actor is the token's."""
    incident = "430921-20260405-000103"
    opened = e.IncidentOpened(call_id="y", kind="fire.building", priority=1, place=Place(region="430921"))
    await stage.decide("call:y", "430921", incident, opened)
    note, place = named(request, 1), named(request, 2)
    r = await stage.post(
        f"/v1/incidents/{incident}/commands", {"command": "note", "text": "邻居有钥匙", "command_id": note}
    )
    assert r.status_code == 202
    location = {"point": {"lon": 112.37, "lat": 28.98}, "address": "茅草街镇"}
    r = await stage.post(
        f"/v1/incidents/{incident}/commands",
        {
            "command": "correct_location",
            "location": location,
            "reason": "x",
            "command_id": place,
            "place": {"region": "1"},
        },
    )
    assert r.status_code == 202
    sent = {x.command_id: x for _, x in await stage.on_log()}
    assert sent[note].data.text.startswith(f"~{incident}~")
    assert sent[note].actor.role == "call_taker"
    assert sent[note].actor.counts
    assert sent[place].data.place.region == "430921"
    assert sent[place].data.location.address.startswith("~")


@pytest.mark.parametrize(
    ("path", "body", "role", "status"),
    [
        ("/v1/incidents/430921-20260405-999999/commands", {"command": "note", "text": "x"}, "call_taker", 404),
        ("/v1/tasks/430921-20260405-999999-T1/commands", {"command": "accept"}, "dispatcher", 404),
        ("/v1/tasks/nonsense/commands", {"command": "accept"}, "dispatcher", 404),
        ("/v1/calls/nobody/commands", {"command": "close_call", "reason": "test"}, "call_taker", 404),
        ("/v1/incidents/430921-20260405-000101/commands", {"command": "fly"}, "call_taker", 422),
        ("/v1/incidents/430921-20260405-000101/commands", {"command": "fire_clock"}, "call_taker", 422),
        (
            "/v1/incidents/430921-20260405-000101/commands",
            {"command": "set_priority", "priority": 9},
            "call_taker",
            422,
        ),
        (
            "/v1/incidents/430921-20260405-000101/commands",
            {"command": "note", "text": "x", "command_id": "call:1"},
            "admin",
            422,
        ),
        ("/v1/incidents/430921-20260405-000101/commands", [], "call_taker", 422),
        ("/v1/incidents/430921-20260405-000101/commands?wait=x", {"command": "note", "text": "x"}, "call_taker", 422),
        ("/v1/calls", CALL | {"line": "12345"}, "call_taker", 403),
        ("/v1/calls", CALL | {"line": "120"}, "hotline", 403),
        ("/v1/calls", CALL, "monitor", 403),
        ("/v1/calls:batch", CALL, "auditor", 403),
        ("/v1/calls", CALL | {"line": "12345"}, "commander", 202),
        ("/v1/calls", CALL | {"line": "120"}, "ems_dispatcher", 202),
    ],
)
async def test_each_refusal_has_its_status(door: IntakeStage, path, body, role, status) -> None:
    """Unknown targets, wrong roles and unusable fields are refused, each with its status and a code."""
    r = await door.post(path, body, role=role)
    assert r.status_code == status, r.text
    if status >= 400:
        assert r.json()["code"]
        assert r.headers["content-type"] == "application/problem+json"


@pytest.fixture
async def door(running_door: IntakeStage) -> AsyncIterator[IntakeStage]:
    """One replica for many short questions, with a client of this test's own loop."""
    running_door.http = httpx.AsyncClient(timeout=90)
    yield running_door
    await running_door.http.aclose()


@pytest.fixture(scope="module")
def running_door(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeStage]:
    """The replica's process."""
    stage = IntakeStage(kafka, tmp_path_factory.mktemp("door"))
    try:
        with asyncio.Runner() as runner:
            runner.run(_open_and_let_go(stage))
        yield stage
    finally:
        for slot in list(stage.processes):
            stage.end(slot)


async def _open_and_let_go(stage: IntakeStage) -> None:
    await stage.open()
    await stage.producer.stop()
    await stage.http.aclose()


async def test_without_a_token_nothing_is_taken(door: IntakeStage) -> None:
    """401 without a token or with a forged one; health, metrics and the document are open."""
    r = await door.http.post(door.url(0, "/v1/calls"), json=CALL)
    assert r.status_code == 401
    r = await door.http.post(door.url(0, "/v1/calls"), json=CALL, headers={"Authorization": "Bearer a.b.c"})
    assert r.status_code == 401
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert (await door.http.get(door.url(0, path))).status_code == 200


async def test_only_answers_that_can_be_are_counted(door: IntakeStage, request: pytest.FixtureRequest) -> None:
    """Impossible times and exercises are no figure of how soon a line is answered; a call without times is none."""

    async def counted() -> float:
        shown = (await door.http.get(door.url(0, "/metrics"))).text
        return sum(
            float(r.split()[-1]) for r in shown.splitlines() if r.startswith('tocsin_answer_seconds_count{line="122"')
        )

    now = datetime.now(UTC)
    rang, answered = now.isoformat(), (now + timedelta(seconds=9)).isoformat()
    before = await counted()
    for n, more in enumerate((
        {"rang_at": answered, "answered_at": rang},
        {"rang_at": "1999-01-01T00:00:00Z", "answered_at": "1999-01-01T00:00:01Z"},
        {"rang_at": rang, "answered_at": answered, "exercise": True},
        {"rang_at": rang},
        {"rang_at": rang, "answered_at": answered},
    )):  # fmt: skip
        call = {"line": "122", "text": "追尾", "call_id": named(request, n)} | more
        assert (await door.post("/v1/calls", call)).status_code == 202
    assert await counted() == before + 1


async def test_the_caller_sees_the_own_progress_and_rates_once(
    door: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """The code of the 202 opens the call's progress without signing in; another code is a 404; a score is 1 to 5."""
    call_id = named(request)
    code = (await door.post("/v1/calls", CALL | {"call_id": call_id})).json()["progress_code"]
    shown = await door.get(f"/v1/progress/{call_id}?code={code}", role="")
    assert shown.status_code == 200
    assert shown.json()["steps"][0]["step"] == "recorded"
    assert "13800001234" not in shown.text
    assert (await door.get(f"/v1/progress/{call_id}?code=wrong", role="")).status_code == 404
    assert (await door.get(f"/v1/progress/{call_id}", role="")).status_code == 404
    url = door.url(0, f"/v1/progress/{call_id}/rating?code={code}")
    assert (await door.http.post(url, json={"score": 6})).status_code == 422
    assert (await door.http.post(url, json={"score": 5, "text": "谢谢"})).status_code == 202
