"""Who sees what at intake's door: the very rule of the reading side."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.intake.access import Sights
from services.intake.index import IncidentRow
from services.intake.view import posted_shape
from tocsin.incident.values import CallRecord
from tocsin.place import Place
from tocsin.policy.load import load_policy
from tocsin.runtime.security import Principal
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring

REGION = "430921"
UNIT = "nanxian-amb-01"
WHO = {
    "call_taker": Principal("a", "call_taker"), "hotline": Principal("b", "hotline"),
    "commander": Principal("c", "commander"), "ems_dispatcher": Principal("d", "ems_dispatcher"),
    "supervisor": Principal("e", "supervisor"), "auditor": Principal("f", "auditor"), "admin": Principal("g", "admin"),
    "police": Principal("h", "dispatcher", agency="nanxian-police"),
    "fire": Principal("i", "dispatcher", agency="nanxian-fire"),
    "urban": Principal("j", "dispatcher", agency="nanxian-urban"),
    "crew": Principal("k", "crew", agency="nanxian-120", unit=UNIT),
    "monitor": Principal("l", "monitor"), "abroad": Principal("m", "call_taker", region="430721"),
}  # fmt: skip
OVERSEERS = {"call_taker", "commander", "supervisor", "auditor", "admin"}


@pytest.fixture(scope="module")
def sights() -> Sights:
    """By the sample county's policy."""
    return Sights(load_policy(Settings().policy_path))


def incident(line: str, agencies: list[str], **more: Any) -> IncidentRow:
    """An incident as the index knows it."""
    given: dict[str, Any] = {"units": [], "state": "open", "steps": [], "calls": ["c"], "lane": "urgent"} | more
    return IncidentRow(incident_id=f"{REGION}-20260405-000001", region=REGION, agencies=agencies, lines=[line], **given)


@pytest.mark.parametrize(
    ("row", "more"),
    [
        (incident("110", ["nanxian-police"]), {"police"}),
        (
            incident("119", ["nanxian-fire", "nanxian-120"], units=["nanxian-amb-01"]),
            {"fire", "ems_dispatcher", "crew"},
        ),
        (incident("12345", ["nanxian-urban"]), {"hotline", "urban"}),
        (incident("110", ["nanxian-police", "nanxian-hotline"]), {"police", "hotline"}),
    ],
)
def test_an_incident_is_seen_by_region_line_agency_and_unit(sights: Sights, row: IncidentRow, more: set[str]) -> None:
    """The region's desk and those who oversee it see all; everyone else what their own line, agency or unit is in."""
    assert {name for name, who in WHO.items() if sights.incident(who, row)} == OVERSEERS | more


def test_a_call_is_seen_where_its_incident_is_and_at_its_own_desk(sights: Sights) -> None:
    """Before it is decided the desk of its line sees it, and the seat that took it."""
    record = CallRecord(call_id="c", line="12345", region=REGION, seat_region=REGION, place=Place(region=REGION))
    assert {n for n, w in WHO.items() if sights.call(w, record, [])} == OVERSEERS | {"hotline"}
    row = incident("12345", ["nanxian-urban"])
    assert {n for n, w in WHO.items() if sights.call(w, record, [row])} == OVERSEERS | {"hotline", "urban"}


def test_a_confidential_caller_is_seen_at_the_first_receiver_alone(sights: Sights) -> None:
    """12345's at the hotline, 110's at its desk and the police; a kind that is confidential makes every caller so."""
    for line, seers in (("12345", {"hotline"}), ("110", {"call_taker", "police", "abroad"})):
        record = CallRecord(call_id="c", line=line, region=REGION, place=Place(region=REGION), confidential=True)
        assert {n for n, w in WHO.items() if not sights.caller_hidden(w, record, "order.dispute")} == seers
    plain = CallRecord(call_id="c", line="12345", region=REGION, place=Place(region=REGION))
    assert not sights.caller_hidden(WHO["urban"], plain, "order.dispute")
    assert sights.caller_hidden(WHO["urban"], plain, "service.discipline")


def test_with_a_confidential_caller_the_person_concerned_is_unseen_too(sights: Sights, tmp_path: Path) -> None:
    """Given a caller who rang for themselves in confidence, the office sees of neither a name or a number."""
    keyring = Keyring.open(Settings(data_dir=tmp_path))
    keyring.ensure_now(["k"])
    who = {"name": "王某某", "number": "13800001234", "relation": "本人"}
    record = CallRecord(
        call_id="c", line="12345", region=REGION, place=Place(region=REGION), confidential=True,
        private=keyring.seal("k", json.dumps({"caller": {"number": "13800001234", "name": "王某某"}, "text": "路灯"})),
        party=keyring.seal("k", json.dumps(who)),
    )  # fmt: skip
    seen = posted_shape(record, WHO["urban"], sights, keyring)
    assert seen["party"] == {"name": "", "number": "", "relation": ""}
    assert "王某某" not in str(seen)
    assert posted_shape(record, WHO["hotline"], sights, keyring)["party"]["number"] == "138****1234"
