"""What `explain` prints of an event."""

from typing import Any

import httpx
import pytest

from tocsin.cli.commands.explain import _line, incidents_of


def event(kind: str, **data: Any) -> dict[str, Any]:
    """An event as the notifier tells it."""
    return {
        "type": kind, "version": 5, "recorded_at": "2026-04-08T10:00:00.000+08:00", "data": data,
        "actor": {"agency": "", "role": "hotline"},
    }  # fmt: skip


def test_a_limit_of_days_says_its_day() -> None:
    """A promise of working days ends on a day; one of seconds, on the same day, is told by its hour alone."""
    far = _line(event("ClockStarted", clock="complete", due_at="2026-04-25T17:00:00.000+08:00"))
    assert far.startswith("2026-04-08 10:00:00.000  v5 ")
    assert "due_at=2026-04-25 17:00:00 " in far
    assert "due_at=10:00:30 " in _line(
        event("ClockStarted", clock="acknowledge", due_at="2026-04-08T10:00:30.000+08:00")
    )


def test_whom_a_call_complains_of_is_said() -> None:
    """The reason why an agency got no task stands in the story."""
    understood = {
        "kind": "service.civil", "priority": 4, "decided_by": "lexicon", "confidence": 0.9, "terms": [], "negated": [],
        "raises": [], "escalated": False, "human": False, "against": ["nanxian-civil-affairs"], "reasons": [],
    }  # fmt: skip
    call = {"line": "12345", "channel": "voice", "place": {"source": "seat", "entry": "", "label": ""}}
    assert "complains of nanxian-civil-affairs" in _line(event("CallRecorded", understanding=understood, call=call))


def test_the_text_model_that_decided_is_said() -> None:
    """Its version stands in the story, as it stands in the event."""
    understood = {
        "kind": "service.civil", "priority": 4, "decided_by": "model", "confidence": 0.9, "terms": [], "negated": [],
        "raises": [], "escalated": False, "human": False, "against": [], "reasons": [], "model": "sha256:0123",
    }  # fmt: skip
    call = {"line": "12345", "channel": "voice", "place": {"source": "seat", "entry": "", "label": ""}}
    assert "by model 0.90 model=sha256:0123 " in _line(event("CallRecorded", understanding=understood, call=call))


@pytest.mark.parametrize(
    ("linked", "ever", "told"),
    [
        (["i-7", "i-8"], ["i-7", "i-8"], ["i-7", "i-8"]),
        (["i-9"], ["i-7", "i-9"], ["i-9"]),
        ([], ["i-7", "i-8"], ["i-8"]),
    ],
)
def test_of_a_call_every_matter_is_named(linked: list[str], ever: list[str], told: list[str]) -> None:
    """Where a call is linked now, the incident that decided first; where it was last, when it is linked nowhere."""
    said = httpx.MockTransport(lambda _: httpx.Response(200, json={"linked": linked, "incident_ids": ever}))
    with httpx.Client(transport=said, base_url="http://notifier") as http:
        assert incidents_of(http, "call-1") == told
        assert incidents_of(http, "430921-20260405-000017-T2") == ["430921-20260405-000017"]
