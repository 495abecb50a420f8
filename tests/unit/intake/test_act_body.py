"""An act's body: every field that cannot be used is named, and what says nothing counts as nothing said."""

from typing import Any

import pytest

from services.intake.act_body import ON_INCIDENT, ON_TASK, described, read_act, read_rating
from tocsin.incident import commands as c
from tocsin.place import Place, Point
from tocsin.runtime.problems import Problem


def faults(body: Any, known: dict[str, type[c.Act]] = ON_INCIDENT) -> list[str]:
    """The fields a refused body names."""
    with pytest.raises(Problem) as refused:
        read_act(body, known)
    assert (refused.value.status, refused.value.code) == (422, "invalid")
    return [e["field"] for e in refused.value.more["errors"]]


@pytest.mark.parametrize("target", ["", "garbage", "南县", "430921", "430921-20260405-000001-T1"])
def test_what_is_no_incidents_number_is_no_target(target: str) -> None:
    """Given a merge or a relation to what no incident is called, the field is named, nothing is recorded."""
    assert faults({"command": "merge", "into": target}) == ["into"]
    assert faults({"command": "relate", "to": target}) == ["to"]


def test_an_incident_of_any_region_can_be_named() -> None:
    """Whether another region's may be related or merged is the owner's to say."""
    for name, field in (("merge", "into"), ("relate", "to")):
        act, _ = read_act({"command": name, field: "430623-20260405-000001"}, ON_INCIDENT)
        assert getattr(act, field) == "430623-20260405-000001"


def test_what_intake_knows_itself_is_not_taken_from_a_body() -> None:
    """Whether the other incident is an exercise is looked up, whatever the sender says."""
    body = {"command": "relate", "to": "430623-20260405-000001", "to_exercise": True}
    assert read_act(body, ON_INCIDENT)[0] == c.Relate(to="430623-20260405-000001")


def test_blanks_are_no_words() -> None:
    """A result, a reason or a text of blanks is sealed as nothing, so that the rules ask for one."""
    act, _ = read_act({"command": "complete", "result": " \t　\n"}, ON_TASK)
    assert act == c.Complete(result="")
    act, _ = read_act({"command": "reclassify", "kind": "fire.vehicle", "reason": "  "}, ON_INCIDENT)
    assert act == c.Reclassify(kind="fire.vehicle", reason="")
    assert faults({"command": "note", "text": "　"}) == ["text"]
    assert read_act({"command": "note", "text": " 三楼 "}, ON_INCIDENT)[0] == c.Note(text=" 三楼 ")


def test_one_missing_paper_may_be_named_alone() -> None:
    """What is missing is a list, or the one thing; where nothing is named, the field is."""
    for said in ("身份证", ["身份证"]):
        assert read_act({"command": "request_information", "missing": said}, ON_INCIDENT)[0] == c.RequestInformation(
            missing=["身份证"]
        )
    for nothing in ("", " ", [], [" "]):
        assert faults({"command": "request_information", "missing": nothing}) == ["missing"]
    assert faults({"command": "request_information", "missing": 5}) == ["missing"]


def test_a_corrected_point_is_not_left_under_the_old_address() -> None:
    """Where a person gives a point alone, the file says that point, never the words of where it was thought to be."""
    at = Point(lon=112.0941, lat=29.3026)
    place = Place(region="430921", point=at, source="point")
    bare = c.GivenLocation(point=at)
    assert described(bare, place).address == "112.09410,29.30260"
    named = Place(region="430921", point=at, source="point", label="新街口")
    assert described(bare, named).address == "新街口"
    said = c.GivenLocation(point=at, address="二号桥头")
    assert described(said, named) == said


@pytest.mark.parametrize(
    ("body", "known", "field"),
    [
        ({"command": "dispatch_unit", "unit_ids": [f"u{n}" for n in range(201)]}, ON_TASK, "unit_ids"),
        ({"command": "dispatch_unit", "unit_ids": ["fire-1", "u" * 201]}, ON_TASK, "unit_ids.1"),
        ({"command": "split", "call_ids": ["c"] * 201}, ON_INCIDENT, "call_ids"),
        ({"command": "request_information", "missing": ["身份证", "证" * 2001]}, ON_INCIDENT, "missing.1"),
        ({"command": "note", "text": "火" * 21_846}, ON_INCIDENT, "text"),
        ({"command": "complete", "result": "x" * 65_537}, ON_TASK, "result"),
        ({"command": "transfer", "to": "n" * 201}, ON_TASK, "to"),
        (
            {"command": "correct_location", "location": {"address": "街" * 2001}, "reason": "r"},
            ON_INCIDENT,
            "location.address",
        ),
    ],
)
def test_no_act_is_longer_than_the_rules_are_to_carry(
    body: dict[str, Any], known: dict[str, type[c.Act]], field: str
) -> None:
    """One act of fifty thousand units held a region's partition until its owner lost its seat: it is refused here."""
    assert faults(body, known) == [field]


def test_an_act_just_within_its_bounds_is_read() -> None:
    """200 entries, 64 KiB of words."""
    units = [f"u{n}" for n in range(200)]
    assert read_act({"command": "dispatch_unit", "unit_ids": units}, ON_TASK)[0] == c.DispatchUnit(unit_ids=units)
    assert read_act({"command": "note", "text": "x" * 65_536}, ON_INCIDENT)[0] == c.Note(text="x" * 65_536)


def test_a_rating_is_a_score_of_1_to_5_and_some_words() -> None:
    """Every field that cannot be used is named; a score alone is enough."""
    assert read_rating({"score": 5}) == c.Rate(score=5)
    for body, named in (
        ({}, ["score"]), ({"score": 0}, ["score"]), ({"score": "5"}, ["score"]),
        ({"score": 3, "text": "x" * 65_537}, ["text"]), ([], [""]),
    ):  # fmt: skip
        with pytest.raises(Problem) as refused:
            read_rating(body)
        assert [e["field"] for e in refused.value.more["errors"]] == named
