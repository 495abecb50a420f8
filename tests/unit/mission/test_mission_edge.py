"""What comes in at the 120 centre's edge: read strictly, refused with an entry a bad field, never a crash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ems120 import edge
from services.ems120.desk import clear_of
from tocsin.mission import commands as cmd
from tocsin.mission.events import MissionOpened
from tocsin.runtime.problems import Problem
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TAGS = [c.__struct_config__.tag for c in (*cmd.MISSION_COMMANDS, *cmd.UNIT_COMMANDS, *cmd.HOSPITAL_COMMANDS)]
FIELDS = (
    "command_id", "expected_version", "unit_id", "hospital_id", "at", "reason", "outcome", "triage", "answers", "beds",
    "note", "point", "position", "lon", "lat", "crs", "label", "type", "station", "capabilities", "speed_kmh", "state",
)  # fmt: skip
BODY: Any = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)
POINT: Any = st.fixed_dictionaries({"lon": JSON, "lat": JSON, "crs": st.sampled_from(["WGS84", "GCJ02", "x"])})


def fields_of(problem: Problem) -> set[str]:
    """Which fields a 422 names."""
    assert (problem.status, problem.code) == (422, "invalid")
    return {e["field"] for e in problem.more["errors"]}


def read_or_refused(read: Callable[[], Any]) -> tuple[Any, set[str]]:
    """What was read, or the fields that a 422 names; anything else raises."""
    try:
        return read(), set()
    except Problem as e:
        named = fields_of(e)
    assert named, "a 422 without a field"
    return None, named


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(TAGS), BODY)
def test_any_body_is_a_command_or_a_422(tag: Any, body: dict[str, Any]) -> None:
    """Whatever JSON stands in whatever field: a command that the wire can carry, or a refusal that names fields."""
    every = (*cmd.MISSION_COMMANDS, *cmd.UNIT_COMMANDS, *cmd.HOSPITAL_COMMANDS)
    found, refused = read_or_refused(lambda: edge.asked({**body, "command": tag}, every))
    if refused:
        return
    assert type(found.data) in every
    assert found.expected_version is None or found.expected_version >= 0


@settings(max_examples=120, deadline=None)
@given(BODY, POINT, st.booleans())
def test_any_registration_or_position_is_read_or_a_422(body: dict[str, Any], point: Any, hospital: bool) -> None:
    """The same for units, hospitals and positions: what is read lies on the Earth and in WGS84."""
    for read in (lambda b: edge.registration(b, hospital=hospital), edge.reported):
        found, refused = read_or_refused(lambda read=read: read({**body, "point": point}))
        if refused:
            continue
        assert -180 <= found.point.lon <= 180
        assert found.point.crs == "WGS84"


def test_every_bad_field_has_its_entry() -> None:
    """Three bad fields are three entries, the rules' and the types' alike."""
    body = {"command": "end", "outcome": "eaten", "at": "noon", "expected_version": -1, "command_id": "a b"}
    with pytest.raises(Problem) as e:
        edge.asked(body, cmd.MISSION_COMMANDS)
    assert fields_of(e.value) == {"outcome", "at", "expected_version", "command_id"}
    with pytest.raises(Problem) as e:
        edge.asked({"command": "explode"}, cmd.MISSION_COMMANDS)
    assert fields_of(e.value) == {"command"}
    with pytest.raises(Problem) as e:
        edge.asked({"command": "triage"}, cmd.MISSION_COMMANDS)
    assert fields_of(e.value) == {"triage"}


def test_a_bad_field_says_what_it_may_be() -> None:
    """The values a field has, the form a time has: not the words of the library that refused them."""
    with pytest.raises(Problem) as e:
        edge.asked({"command": "triage", "triage": "V"}, cmd.MISSION_COMMANDS)
    assert "I, II, III, IV" in e.value.more["errors"][0]["message"]
    with pytest.raises(Problem) as e:
        edge.asked({"command": "depart", "at": "noon"}, cmd.MISSION_COMMANDS)
    assert "2026-04-05T10:20:30+08:00" in e.value.more["errors"][0]["message"]


def test_nobody_takes_the_systems_own_ids_before_it() -> None:
    """A command id that the timer or a relay would use is refused: it would make theirs a repeat."""
    for taken in ("clock:x", "relay:x", "report:x", "seed:x"):
        with pytest.raises(Problem) as e:
            edge.asked({"command": "depart", "command_id": taken}, cmd.MISSION_COMMANDS)
        assert fields_of(e.value) == {"command_id"}


def test_the_contracts_words_are_the_tags() -> None:
    """The names on the HTTP edge are those of the contract, section 2."""
    words = (
        "assign acknowledge depart arrive patient_contact leave arrive_hospital hand_over refuse reassign triage end"
    )
    assert {c.__struct_config__.tag for c in cmd.MISSION_COMMANDS} == set(words.split())
    units, hospitals = "on_duty off_duty available out_of_service", "divert undivert set_beds"
    assert {c.__struct_config__.tag for c in cmd.UNIT_COMMANDS} == set(units.split())
    assert {c.__struct_config__.tag for c in cmd.HOSPITAL_COMMANDS} == set(hospitals.split())


def test_a_time_given_becomes_milliseconds() -> None:
    """RFC 3339 with offset in, Unix milliseconds on the wire."""
    found = edge.asked({"command": "depart", "at": "2026-04-05T12:00:00+08:00"}, cmd.MISSION_COMMANDS)
    assert found.data == cmd.DepartForScene(at=1_775_361_600_000)


def test_coordinates_of_other_systems_become_wgs84() -> None:
    """A GCJ-02 position is moved by some hundred metres; the contract's `position` and bare lon/lat are both read."""
    moved = edge.reported({"position": {"lon": 112.4, "lat": 29.36, "crs": "GCJ02"}})
    assert 0.003 < abs(moved.point.lon - 112.4) < 0.01
    assert edge.reported({"lon": 112.4, "lat": 29.36}).point.lon == 112.4


def test_the_openapi_body_lists_every_command() -> None:
    """The published schema has one object for each command, without references that would dangle."""
    shown = edge.shown_schema(cmd.MISSION_COMMANDS)
    text = msgspec.json.encode(shown).decode()
    assert "$ref" not in text
    assert len(shown["requestBody"]["content"]["application/json"]["schema"]["oneOf"]) == len(cmd.MISSION_COMMANDS)


def test_what_a_stream_tells_of_a_mission_holds_no_callers_number(tmp_path: Path) -> None:
    """The event that opens a mission carries the call's sealed part: the words go out in the mission, masked."""
    keyring = Keyring.open(Settings(data_dir=tmp_path))
    keyring.ensure_now(["k"])
    private = keyring.seal("k", '{"caller":{"number":"13800001234","name":"张某"},"text":"晕倒了"}')
    opened = MissionOpened(task_id="t", incident_id="i", private=private, address=keyring.seal("k", "新颜路3号"))
    told = clear_of(opened, keyring)
    assert (told.private, told.address) == ("", "新颜路3号")
    assert "13800001234" not in str(told)
