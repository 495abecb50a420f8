"""What `explain` prints in Chinese: the console's words, nothing of ours untranslated."""

import inspect
import re
from typing import Any

import pytest

from tocsin.cli.book import Book, language_of
from tocsin.cli.commands.explain import language_asked
from tocsin.cli.story_zh import Story
from tocsin.incident import events as ev
from tocsin.runtime.mend import Mend

BOOK = Book(
    {
        "agencies": [{"id": "nanxian-fire", "label": "南县消防救援大队"}],
        "kinds": [{"code": "fire.building", "label": "建筑火灾"}],
    }
)


def event(kind: str, **data: Any) -> dict[str, Any]:
    """An event as the notifier tells it."""
    return {
        "type": kind, "version": 5, "recorded_at": "2026-04-08T10:00:00.000+08:00", "data": data,
        "actor": {"agency": "", "role": "system"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "env", "found"),
    [
        ("", {}, "en"),
        ("", {"LANG": "C.UTF-8"}, "en"),
        ("", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("", {"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ("", {"LANG": "en_US.UTF-8", "TOCSIN_LANG": "zh"}, "zh"),
        ("en", {"TOCSIN_LANG": "zh"}, "en"),
    ],
)
def test_the_language_is_what_was_asked_else_the_terminals(asked: str, env: dict[str, str], found: str) -> None:
    """The option before TOCSIN_LANG, that before the locale; English where nothing says Chinese."""
    assert language_of(asked, env) == found


def test_another_language_is_refused_with_those_spoken() -> None:
    """One line, in both."""
    with pytest.raises(Mend, match="zh or en"):
        language_asked("fr")


def test_each_event_has_chinese_words() -> None:
    """All events of an incident are told by the book; a new one without words fails here."""
    told = Story(BOOK)
    types = [n for n, c in inspect.getmembers(ev, inspect.isclass) if n in {e.__name__ for e in ev.EVENTS}]
    assert len(types) > 50
    assert {n: told.words(event(n)) for n in types if not re.search(r"[一-鿿]", told.words(event(n)))} == {}


def test_an_event_reads_as_on_the_console() -> None:
    """Names instead of ids, codes in words, a limit by its hour on the same day."""
    told = Story(BOOK)
    routed = told.line(event("TaskRouted", task_id="430921-20260408-000001-T1", agency="nanxian-fire", role="lead"))
    assert routed == "2026-04-08 10:00:00.000  v5   T1 派给 南县消防救援大队（主办）  [系统]"
    started = event("ClockStarted", clock="acknowledge", agency="nanxian-fire", due_at="2026-04-08T10:00:30.000+08:00")
    assert "南县消防救援大队 签收时限开始，至 10:00:30" in told.line(started)
    done = event("TaskCompleted", agency="nanxian-fire", disposition="handled", result="火已扑灭")
    assert "南县消防救援大队 办结：已处置 · 火已扑灭" in told.line(done)


def test_what_was_understood_is_told_with_the_model_that_named_it() -> None:
    """Kind, who decided, words, and which version of the text model."""
    understood = {
        "kind": "fire.building", "priority": 1, "decided_by": "model", "confidence": 0.9, "terms": ["着火"],
        "negated": [], "raises": ["trapped"], "escalated": False, "human": True, "reasons": ["low_confidence"],
        "against": [], "model": "sha256:abc",
    }  # fmt: skip
    call = {
        "line": "119",
        "channel": "voice",
        "text": "房子着火",
        "place": {"source": "seat", "entry": "", "label": ""},
    }
    line = Story(BOOK).line(event("CallRecorded", understanding=understood, call=call))
    assert "119 来电已记录：房子着火 → 建筑火灾（fire.building）1级，依据文本模型 sha256:abc 0.90" in line
    assert "存疑：听不准；地点依据受理席位" in line
