"""ems120 and supervision from outside: the mission's chain and shapes, the silent crew, complaints, disclosure."""

import random
from typing import Any

import httpx
import pytest

from tests.e2e.readers import free_fleet, incident_of
from tests.support import advance, eventually_sync
from tocsin.cli.deployment import Deployment
from tocsin.codec.text import parse_rfc3339

pytestmark = pytest.mark.broker
MISSION = {
    "mission_id", "task_id", "incident_id", "state", "triage", "unit_id", "hospital_id", "candidates", "times",
    "outcome", "version",
}  # fmt: skip
TIMES = {
    "assigned", "acknowledged", "departed", "arrived", "patient_contact", "left", "at_hospital", "handed_over",
}  # fmt: skip
CHAIN = (
    ("acknowledge", "acknowledged"), ("depart", "departed"), ("arrive", "on_scene"),
    ("patient_contact", "with_patient"), ("leave", "transporting"), ("arrive_hospital", "at_hospital"),
    ("hand_over", "ended"),
)  # fmt: skip


def _mission(county: Deployment, incident: str) -> Any:
    def assigned() -> Any:
        with county.client("ems120", "ems_dispatcher", seconds=60) as http:
            found = http.get("/v1/missions", params={"incident_id": incident, "limit": 500}).json()["items"]
        return next((m for m in found if m["unit_id"] and m["state"] != "ended"), None)

    return eventually_sync(assigned, what="a mission with a unit")


def test_a_crew_that_stays_silent_is_replaced_and_the_next_goes_through_the_chain(county: Deployment) -> None:
    """No acknowledgement in 30 s: another unit; then every step, its time and state, and the task is completed."""
    free_fleet(county)
    point = {"lon": 112.3 + random.random() * 0.15, "lat": 29.1 + random.random() * 0.2, "crs": "WGS84"}
    incident = incident_of(county, "120", "孕妇要生了，羊水破了", "", location={"point": point, "accuracy_m": 20})
    first = _mission(county, incident)
    assert first.keys() >= MISSION
    assert first["times"].keys() == TIMES
    assert first["candidates"][0].keys() >= {"unit_id", "eta_s", "excluded_because"}
    url = f"/v1/missions/{first['mission_id']}"
    advance(county, 31)
    with county.client("ems120", "ems_dispatcher", seconds=60) as http:
        second = http.get(url).json()
        assert second["unit_id"] not in (None, first["unit_id"])
        busy = [u["mission_id"] for u in http.get("/v1/units").json()["items"] if u["mission_id"]]
        assert len(set(busy)) == len(busy)
        skipped = http.post(f"{url}/commands", params={"wait": 30}, json={"command": "hand_over"})
        assert (skipped.status_code, skipped.json()["code"]) == (409, "illegal_step")
    with county.client("ems120", second["unit_id"], seconds=60) as crew:
        for command, state in CHAIN:
            done = crew.post(f"{url}/commands", params={"wait": 30}, json={"command": command})
            assert done.status_code == 200, done.text
            assert crew.get(url).json()["state"] == state
        ended = crew.get(url).json()
    assert ended["outcome"] == "transported"
    assert all(ended["times"].values())

    def completed() -> bool:
        with county.client("notifier", "commander") as http:
            tasks = http.get(f"/v1/incidents/{incident}").json()["tasks"]
        return [t["state"] for t in tasks if t["agency_class"] == "medical"] == ["completed"]

    assert eventually_sync(completed, what="the report to the incident's task")


def test_who_rings_again_because_he_does_not_answer_any_more_is_triaged_anew(county: Deployment) -> None:
    """A fall, level III; the same caller again, the patient is unconscious: level I by rule, eight minutes."""
    free_fleet(county)
    caller = {"number": f"1380000{random.randrange(10_000):04d}"}
    said = {"address": "厂窖镇汀头洲村", "caller": caller}
    incident = incident_of(county, "120", "老人摔了一跤，起不来，意识清楚", **said)
    mission_id = _mission(county, incident)["mission_id"]
    assert incident_of(county, "120", "刚才打过电话的，老人现在昏迷了，喊不醒", **said) == incident

    def triaged() -> Any:
        with county.client("ems120", "ems_dispatcher", seconds=60) as http:
            m = http.get(f"/v1/missions/{mission_id}").json()
        return m if m["triage"] == "I" else None

    m = eventually_sync(triaged, what="the mission's new triage")
    assert (m["triage_by"], m["needs_als"]) == ("rule", True)
    assert "raise:unconscious" in m["triage_reasons"]
    assert parse_rfc3339(m["arrive_due_at"]) - parse_rfc3339(m["opened_at"]) == 480_000
    free_fleet(county)


def test_medical_detail_is_for_120_roles_alone(county: Deployment) -> None:
    """Missions: 403 for police, hotline, supervisor and monitor; unknown ones are 404; bad commands 422."""
    for role in ("nanxian-police", "hotline", "supervisor", "auditor", "monitor"):
        with county.client("ems120", role) as http:
            assert http.get("/v1/missions").status_code == 403, role
    with county.client("ems120", "ems_dispatcher", seconds=60) as http:
        assert http.get("/v1/missions/430921-20200101-000001-M1").status_code == 404
        bad = http.post("/v1/missions/430921-20200101-000001-M1/commands", json={"command": "end", "outcome": "x"})
        assert bad.status_code in (404, 422)


def test_a_crew_sees_its_own_patient_alone_and_a_mission_ends_once(county: Deployment) -> None:
    """Another crew's list does not hold it, its id is a 404 there; an end after the end is refused, as any step is."""
    call = incident_of(county, "120", "老人摔倒，腿动不了，很痛", "南洲镇老赤松亭")
    mission_id = f"{call}-M1"
    with county.client("ems120", "ems_dispatcher", seconds=60) as http:
        seen = lambda: http.get(f"/v1/missions/{mission_id}")  # noqa: E731 - polled
        assert eventually_sync(lambda: seen().status_code == 200, what=mission_id)
        unit = seen().json()["unit_id"]
        other = next(u for u in county.unit_tokens if u != unit)
        with county.client("ems120", other) as crew:
            assert crew.get(f"/v1/missions/{mission_id}").status_code == 404
            assert mission_id not in [m["mission_id"] for m in crew.get("/v1/missions").json()["items"]]
        if unit is not None:
            with county.client("ems120", unit) as crew:
                assert crew.get(f"/v1/missions/{mission_id}").status_code == 200
        url, end = f"/v1/missions/{mission_id}/commands", {"command": "end", "outcome": "cancelled_before"}
        assert http.post(url, params={"wait": 30}, json=end | {"command_id": f"{mission_id}:e"}).status_code == 200
        assert http.post(url, params={"wait": 30}, json=end | {"command_id": f"{mission_id}:e"}).status_code == 200
        for body in (end, {"command": "acknowledge"}):
            again = http.post(url, params={"wait": 30}, json=body)
            assert (again.status_code, again.json()["code"]) == (409, "illegal_step")


def _cases_with(http: httpx.Client, receipt: str) -> str:
    cases = http.get("/v1/cases", params={"limit": 500}).text
    return cases if receipt in cases else ""


def test_a_complaint_never_reaches_whom_it_is_about(county: Deployment) -> None:
    """A receipt number at once; inspection's supervisors see the case, not the complainant; the agency sees nothing."""
    said = {
        "agency": "nanxian-water",
        "text": "停水两天没有人管",
        "complainant": {"name": "周小兰", "number": "13800009999"},
    }
    with county.client("supervision", "hotline") as http:
        taken = http.post("/v1/complaints", json=said)
        assert taken.status_code == 202, taken.text
        receipt = taken.json()["receipt"]
        unknown = http.post("/v1/complaints", json=said | {"agency": "nanxian-none"})
        assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "agency")
    for reader in ("auditor", "monitor", "nanxian-water"):
        with county.client("supervision", reader) as http:
            assert http.post("/v1/complaints", json=said).status_code == 403, f"{reader} reads"
    with county.client("supervision", "supervisor", seconds=60) as http:
        # The receipt is given once the complaint is on the log; the cases are read from there.
        cases = eventually_sync(lambda: _cases_with(http, receipt), what="the complaint among the cases")
        assert "周小兰" not in cases
        assert "13800009999" not in cases
    with county.client("supervision", "nanxian-water") as http:
        assert receipt not in http.get("/v1/cases", params={"limit": 500}).text


def test_disclosure_is_open_and_nobodys(county: Deployment) -> None:
    """Kinds, limits with their sources, numbers; no token asked; no name, number, place or call."""
    incident = incident_of(county, "12345", "想咨询医保怎么报销", "浪拔湖镇")
    with county.client("supervision", "nobody") as http:
        shown = http.get("/v1/disclosure")
        assert shown.status_code == 200
        assert shown.json().keys() >= {"kinds", "limits", "basis"}
        assert incident not in shown.text
        assert "1380000" not in shown.text
    with county.client("supervision", "supervisor") as http:
        for asked, status in (
            ("clocks?state=running&card=none", 200), ("clocks?card=pink", 422), ("scores?period=2026Q2", 200),
            ("scores?period=2026", 422), ("reports/agencies", 200), ("reports/none", 404),
        ):  # fmt: skip
            assert http.get(f"/v1/{asked}").status_code == status, asked
