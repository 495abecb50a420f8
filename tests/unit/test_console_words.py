"""The console has words for what a dispatcher must know, in both languages: no code of ours stands on the screen."""

import inspect
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from tocsin import outcomes
from tocsin.incident import commands
from tocsin.incident import events as ev
from tocsin.incident.clocks import CONSULTATION
from tocsin.incident.complained import COMPLAINT
from tocsin.incident.rescue import REASON
from tocsin.incident.values import Card, ClockName, ClockState, Role, TaskState
from tocsin.mission.reports import REPORTED
from tocsin.mission.values import Outcome

ROOT = Path(__file__).parents[2]
WORDS = (ROOT / "console/js/i18n.js").read_text()
ACTS = (ROOT / "console/js/acts.js").read_text()
STATED = re.compile(
    r'reasons=\["(\w+)"\]|reasons\.append\("(\w+)"\)|_add\(reasons, "(\w+)"\)|u\.reasons or \["(\w+)"\]'
)


def test_each_reason_for_review_has_its_words() -> None:
    """Found where rules state them, so that a new one without words fails here."""
    code = [*(ROOT / "src/tocsin/incident").glob("*.py"), *(ROOT / "src/tocsin/enrich").glob("*.py")]
    stated = {next(filter(None, m.groups())) for f in code for m in STATED.finditer(f.read_text())}
    assert {"low_confidence", "no_unit", "place_missing", "unsure"} <= stated
    words = (ROOT / "console/js/i18n.js").read_text()
    assert {r: words.count(f'"review.{r}":') for r in (*stated, REASON, COMPLAINT)} == dict.fromkeys(
        (*stated, REASON, COMPLAINT), 2
    )


def _book(language: str) -> dict[str, str]:
    block = WORDS.split(f"const {language} = {{", 1)[1].split("\n};", 1)[0]
    return dict(re.findall(r'(?:^|[,{]\s+|\n\s*)"?([A-Za-z_][\w.]*)"?: "([^"]*)"', block))


def _said(places: tuple[str, ...], pattern: str) -> set[str]:
    code = (f.read_text() for place in places for f in (ROOT / place).glob("*.py"))
    return {c for text in code for c in re.findall(pattern, text)}


def _tag(act: type[commands.Act]) -> str:
    return str(act.__struct_config__.tag)


def _policy(name: str, key: str) -> set[str]:
    rows = tomllib.loads((ROOT / "policy/nanxian" / name).read_text())
    found = (r.get(key) for table in rows.values() if isinstance(table, list) for r in table if isinstance(r, dict))
    return {c for f in found if f for c in ([f] if isinstance(f, str) else f)}


REFUSALS = _said(("src/tocsin/incident",), r'Refused\(\s*"(\w+)"') | _said(
    ("services/intake", "services/notifier"), r'Problem\(\s*\d+,\s*"(\w+)"'
)
SAID = {
    "ev": {n for n, c in inspect.getmembers(ev, inspect.isclass) if c.__module__ == ev.__name__}
    | {n for n, c in inspect.getmembers(outcomes, inspect.isclass) if c.__module__ == outcomes.__name__},
    "error": REFUSALS,
    "act": {_tag(a) for a in commands.COMMANDS},
    "state": set(get_args(TaskState)),
    "clock": set(get_args(ClockName)),
    "clockstate": set(get_args(ClockState)),
    "card": set(get_args(Card)) - {"none"},
    "disp": {"handled", "unfounded", "cancelled", "duplicate", "referred", "no_action"}
    | _said(("src/tocsin/incident",), r'disposition="(\w+)"'),
    "stage": {"arrival", "progress", "result", "ended", *get_args(REPORTED)},
    "outcome": set(get_args(Outcome)),
    "flag": _said(("src/tocsin/calls", "src/tocsin/enrich"), r'(?:flags|found)\.append\("(\w+)"\)')
    | _said(("src/tocsin/incident",), r'_add\(flags, "(\w+)"\)')
    | {"text_repaired", COMPLAINT, CONSULTATION, REASON},
    "hazard": _policy("lexicon.toml", "hazard"),
    "cap": _policy("agencies.toml", "capabilities"),
    "taskcause": {"raised", "mutual_aid", "complaint", "three_way", "person", "call", "round", "return", "transfer"},
}


@pytest.mark.parametrize("of", sorted(SAID))
def test_what_the_services_can_say_has_words_in_both_languages(of: str) -> None:
    """Read from where it is defined, so that a new event, refusal, act, state or flag without words fails here."""
    zh, en = _book("zh"), _book("en")
    assert SAID[of]
    assert {c for c in SAID[of] if f"{of}.{c}" not in zh or f"{of}.{c}" not in en} == set()


def test_both_languages_have_the_same_words() -> None:
    """Nothing is left in the other language, none of ours is left empty, and each is filled with the same values."""
    zh, en = _book("zh"), _book("en")
    assert len(zh) > 200
    assert zh.keys() == en.keys()
    assert [k for k in zh if not zh[k] or not en[k]] == []
    differ = {k for k in zh if set(re.findall(r"\{(\w+)\}", zh[k])) != set(re.findall(r"\{(\w+)\}", en[k]))}
    assert differ == set()


def test_each_roles_line_name_has_words() -> None:
    """The roles of the contract, and who is lead or joint."""
    zh = _book("zh")
    assert {r for r in get_args(Role) if r not in zh} == set()


def test_every_act_of_a_person_is_offered_by_the_console() -> None:
    """A command one can send is one a dispatcher can give: among the acts, or beside what it is about."""
    of_people = {_tag(a) for a in (*commands.CALL_COMMANDS, *commands.INCIDENT_COMMANDS, *commands.TASK_COMMANDS)} - {
        "rate"
    }
    offered = ACTS + (ROOT / "console/js/detail.js").read_text()
    assert {a for a in of_people if f'"{a}"' not in offered} == set()
