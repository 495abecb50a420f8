"""Calls from the outside: receipts, refusals, flags, kinds and plans of the table, what a caller is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.contract import Outside
from tests.support import tocsin
from tocsin.cli.deployment import Deployment

KINDS: list[tuple[str, str, str, int, str, str]] = [
    ("119", "居民楼三楼厨房起火了，火苗窜出窗户", "fire.building", 1, "fire", "police 120"),
    ("119", "省道上一辆货车自燃了，车头在冒火", "fire.vehicle", 1, "fire", "traffic"),
    ("122", "两车相撞，司机卡在驾驶室里出不来", "traffic.trapped", 1, "traffic", "fire 120 police"),
    ("122", "有车停在我家车库门口挡住了，请帮忙挪车", "traffic.obstruct", 4, "traffic", ""),
    ("110", "我被人在网上骗了五万块钱，刚刚转账出去", "crime.fraud", 2, "police", ""),
    ("120", "我爸突然胸口剧痛，喘不上气，出冷汗", "medical.cardiac", 1, "120", ""),
    ("119", "化工厂氨气泄漏，味道很刺鼻", "hazmat.leak", 1, "fire", "police 120 ecology"),
    ("110", "防洪堤要溃堤了", "flood.dyke", 1, "command", "fire police"),
    ("12345", "整条街都停电了，什么时候来电", "utility.power", 3, "power", ""),
    ("12345", "工地拖欠农民工工资三个月", "service.labour", 4, "hr", ""),
    ("110", "嗯那个就是这个样子的", "unknown", 2, "command", "police"),
]


@pytest.fixture(scope="module")
def outside(county: Deployment) -> Outside:
    """The county with this file's own ids and places."""
    return Outside(county, "cc", 29.24)


def test_a_receipt_and_its_repeats(outside: Outside) -> None:
    """202 with its keys; the same JSON again is the same answer; another body under the id is 409."""
    given = outside.fresh()
    first = outside.post("110", "两个邻居吵架", **given)
    assert first.status_code == 202
    receipt = first.json()
    assert {"call_id", "region", "durability", "recorded_at", "progress_code"} <= receipt.keys()
    assert (receipt["call_id"], receipt["region"], receipt["durability"]) == (given["call_id"], "430921", "log")
    assert outside.post("110", "两个邻居吵架", **given).json() == receipt
    other = outside.post("110", "另一件事", **given)
    assert (other.status_code, other.json()["code"]) == (409, "call_id_conflict")
    assert other.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422), (b"[]", 422), (b"{}", 422), (b'{"line":"110"}', 422), (b'{"line":"911","text":"x"}', 422),
        (b'{"line":"110","text":7}', 422), (b'{"line":"110","text":""}', 422),
        (b'{"line":"110","text":"x","location":{"point":{"lon":NaN,"lat":1}}}', 422),
        (json.dumps({"line": "110", "text": "火" * 22_000}).encode(), 413), (b" " * 1_048_577, 413),
    ],
)  # fmt: skip
def test_what_is_refused(outside: Outside, body: bytes, status: int) -> None:
    """422 with an entry per bad field, 413 for what is too large; problem documents with a code."""
    with outside.county.client("intake", "admin") as http:
        answer = http.post("/v1/calls", content=body)
    assert answer.status_code == status
    assert answer.json()["code"]
    assert status != 422 or answer.json()["errors"][0].keys() >= {"field", "message"}


@pytest.mark.parametrize(
    ("more", "flag"),
    [
        ({"location": {"point": {"lon": 28.98, "lat": 112.37, "crs": "WGS84"}}}, "point_invalid"),
        ({"location": {"point": {"lon": 912.0, "lat": 28.9, "crs": "WGS84"}}}, "point_invalid"),
        ({"rang_at": "2099-01-01T00:00:00+08:00"}, "time_impossible"),
        ({"region": "999999", "location": None}, "region_unknown"),
        ({"operator": "a\ud800b\x00"}, "text_repaired"),
    ],
)
def test_what_is_flagged_and_not_refused(outside: Outside, more: dict[str, Any], flag: str) -> None:
    """A bad position, time, region or text bounces nobody."""
    body = {k: v for k, v in {"line": "110", "text": "有人吵架", **outside.fresh(), **more}.items() if v is not None}
    with outside.county.client("intake", "call_taker") as http:
        answer = http.post("/v1/calls", content=json.dumps(body).encode())
    assert answer.status_code == 202
    assert flag in answer.json()["flags"]
    assert flag in outside.recorded(body["call_id"])["flags"]


def test_the_table_of_kinds(outside: Outside) -> None:
    """Kind, priority, lead and joint agencies as tabled; `evaluate-calls` says the same without Kafka."""
    bodies = []
    for line, text, *_ in KINDS:
        body = {"line": line, "text": text, **outside.fresh()}
        bodies.append(body)
        assert outside.post(**body).status_code == 202
    file = Path(outside.county.data_dir) / "contract-kinds.ndjson"
    file.write_text("".join(json.dumps(b, ensure_ascii=False) + "\n" for b in bodies))
    offline = [json.loads(row) for row in tocsin("evaluate-calls", str(file)).stdout.splitlines()]
    for body, judged, (_, _, kind, priority, lead, joint) in zip(bodies, offline, KINDS, strict=True):
        call = outside.recorded(body["call_id"])
        incident = outside.incident(call["incident_ids"][0])
        by_role = {r: {t["agency"] for t in incident["tasks"] if t["role"] == r} for r in ("lead", "joint")}
        assert (call["kind"], call["priority"]) == (kind, priority)
        assert by_role == {"lead": {f"nanxian-{lead}"}, "joint": {f"nanxian-{j}" for j in joint.split()}}
        assert judged.keys() >= {"call_id", "kind", "priority", "classes", "human", "escalated"}
        assert (judged["call_id"], judged["kind"], judged["priority"]) == (body["call_id"], kind, priority)


def test_danger_on_the_hotline_is_urgent(outside: Outside) -> None:
    """Words of danger leave the working-day queue at once."""
    call = outside.call("12345", "楼顶有人要跳楼，快点")
    incident = outside.incident(call["incident_ids"][0])
    assert (call["kind"], call["priority"]) == ("rescue.suicide", 1)
    assert "escalated" in incident["flags"]


def test_a_silent_call_is_called_back_before_a_person_closes_it(outside: Outside) -> None:
    """In review until then, wherever the telephone is; afterwards no incident, and closed."""
    call = outside.call("110")
    assert (call["kind"], call["status"]) == ("invalid.silent", "review")
    incident = outside.incident(call["incident_ids"][0])
    assert incident["tasks"] == []
    assert "callback" in {c["clock"] for c in incident["clocks"]}
    on = ("calls", call["call_id"])
    assert outside.refused(*on, "close_call", role="call_taker", reason="silent") == "callback_required"
    assert "CallBackRecorded" in outside.said(*on, "call_back", role="call_taker", result="no_answer")
    assert "CallClosed" in outside.said(*on, "close_call", role="call_taker", reason="silent")
    after = outside.recorded(call["call_id"])
    assert (after["status"], after["disposition"]) == ("decided", "no_incident")


def test_who_takes_calls(outside: Outside) -> None:
    """401 without a token, 403 for the wrong role whatever the body, before anything is looked up."""
    assert outside.post("110", "有人吵架", role="nobody").status_code == 401
    for line, right in (("110", "call_taker"), ("120", "ems_dispatcher"), ("12345", "hotline")):
        for role in {"call_taker", "ems_dispatcher", "hotline", "auditor", "monitor", "nanxian-police"} - {right}:
            assert outside.post(line, "有人吵架", role=role).status_code == 403
    assert outside.post("110", role="monitor", location=None, caller=None).status_code == 403
    assert outside.act("incidents", "430921-20200101-000001", "note", role="monitor", text="x").status_code == 403
    assert outside.act("incidents", "430921-20200101-000001", "note", role="call_taker", text="x").status_code == 404


def test_the_door_shows_what_the_readers_show(outside: Outside) -> None:
    """Whoever sees an incident in the notifier sees its call at intake and may act there; nobody else is told of it."""
    roles = ("call_taker", "hotline", "ems_dispatcher", "commander", "supervisor", "nanxian-fire", "nanxian-amb-01")
    for line, text in (("110", "两个邻居在吵架"), ("12345", "路灯坏了没人修")):
        call = outside.call(line, text)
        (incident,) = call["incident_ids"]
        outside.incident(incident)
        for role in roles:
            with outside.county.client("notifier", role) as http:
                seen = http.get(f"/v1/incidents/{incident}").status_code
            with outside.county.client("intake", role) as http:
                assert http.get(f"/v1/calls/{call['call_id']}").status_code == seen, (line, role)
            if role != "nanxian-amb-01":
                assert outside.act("incidents", incident, "note", role=role, text="x").status_code == seen


def test_a_batch_answers_line_by_line(outside: Outside) -> None:
    """200; a line an input line, in order, each with its status and its id or code."""
    body = {"line": "12345", "text": "路灯坏了", **outside.fresh()}
    lines = [json.dumps(body), "{bad", json.dumps(body), json.dumps(body | {"text": "别的"}), '{"line":"999"}']
    with outside.county.client("intake", "hotline") as http:
        answer = http.post("/v1/calls:batch", content="\n".join(lines).encode())
    rows = [json.loads(row) for row in answer.text.splitlines()]
    assert [(r["line"], r["status"]) for r in rows] == [(1, 202), (2, 422), (3, 202), (4, 409), (5, 422)]
    assert rows[0]["call_id"] == rows[2]["call_id"] == body["call_id"]
    assert rows[3]["code"] == "call_id_conflict"


def test_a_caller_follows_and_rates_the_matter(outside: Outside) -> None:
    """Progress needs the code and no sign-in; so does the rating: once, and a second one is not taken in silence."""
    receipt = outside.post("12345", "小区路灯不亮").json()
    outside.recorded(receipt["call_id"])
    with outside.county.client("intake", "nobody") as http:
        path, code = f"/v1/progress/{receipt['call_id']}", {"code": receipt["progress_code"]}
        shown = http.get(path, params=code).json()
        assert {"steps", "limits", "outcome"} <= shown.keys()
        assert {"recorded", "opened", "routed"} <= {s["step"] for s in shown["steps"]}
        assert http.get(path, params={"code": "wrong"}).status_code == 404
        rated = http.post(f"{path}/rating", params=code | {"wait": "30"}, json={"score": 5})
        again = http.post(f"{path}/rating", params=code | {"wait": "30"}, json={"score": 5})
        other = [
            http.post(f"{path}/rating", params=code | {"wait": "30"}, json=said)
            for said in ({"score": 1}, {"score": 5, "text": "谢谢"})
        ]
    assert [e["type"] for e in rated.json()["events"]] == ["Rated"]
    assert again.json() == rated.json()
    assert [(r.status_code, r.json()["code"]) for r in other] == [(409, "illegal_step")] * 2


def test_exercises_stay_apart(outside: Outside) -> None:
    """The same fire as an exercise is an incident of its own, and is never linked to the live one."""
    here = outside.fresh()["location"]
    live = outside.call("119", "仓库着火了，浓烟滚滚", location=here)
    drill = outside.call("119", "仓库着火了，浓烟滚滚", location=here, exercise=True)
    more = outside.call("119", "仓库着火了，烟很大", location=here)
    assert more["incident_ids"] == live["incident_ids"] != drill["incident_ids"]
    assert more["disposition"] == "linked"
    code = outside.refused("incidents", live["incident_ids"][0], "link_call", call_id=drill["call_id"])
    assert code == "illegal_step"
