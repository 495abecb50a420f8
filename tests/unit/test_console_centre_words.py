"""What the console knows of the 120 centre is what the centre itself says: its tables and words, in both languages."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from services.ems120.api import MEDICAL
from tests.unit.test_console_words import WORDS, _book
from tocsin.mission import commands as cmd
from tocsin.mission.refusals import CODES
from tocsin.mission.steps import END_FROM, RULES
from tocsin.mission.triage import QUESTIONS
from tocsin.mission.values import CONFIDENTIAL, STEPS, TRIAGE, MissionState, Outcome, UnitState
from tocsin.policy.load import load_policy

ROOT = Path(__file__).parents[2]
ACTS = (ROOT / "console/js/missionacts.js").read_text()
CENTRE = (ROOT / "console/js/centre.js").read_text()
SOURCES = "".join(f.read_text() for f in (ROOT / "src/tocsin/mission").glob("*.py"))
EMS = load_policy(ROOT / "policy/nanxian").ems


def _tag(command: type[cmd.Act]) -> str:
    return str(command.__struct_config__.tag)


def _table(name: str) -> dict[str, list[str]]:
    """An object of lists as the page writes it."""
    block = re.search(rf"export const {name} = (\{{.*?\n\}});", ACTS, re.DOTALL)
    assert block is not None
    text = re.sub(r"^\s*(\w+):", r'"\1":', block[1], flags=re.MULTILINE)
    return dict(json.loads(re.sub(r",\s*([}\]])", r"\1", text)))


def test_who_may_read_missions_is_the_centres_own_rule() -> None:
    """A role more would be refused without end; a role less would miss what it may see."""
    named = re.search(r"export const MEDICAL = (\[.*?\]);", CENTRE)
    assert named is not None
    assert set(json.loads(named[1])) == set(MEDICAL)


def test_the_pages_tables_are_the_rules_own() -> None:
    """From which state each step and each outcome can be taken, and the questions with their answers."""
    assert {k: set(v) for k, v in _table("END_FROM").items()} == {k: set(v) for k, v in END_FROM.items()}
    assert {k: set(v) for k, v in _table("STEPS").items()} == {_tag(c): set(r.since) for c, r in RULES.items()}
    assert _table("QUESTIONS") == {k: list(v) for k, v in QUESTIONS.items()}


def _found(pattern: str) -> set[str]:
    return {word for m in re.finditer(pattern, SOURCES) for word in m.groups() if word}


SAID = {
    "mission": set(get_args(MissionState)),
    "unit": set(get_args(UnitState)),
    "triage": set(TRIAGE),
    "mtime": set(STEPS),
    "mact": {_tag(c) for c in cmd.MISSION_COMMANDS},
    "uact": {_tag(c) for c in cmd.UNIT_COMMANDS},
    "hact": {_tag(c) for c in cmd.HOSPITAL_COMMANDS},
    "outcome": set(get_args(Outcome)),
    "error": set(CODES),
    "q": set(QUESTIONS),
    "answer": {a for answers in QUESTIONS.values() for a in answers},
    "why": _found(r'(?:_passed_over|_because)\([^()"]*"(\w+)"|reason = "(\w+)"|_taken_off\("(\w+)"\)|"(farther)"')
    | {"off_duty", "out_of_service", "less_idle"},
    "care": set(EMS.hospital_for.values()) | {"children"},
    "mflag": _found(r'flags\.append\("(\w+)"\)|flags \+?= \["(\w+)"\]|"(step_\w+)"\]|_flag\([^"()]*\], "(\w+)"\)')
    | {CONFIDENTIAL},
    "mclock": {"acknowledge", "dispatch", "arrive"},
    "news": {"AcknowledgementMissed", "AssignmentRefused", "MissionQueued", "MassCasualtyDeclared"},
}


@pytest.mark.parametrize("of", sorted(SAID))
def test_what_the_centre_can_say_has_words_in_both_languages(of: str) -> None:
    """Read from where it is defined, so that a new state, act, refusal, flag or question without words fails here."""
    zh, en = _book("zh"), _book("en")
    assert SAID[of]
    assert {c for c in SAID[of] if f"{of}.{c}" not in zh or f"{of}.{c}" not in en} == set()
    assert f'"{of}.' in WORDS


def test_every_act_on_a_mission_an_ambulance_and_a_hospital_is_offered() -> None:
    """A command the centre takes from a person is one a dispatcher can give here, by a key of its own for a mission."""
    commands = (*cmd.MISSION_COMMANDS, *cmd.UNIT_COMMANDS, *cmd.HOSPITAL_COMMANDS)
    assert {_tag(c) for c in commands if f'"{_tag(c)}"' not in ACTS and f"{_tag(c)}:" not in ACTS} == set()
    keys = re.search(r"export const MISSION_KEYS = \{(.*?)\};", ACTS)
    assert keys is not None
    named = re.findall(r'(\w): "(\w+)"', keys[1])
    assert {act for _, act in named} == {_tag(c) for c in cmd.MISSION_COMMANDS} - {"reassign"}
    assert len({key for key, _ in named}) == len(named)
