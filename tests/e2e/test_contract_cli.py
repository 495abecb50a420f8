"""The command line over a running deployment: what it tells of coordinates, positions, the past, and of misuse."""

import json

import pytest

from tests.e2e.contract import Outside
from tests.support import eventually_sync, tocsin, tocsin_json
from tocsin.cli.deployment import Deployment


@pytest.fixture(scope="module")
def outside(county: Deployment) -> Outside:
    """The county with this file's own ids and places."""
    return Outside(county, "cl", 29.32)


def test_a_place_known_by_coordinates_is_known(outside: Outside) -> None:
    """`explain` of a call, a task and their incident names the spot where there is no name for it."""
    incident = outside.call("119", "厨房起火了，火很大")["incident_ids"][0]
    outside.incident(incident)
    told = tocsin("explain", incident, "--data-dir", outside.county.data_dir).stdout
    assert "place unknown" not in told
    assert "by point" in told


def test_positions_are_decoded_like_everything_else(outside: Outside) -> None:
    """`tail` shows a unit's position as an object; the record says what it is in CloudEvents headers."""
    where = {"point": {"lon": 112.41, "lat": 29.36, "crs": "WGS84"}}
    with outside.county.client("ems120", "nanxian-amb-07") as http:
        assert http.put("/v1/units/nanxian-amb-07/position", json=where).status_code == 200
    rows = tocsin("tail", "ems.positions", "--no-follow", "--data-dir", outside.county.data_dir).stdout.splitlines()
    mine = [r for r in map(json.loads, rows) if r["key"] == "nanxian-amb-07"]
    assert mine[-1]["unit_id"] == "nanxian-amb-07"
    assert mine[-1]["point"] == {"lon": 112.41, "lat": 29.36, "crs": "WGS84"}
    assert mine[-1]["headers"]["ce_type"] == "cn.tocsin.Position.v1"


def test_an_act_and_its_events_name_the_line_of_their_incident(outside: Outside) -> None:
    """`tocsin_line` stands on every record about an incident, not on its first alone."""
    incident = outside.call("119", "杂物间起火了")["incident_ids"][0]
    outside.said("incidents", incident, "note", text="二楼", command_id="line-of-an-act")
    found = []
    for topic in ("commands.urgent", "incident.events"):
        told = tocsin("tail", topic, "--no-follow", "--data-dir", outside.county.data_dir).stdout.splitlines()
        found += [r["headers"] for r in map(json.loads, told) if r["headers"].get("ce_subject") == incident]
    assert {"cn.tocsin.Note.v1", "cn.tocsin.NoteAdded.v1", "cn.tocsin.TaskRouted.v1"} <= {h["ce_type"] for h in found}
    people = [h for h in found if not h["ce_id"].startswith(("clock:", "relay:", "probe:", "report:"))]
    assert {h.get("tocsin_line") for h in people} == {"119"}


def test_a_missions_events_name_their_incident(outside: Outside) -> None:
    """`ce_subject` and `incident_id` of 120's events are the incident's id; of a unit's own there is no incident."""
    incident = outside.call("120", "我妈突然晕倒了，叫不醒")["incident_ids"][0]
    told = tocsin("tail", "ems.events", "--no-follow", "--data-dir", outside.county.data_dir).stdout.splitlines()
    rows = [json.loads(r) for r in told]
    of_units = [r for r in rows if r["type"] == "UnitRegistered"]
    assert of_units
    assert {r["incident_id"] for r in of_units} == {""}
    of_missions = [r for r in rows if r["subject"].startswith(incident)]
    assert {(r["incident_id"], r["headers"]["ce_subject"]) for r in of_missions} <= {(incident, incident)}


def test_a_second_up_on_the_same_data_is_refused(outside: Outside) -> None:
    """One line with the mend; the deployment that runs is not touched."""
    again = tocsin("up", "--detach", "--data-dir", outside.county.data_dir, ok=False)
    assert again.returncode != 0
    assert len(again.stderr.splitlines()) == 1
    assert "tocsin down" in again.stderr
    running = lambda: tocsin_json("status", "--data-dir", outside.county.data_dir, ok=False)["ready"]  # noqa: E731 - polled
    assert eventually_sync(running, what="the first is ready")


def test_the_past_is_shown_as_it_was(outside: Outside) -> None:
    """`replay --until` counts calls and incidents of every region as they stood; before the first there is nothing."""
    then = outside.call("110", "两个邻居在吵架")["recorded_at"]
    told = tocsin_json("replay", "--until", then, "--data-dir", outside.county.data_dir)
    assert told["regions"]["430921"]["calls"] > 0
    before = tocsin_json("replay", "--until", "2020-01-01T00:00:00Z", "--data-dir", outside.county.data_dir)
    assert (before["events"], before["regions"]) == (0, {})
