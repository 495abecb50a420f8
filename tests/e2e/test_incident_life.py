"""Incident life over a running deployment: alarms of other centres, three-way, a policy exchanged live, exercises."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.contract import Outside
from tests.support import at_rest, eventually_sync, tocsin, tocsin_json
from tocsin.cli.deployment import Deployment
from tocsin.exchange import cap_structure

SAMPLE = Path(__file__).resolve().parents[2] / "policy" / "nanxian"
ALERT = """<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{id}</identifier><sender>centre@anxiang.example</sender><sent>2026-04-05T10:20:30+08:00</sent>
<status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>{more}</alert>"""
INFO = """<info><language>zh-CN</language><category>Fire</category><event>仓库起火</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Observed</certainty><headline>仓库着火，浓烟很大</headline>
<area><areaDesc>茅草街镇</areaDesc><circle>{lat},{lon} 0.05</circle></area></info>"""


@pytest.fixture(scope="module")
def outside(county: Deployment) -> Outside:
    """The county with this file's own ids and places."""
    return Outside(county, "il", 29.18)


def alert(outside: Outside, name: str, *, status: str = "Actual", kind: str = "Alert", more: str | None = None) -> Any:
    """The answer to a CAP alert at a place of its own."""
    at = outside.fresh()["location"]["point"]
    body = ALERT.format(id=name, status=status, kind=kind, more=INFO.format(**at) if more is None else more)
    with outside.county.client("intake", "call_taker") as http:
        return http.post("/v1/alerts", content=body.encode(), headers={"content-type": "application/cap+xml"})


def test_a_cap_alert_comes_in_once_and_goes_out_again(outside: Outside) -> None:
    """An alert is a relayed call with its sender's ids; again it is the same call; cancelled, its file says so."""
    first = alert(outside, "AX-1")
    assert first.status_code == 202, first.text
    call = outside.recorded(first.json()["call_id"])
    assert (call["kind"], call["call"]["channel"], call["call"]["line"]) == ("fire.building", "relay", "119")
    assert {"system": "centre@anxiang.example", "id": "AX-1"} in call["call"]["external_ids"]
    [incident] = call["incident_ids"]
    refers = "<references>centre@anxiang.example,AX-1,2026-04-05T10:20:30+08:00</references>"
    placeless = re.sub(
        "<area>.*</area>", "", INFO.replace("仓库着火，浓烟很大", "火势已扩大，有3人受伤"), flags=re.DOTALL
    )
    update = alert(outside, "AX-1b", kind="Update", more=refers + placeless)
    assert update.status_code == 202, update.text
    joined = outside.recorded(update.json()["call_id"])
    assert (joined["disposition"], joined["incident_ids"]) == ("linked", [incident]), "it names no place, but its alert"
    assert alert(outside, "AX-2", kind="Cancel", more=f"<note>误报</note>{refers}").status_code == 202

    def noted() -> bool:
        return any("误报" in str(e["data"].get("text")) for e in outside.history(incident))

    eventually_sync(noted, what="the cancellation in the file")
    assert outside.incident(incident)["state"] == "open", "nobody is called off by another centre's word"
    story = tocsin("explain", incident, "--data-dir", outside.county.data_dir).stdout
    assert "known as AX-1 at centre@anxiang.example" in story
    with outside.county.client("notifier", "commander") as http:
        out = http.get(f"/v1/incidents/{incident}/cap")
        assert cap_structure.faults(ET.fromstring(out.content)) == []  # noqa: S314 - our own output
        assert http.get(f"/v1/incidents/{incident}/eido").json()["eidoVersion"] == "1.0"


def test_bad_alerts_are_refused_and_leave_nothing(outside: Outside) -> None:
    """422 with the place of each fault, 404 for one nobody knows, 403 for who takes no calls; never a 5xx."""
    broken = alert(outside, "AX-3", more=INFO.format(lat=29.2, lon=112.3).replace("<urgency>Immediate</urgency>", ""))
    assert (broken.status_code, broken.json()["code"]) == (422, "cap_invalid")
    assert [e["field"] for e in broken.json()["errors"]] == ["alert.info.urgency"]
    assert alert(outside, "AX-4", status="Test").json()["code"] == "not_actionable"
    nobody = "<references>a,b,2026-04-05T10:20:30+08:00</references>"
    unknown = alert(outside, "AX-5", kind="Cancel", more=nobody)
    assert unknown.status_code == 404
    assert "'a,b'" in unknown.json()["detail"], "named as its sender does"
    with outside.county.client("intake", "nanxian-fire") as http:
        assert http.post("/v1/alerts", content=b"<alert/>").status_code == 403


def test_a_cancel_on_the_heels_of_its_alert_is_taken(outside: Outside) -> None:
    """Sent before the alert is decided: waited for, not taken for one that nobody knows."""
    for n in range(5):
        refers = f"<references>centre@anxiang.example,AH-{n},2026-04-05T10:20:30+08:00</references>"
        assert alert(outside, f"AH-{n}").status_code == 202
        taken = alert(outside, f"AHC-{n}", kind="Cancel", more=f"<note>误报</note>{refers}")
        assert taken.status_code == 202, taken.text


def test_three_way_and_the_outcome_that_flows_back(outside: Outside) -> None:
    """A hotline call brings 110 in; nobody else settles it; the police take it, and the hotline hears the result."""
    call = outside.call("12345", "楼下两家人为了车位天天吵，该找谁管", role="hotline")
    incident = call["incident_ids"][0]
    on = ("incidents", incident)
    assert "ThreeWayOpened" in outside.said(*on, "three_way", role="hotline", to="nanxian-police", reason="说不清")
    assert outside.refused(*on, "settle", role="hotline", agency="nanxian-police") == "illegal_step"
    assert outside.act(*on, "settle", role="nanxian-water", agency="nanxian-police").status_code == 404
    assert "ThreeWaySettled" in outside.said(*on, "settle", role="call_taker", agency="nanxian-police", reason="归我")
    view = outside.incident(incident)
    for task in [t for t in view["tasks"] if t["state"] not in ("transferred", "completed", "cancelled")]:
        outside.said("tasks", task["task_id"], "complete", result="已调解", disposition="handled")
    told = [e["data"] for e in outside.history(incident) if e["type"] == "OutcomeReturned"]
    assert {t["to"] for t in told} == {"nanxian-hotline"}
    assert "已调解" in {t["result"] for t in told}
    story = tocsin("explain", incident, "--data-dir", outside.county.data_dir).stdout
    assert re.search(r"ThreeWayOpened .*first=nanxian-hotline", story)
    assert re.search(r"OutcomeReturned .*to=nanxian-hotline", story)


def activated(directory: Path, county: Deployment, *options: str) -> str:
    """What `policy activate` prints once it is in force; asked again where a busy router takes over ten seconds."""

    def once() -> str:
        done = tocsin("policy", "activate", str(directory), "--data-dir", county.data_dir, *options, ok=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return eventually_sync(once, seconds=60, what="the policy is in force")


@pytest.fixture
def changed(tmp_path: Path, county: Deployment) -> Iterator[Path]:
    """The sample with another label; the sample itself is put in force again afterwards."""
    for f in SAMPLE.iterdir():
        (tmp_path / f.name).write_bytes(f.read_bytes())
    kinds = tmp_path / "kinds.toml"
    kinds.write_text(kinds.read_text().replace('label = "建筑火灾"', 'label = "建筑物火灾"', 1))
    yield tmp_path
    activated(SAMPLE, county)
    eventually_sync(lambda: labels(county) == {"建筑火灾"}, what="the sample in force again, for every reader")


def labels(county: Deployment) -> set[str]:
    """What the readers call a building fire now: the notifier, and supervision in what it publishes."""
    with county.client("notifier", "commander") as http:
        told = http.get("/v1/catalogue").json()["kinds"]
        named = {k["label"] for k in told if k["code"] == "fire.building"}
    with county.client("supervision", "supervisor") as http:
        published = http.get("/v1/disclosure").json()["kinds"]
    return named | {k["label"] for k in published if k["kind"] == "fire.building"}


def test_a_policy_is_exchanged_live_for_later_decisions_only(outside: Outside, changed: Path) -> None:
    """Its hash is in later events, readers follow, earlier incidents keep theirs; one that does not hold is refused."""
    place = outside.county.data_dir
    before = outside.incident(outside.call("119", "三楼起火了")["incident_ids"][0])
    told = json.loads(activated(changed, outside.county, "--json"))
    active = told["policy"]
    assert (told["in_force"], told["regions"]) == (True, 5)

    def decided_by_it() -> bool:
        return outside.incident(outside.call("119", "四楼起火了")["incident_ids"][0])["policy"] == active

    assert decided_by_it(), "in force when the command returns"
    assert "is in force in 5 regions" in activated(changed, outside.county)
    eventually_sync(lambda: labels(outside.county) == {"建筑物火灾"}, what="the readers' labels")
    assert outside.incident(before["incident_id"])["policy"] == before["policy"] != active
    kinds = changed / "kinds.toml"
    kinds.write_text(kinds.read_text().replace('lead = "nanxian-power"\n', "", 1))
    refused = tocsin("policy", "activate", str(changed), "--data-dir", place, ok=False)
    assert refused.returncode == 1
    assert re.search(r"kinds\.toml:\d+: a hole: nobody answers for utility\.power; give it", refused.stderr)
    assert decided_by_it(), "the old one stays in force"
    assert tocsin_json("replay", "--verify", "--data-dir", place)["identical"]


def test_an_exercise_is_seen_and_counted_nowhere(outside: Outside) -> None:
    """Visible and marked; its tasks and limits run; scores, disclosure and the router's counts do not move."""
    county = outside.county

    def counted() -> tuple[Any, ...]:
        with county.client("supervision", "supervisor") as http:
            scores, published = http.get("/v1/scores").json(), http.get("/v1/disclosure").json()["kinds"]
        with county.client("router", "monitor") as http:
            lines = [x for x in http.get("/metrics").text.splitlines() if x.startswith("tocsin_decisions_total")]
        return json.dumps(scores), json.dumps(published), lines

    at_rest(county)  # earlier calls' ambulances still report
    counts = counted()
    call = outside.call("119", "演练：粮库起火", exercise=True)
    incident = outside.incident(call["incident_ids"][0])
    assert incident["exercise"] is True
    for task in incident["tasks"]:
        if task["agency_class"] != "medical":
            outside.said("tasks", task["task_id"], "complete", result="演练结束")
    with county.client("notifier", "commander") as http:
        shown = http.get("/v1/incidents", params={"exercise": True, "limit": 500}).json()["items"]
        live = http.get("/v1/incidents", params={"exercise": False, "limit": 500}).json()["items"]
        assert "EXERCISE" in http.get(f"/v1/incidents/{incident['incident_id']}/eido").text
    assert incident["incident_id"] in [i["incident_id"] for i in shown]
    assert incident["incident_id"] not in [i["incident_id"] for i in live]
    outside.call("110", "有人吵架", exercise=True)
    at_rest(county)
    assert counted() == counts


def dispatched(county: Deployment, agency_class: str) -> str:
    """All that agencies of a class were sent."""
    topic = f"tocsin.dispatch.{agency_class}.v1"
    return tocsin("tail", topic, "--no-follow", "--data-dir", county.data_dir).stdout


def test_a_complaint_by_telephone_never_reaches_whom_it_is_about(outside: Outside) -> None:
    """Rung through on 110 about the police: the inspection has it, the police neither see it nor are sent a word."""
    county = outside.county
    call = outside.call("110", "我要投诉派出所民警，报案三次都不立案")
    [incident] = call["incident_ids"]
    view = outside.incident(incident)
    assert {t["held_by"] for t in view["tasks"]} == {"nanxian-inspection"}
    assert "complaint" in view["flags"]
    for service, path in (("notifier", f"/v1/incidents/{incident}"), ("intake", f"/v1/calls/{call['call_id']}")):
        with county.client(service, "nanxian-police") as http:
            assert http.get(path).status_code == 404
    task = view["tasks"][0]["task_id"]
    assert "TaskCompleted" in outside.said("tasks", task, "complete", role="nanxian-inspection", result="已核查")
    # The relay writes to the agencies' topics after the decision.
    eventually_sync(lambda: incident in dispatched(county, "department"), what="the inspection is sent its task")
    assert incident not in dispatched(county, "police")
    story = tocsin("explain", incident, "--data-dir", county.data_dir).stdout
    assert "complains of nanxian-police" in story
