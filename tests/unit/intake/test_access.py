"""Who sees what at intake's door: the very rule of the reading side."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.intake.access import Sights
from services.intake.acts import again, check_reveal, outcome_seen
from services.intake.index import CallRow, CommandRow, IncidentRow
from services.intake.view import posted_shape
from tocsin.incident import commands as c
from tocsin.incident.values import CallRecord
from tocsin.place import Place
from tocsin.policy.load import load_policy
from tocsin.runtime.problems import Problem
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
    given.setdefault("parts", agencies)
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


def test_who_left_a_matter_knows_no_caller_of_it(sights: Sights) -> None:
    """Declined, called off, handed on: it may still act on its task, the call is not seen; the first receiver sees."""
    record = CallRecord(call_id="c", line="12345", region=REGION, place=Place(region=REGION))
    row = incident("12345", ["nanxian-urban", "nanxian-police"], parts=["nanxian-police"])
    assert {n for n, w in WHO.items() if sights.call(w, record, [row])} == OVERSEERS | {"hotline", "police"}
    assert sights.incident(WHO["urban"], row), "an act on its file is refused by the owner, in words"
    first = incident(
        "110", ["nanxian-urban", "nanxian-police"], parts=["nanxian-urban"], first_receiver="nanxian-police"
    )
    assert sights.call(WHO["police"], record, [first])


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


class OneCall:
    """An index that knows one call, of domestic violence."""

    def __init__(self, record: CallRecord, first: str = "") -> None:
        self._first = first
        self._row = CallRow(
            call_id=record.call_id, region=REGION, lane="urgent", body_hash="", value=b"", recorded_at=0,
            answered_at=0, durability="log", status="decided", disposition="opened", incident_ids=[],
            kind="crime.domestic", priority=1,
        )  # fmt: skip

    def call(self, call_id: str) -> CallRow | None:
        """That one."""
        return self._row if call_id == self._row.call_id else None

    def incident(self, _incident_id: str) -> IncidentRow | None:
        """A police matter, whichever is asked for."""
        return incident("110", ["nanxian-police"])

    def first_receiver(self, _call: CallRow) -> str:
        """As given."""
        return self._first


def test_who_may_not_see_a_caller_reveals_none(sights: Sights) -> None:
    """Given a caller hidden by the kind, revealing is refused at the door: the file never says a number was seen."""
    record = CallRecord(call_id="c", line="110", region=REGION, place=Place(region=REGION))
    asked = c.RevealNumber(call_id="c", reason="r")
    index = OneCall(record)
    for name, seen in (("police", True), ("call_taker", True), ("fire", False), ("supervisor", False)):
        if seen:
            check_reveal(index, sights, WHO[name], asked, lambda _: record)
            continue
        with pytest.raises(Problem) as refused:
            check_reveal(index, sights, WHO[name], asked, lambda _: record)
        assert (refused.value.status, refused.value.code) == (404, "not_found")
    check_reveal(index, sights, WHO["fire"], c.RevealNumber(call_id="other", reason="r"), lambda _: record)
    check_reveal(index, sights, WHO["fire"], c.Note(text="t"), lambda _: record)


def test_what_a_command_came_to_is_for_its_sender_and_for_who_sees_what_it_was_about(sights: Sights) -> None:
    """Given a command on a police matter sent by the hotline in vain: they and whoever sees the matter may ask."""
    index = OneCall(CallRecord(call_id="c", line="110", region=REGION, place=Place(region=REGION)))
    row = CommandRow(
        command_id="x", region=REGION, outcome="refused", code="not_your_task", detail="", version=3,
        events=[{"incident_id": f"{REGION}-20260405-000001"}], sender=WHO["hotline"].subject,
    )  # fmt: skip
    assert {n for n, w in WHO.items() if outcome_seen(index, sights, w, row)} == OVERSEERS | {"hotline", "police"}


def test_anothers_command_id_is_a_conflict_and_never_an_answer() -> None:
    """Given an id that the hotline used: its repeat has its answer, another desk's act is not said to be done by it."""
    row = CommandRow(
        command_id="1", region=REGION, outcome="accepted", code="", detail="", version=3, events=[],
        sender=WHO["hotline"].subject,
    )  # fmt: skip
    assert again(row, WHO["hotline"]).outcome == "accepted"
    with pytest.raises(Problem) as refused:
        again(row, WHO["police"])
    assert (refused.value.status, refused.value.code) == (409, "command_id_conflict")


def test_a_complaints_caller_is_seen_where_it_is_looked_into(sights: Sights) -> None:
    """Rung on 110 about the police, first received by the inspection: who complains is for the inspection alone."""
    record = CallRecord(call_id="c", line="110", region=REGION, place=Place(region=REGION), confidential=True)
    seers = {n for n, w in WHO.items() if not sights.caller_hidden(w, record, "service.justice", "nanxian-urban")}
    assert seers == {"urban"}, "whoever it be, it is the first receiver of the matter and not of the line"
    about = OneCall(record, "nanxian-urban")
    asked = c.RevealNumber(call_id="c", reason="r")
    check_reveal(about, sights, WHO["urban"], asked, lambda _: record)
    with pytest.raises(Problem):
        check_reveal(about, sights, WHO["police"], asked, lambda _: record)
    row = incident("110", ["nanxian-inspection"], first_receiver="nanxian-inspection")
    assert not sights.incident(WHO["police"], row)
