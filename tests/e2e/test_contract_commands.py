"""The command table from the outside: what each act leads to, its refusals, its repeats, and limits in time."""

import re

import pytest

from tests.e2e.contract import Outside
from tests.support import advance, eventually_sync, tocsin_json
from tocsin.cli.deployment import Deployment

DESK = "call_taker"


@pytest.fixture(scope="module")
def outside(county: Deployment) -> Outside:
    """The county with this file's own ids and places."""
    return Outside(county, "cm", 29.12)


def _task(outside: Outside, line: str, text: str) -> tuple[str, str]:
    incident = outside.call(line, text)["incident_ids"][0]
    assert re.fullmatch(r"430921-\d{8}-\d{6}", incident)
    return incident, f"{incident}-T1"


def test_a_task_from_routing_to_the_closed_incident(outside: Outside) -> None:
    """Forward only, by whoever holds it, with a result; closed when all is done and the caller is told."""
    incident, task = _task(outside, "110", "两个邻居吵架闹得不可开交")
    police, on = {"role": "nanxian-police"}, ("tasks", task)
    assert outside.refused(*on, "acknowledge", role="nanxian-fire") == "not_your_task"
    assert "TaskAcknowledged" in outside.said(*on, "acknowledge", **police)
    assert outside.refused(*on, "acknowledge", **police) == "illegal_step"
    assert "TaskAccepted" in outside.said(*on, "accept", **police)
    assert "UnitsDispatched" in outside.said(*on, "dispatch_unit", **police, unit_ids=["p-1"])
    assert "TaskArrived" in outside.said(*on, "arrive", **police)
    assert "TaskFeedback" in outside.said(*on, "feedback", **police, stage="arrival", text="到场")
    assert outside.refused("incidents", incident, "close", role=DESK) == "task_open"
    assert outside.refused(*on, "complete", **police) == "result_required"
    assert "TaskCompleted" in outside.said(*on, "complete", **police, disposition="handled", result="已调解")
    assert outside.refused(*on, "cancel", role=DESK, reason="x") == "too_late"
    assert outside.refused("incidents", incident, "close", role=DESK) == "caller_not_told"
    assert outside.said("incidents", incident, "inform_caller", role=DESK, result="told") == ["CallerInformed"]
    assert "IncidentClosed" in outside.said("incidents", incident, "close", role=DESK, disposition="handled")
    assert outside.refused("incidents", incident, "reopen", role=DESK) == "reason_required"
    assert "IncidentReopened" in outside.said("incidents", incident, "reopen", role=DESK, reason="又吵了")


def test_a_command_is_decided_once_and_counts_versions(outside: Outside) -> None:
    """A repeated id repeats its answer, also of a refusal; versions count acts of people and agencies alone."""
    incident, task = _task(outside, "110", "早上起来发现电动车昨晚被偷了")
    police = {"role": "nanxian-police"}
    first = outside.act("tasks", task, "acknowledge", **police, command_id=f"{task}:a")
    assert outside.act("tasks", task, "acknowledge", **police, command_id=f"{task}:a").json() == first.json()
    no = outside.act("tasks", task, "acknowledge", **police, command_id=f"{task}:b")
    assert outside.act("tasks", task, "acknowledge", **police, command_id=f"{task}:b").json() == no.json()
    with outside.county.client("intake", DESK, seconds=30) as http:
        pending = http.post(f"/v1/tasks/{task}/commands", json={"command": "accept", "command_id": f"{task}:c"})
        assert (pending.status_code, pending.json()["outcome"]) == (202, "pending")
        found = http.get(f"/v1/commands/{task}:c", params={"wait": 15}).json()
    assert found["outcome"] == "accepted"
    assert outside.refused("incidents", incident, "note", text="x", expected_version=1) == "version_conflict"
    assert outside.said("incidents", incident, "note", text="x", expected_version=found["version"]) == ["NoteAdded"]


def test_acts_on_the_file(outside: Outside) -> None:
    """Corrections need a reason; what is missing is asked once; a position that is none replaces nothing."""
    incident, task = _task(outside, "110", "楼下烧烤摊半夜放音响，吵得睡不着")
    on = ("incidents", incident)
    for name, body in (
        ("reclassify", {"kind": "crime.reported"}), ("set_priority", {"priority": 2}),
        ("correct_location", {"location": {"address": "茅草街镇新街口"}}),
    ):  # fmt: skip
        assert outside.refused(*on, name, role=DESK, **body) == "reason_required"
        assert outside.act(*on, name, role=DESK, reason="听错了", **body).status_code == 200
    bad = outside.act(*on, "correct_location", reason="x", location={"point": {"lon": 912, "lat": 29, "crs": "WGS84"}})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "location.point")
    assert "TaskRouted" in outside.said(*on, "route", role=DESK, agency="nanxian-water")
    assert "InformationRequested" in outside.said(*on, "request_information", role=DESK, missing=["照片"])
    assert outside.refused(*on, "request_information", role=DESK, missing=["照片"]) == "already_asked"
    assert outside.said(*on, "supervise", role="supervisor", reason="领导批示") == ["SupervisionOrdered"]
    assert outside.refused("tasks", task, "pause", role="nanxian-police") == "reason_required"
    assert outside.refused("tasks", task, "cancel", role=DESK) == "reason_required"
    assert "TaskCancelled" in outside.said("tasks", task, "cancel", role=DESK, reason="不用去了")


def test_calls_move_between_incidents(outside: Outside) -> None:
    """Linked, unlinked, merged and split, a call says which incident it is in now; regions are never crossed."""
    a, b = outside.call("119", "厨房起火了，火很大"), outside.call("119", "一栋楼着火了，冒烟")
    (ia,), (ib,) = a["incident_ids"], b["incident_ids"]
    on = ("incidents", ia)
    assert outside.refused(*on, "link_call", call_id="nope") == "cross_region"
    assert outside.refused(*on, "unlink_call", call_id=b["call_id"]) == "not_linked"
    assert outside.refused(*on, "merge", into="430623-20260405-000001") == "cross_region"
    abroad = outside.call("110", "有人吵架", location=None, region="999999")
    assert outside.refused(*on, "split", call_ids=[abroad["call_id"]]) == "cross_region"
    assert outside.said(*on, "relate", to="430623-20260405-000001") == ["IncidentsRelated"]
    assert "CallLinked" in outside.said(*on, "link_call", call_id=b["call_id"])
    assert outside.recorded(b["call_id"])["incident_ids"] == [ia]
    assert (outside.incident(ib, 2)["state"], outside.incident(ib)["merged_into"]) == ("merged", ia)
    said = outside.said(*on, "unlink_call", call_id=b["call_id"])
    assert {"CallUnlinked", "IncidentOpened"} <= set(said)
    (alone,) = outside.recorded(b["call_id"])["incident_ids"]
    assert alone not in (ia, ib)
    assert "IncidentMerged" in outside.said("incidents", alone, "merge", into=ia)
    assert outside.recorded(b["call_id"])["incident_ids"] == [ia]
    assert "IncidentSplit" in outside.said(*on, "split", call_ids=[b["call_id"]])
    assert outside.recorded(b["call_id"])["incident_ids"] == [alone], "a split undoes the merge"


def test_transfers_end_at_the_command_centre(outside: Outside) -> None:
    """The giver holds it until the taker accepts; declining leaves it; the third goes to nanxian-command."""
    incident, task = _task(outside, "12345", "低保怎么申请")
    giver, taker = {"role": "nanxian-civil-affairs"}, {"role": "nanxian-hr"}
    assert outside.said("tasks", task, "transfer", **giver, to="nanxian-hr", reason="不归我") == ["TransferOffered"]
    assert outside.refused("tasks", task, "decline", role="nanxian-fire") == "not_your_task"
    assert outside.said("tasks", task, "decline", **taker, reason="也不归我") == ["TransferDeclined"]
    outside.said("tasks", task, "transfer", **giver, to="nanxian-hr", reason="归你")
    assert "TaskTransferred" in outside.said("tasks", task, "accept", **taker)
    last = f"{incident}-T2"
    assert "TaskTransferred" in outside.said("tasks", last, "transfer", **taker, to="nanxian-education", reason="x")
    with_centre = [t for t in outside.incident(incident, 20)["tasks"] if t["state"] == "routed"]
    assert [t["held_by"] for t in with_centre] == ["nanxian-command"]


def test_returns_are_ruled_on(outside: Outside) -> None:
    """The first receiver grants or refuses with a reason; after a second return the command centre rules."""
    incident, task = _task(outside, "12345", "路灯坏了好几天没人修")
    urban, hotline = {"role": "nanxian-urban"}, {"role": "hotline"}
    assert outside.said("tasks", task, "return", **urban, code="function") == ["ReturnRequested"]
    assert outside.refused("tasks", task, "refuse_return", **hotline) == "reason_required"
    assert outside.said("tasks", task, "refuse_return", **hotline, reason="就是你们") == ["ReturnRefused"]
    outside.said("tasks", task, "return", **urban, code="area")
    assert outside.refused("tasks", task, "grant_return", **hotline) == "not_your_task"
    assert "TaskReturned" in outside.said("tasks", task, "grant_return", role="nanxian-command", to="nanxian-power")
    assert outside.incident(incident, 8)["tasks"][0]["state"] == "returned"


def test_not_solved_opens_a_second_round_once(outside: Outside) -> None:
    """One level up, to the command centre; then no third."""
    incident, task = _task(outside, "12345", "小学入学报名条件是什么")
    on = ("incidents", incident)
    assert outside.refused(*on, "follow_up", role="hotline", solved=True) == "illegal_step"
    outside.said("tasks", task, "complete", role="nanxian-education", result="已答复")
    assert {"FollowedUp", "TaskRouted"} <= set(outside.said(*on, "follow_up", role="hotline", solved=False))
    outside.said("tasks", f"{incident}-T2", "complete", role="nanxian-command", result="已再答复")
    assert outside.said(*on, "follow_up", role="hotline", solved=False, satisfied=False) == ["FollowedUp"]


def test_limits_pass_by_time_alone_once(outside: Outside) -> None:
    """30 s to acknowledge, 60 s to call back, a working day to return; extension before the end only."""
    fire = outside.call("119", "学校宿舍起火了")["incident_ids"][0]
    silent = outside.call("110")["incident_ids"][0]
    theft = outside.call("110", "早上发现摩托车昨晚被偷了")["incident_ids"][0]
    order = outside.call("12345", "想申请法律援助")["incident_ids"][0]
    advance(outside.county, 31)
    advance(outside.county, 30)
    # Committed when the clock has moved; the notifier reads the log for itself.
    for incident, clock in ((fire, "acknowledge"), (silent, "callback")):
        eventually_sync(lambda i=incident, c=clock: c in _missed(outside, i), what=f"{clock} of {incident} is missed")
    missed = [(e["data"]["clock"], e["data"]["agency"]) for e in outside.history(fire) if e["type"] == "ClockMissed"]
    assert missed.count(("acknowledge", "nanxian-fire")) == 1
    assert all({"clock", "task_id", "agency", "due_at"} <= e["data"].keys()
               for e in outside.history(fire) if e["type"].startswith("Clock"))  # fmt: skip
    assert _missed(outside, silent).count("callback") == 1
    if outside.incident(theft)["lane"] == "urgent":
        assert outside.refused("tasks", f"{theft}-T1", "return", role="nanxian-police", code="area") == "too_late"
    due = next(c["due_at"] for c in outside.incident(order)["clocks"] if c["clock"] == "complete")
    assert outside.refused("tasks", f"{order}-T1", "extend_deadline", role="hotline", until=due) == "reason_required"


def _missed(outside: Outside, incident: str) -> list[str]:
    return [e["data"]["clock"] for e in outside.history(incident) if e["type"] == "ClockMissed"]


def test_the_log_holds(outside: Outside) -> None:
    """Replay gives the state the owners report, and every chain is whole."""
    where = ("--data-dir", outside.county.data_dir)
    replayed = tocsin_json("replay", "--verify", *where)
    assert {"events", "seconds", "events_per_second", "live_hash", "replayed_hash"} <= replayed.keys()
    assert replayed["identical"]
    assert tocsin_json("audit", "verify", *where)["intact"]
