"""Domain values on the wire and back."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import command_of, event_of, sample
from tocsin.codec import registry, text, upcast, wire
from tocsin.incident.events import NoteAdded

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "records.json").read_text())


def contains(whole: Any, part: Any) -> bool:
    """Whether everything `part` says stands in `whole`; `whole` may say more (fields added later)."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and contains(whole[k], v) for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize("cls", registry.EVENTS, ids=lambda c: c.__name__)
def test_every_event_comes_back_as_it_was(cls: Any) -> None:
    """An event of every type, each field filled, is the same value after the wire."""
    event = event_of(cls)
    assert wire.decode_event(wire.encode_event(event)) == event


@pytest.mark.parametrize("cls", registry.COMMANDS, ids=lambda c: c.__name__)
def test_every_command_comes_back_as_it_was(cls: Any) -> None:
    """A command of every type, each field filled, is the same value after the wire."""
    command = command_of(cls)
    assert wire.decode_command(wire.encode_command(command)) == command


@pytest.mark.parametrize("cls", registry.VALUES, ids=lambda c: c.__name__)
def test_every_other_value_comes_back_as_it_was(cls: Any) -> None:
    """Dispatch orders and the like survive the wire."""
    value = sample(cls)
    assert wire.decode_value(cls, wire.encode_value(value)) == value


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_invariant_5_old_bytes_still_say_what_they_said(name: str) -> None:
    """The golden bytes of every version read today as they did when they were written; new fields may be added."""
    kind = name.split("/", 1)[0]
    value = bytes.fromhex(GOLDEN[name]["hex"])
    shown = (
        text.event_json(wire.decode_event(value)) if kind == "event" else text.command_json(wire.decode_command(value))
    )
    assert contains(shown, GOLDEN[name]["says"])


def test_every_type_and_version_has_golden_bytes() -> None:
    """Nothing travels whose bytes are not kept."""
    events = {f"event/{c.__name__}/v{upcast.VERSIONS.get(c.__name__, 1)}" for c in registry.EVENTS}
    commands = {f"command/{c.__name__}/v{upcast.VERSIONS.get(c.__name__, 1)}" for c in registry.COMMANDS}
    assert events | commands <= set(GOLDEN)


@given(st.binary(max_size=400))
def test_garbage_is_unreadable_and_nothing_else(value: bytes) -> None:
    """Any bytes either read as a record or raise UnreadableRecord: no other error reaches the owner."""
    for decode in (wire.decode_event, wire.decode_command):
        with contextlib.suppress(wire.UnreadableRecord):
            assert decode(value).region is not None


def test_an_unknown_type_says_so() -> None:
    """A type of a later release is unreadable with its name and the mend, so it can be replayed after an upgrade."""
    event = event_of(NoteAdded)
    value = wire.encode_event(event).replace(b"NoteAdded", b"NoteAddex")
    with pytest.raises(wire.UnreadableRecord, match=r"NoteAddex.*upgrade"):
        wire.decode_event(value)


def test_a_later_version_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of a later release is unreadable, not guessed at."""
    with monkeypatch.context() as m:
        m.setitem(upcast.VERSIONS, "NoteAdded", 2)
        value = wire.encode_event(event_of(NoteAdded))
    with pytest.raises(wire.UnreadableRecord, match="version 2"):
        wire.decode_event(value)


def test_an_old_version_is_read_through_its_upcaster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old bytes are brought up step by step; the bytes themselves stay."""
    value = wire.encode_event(event_of(NoteAdded))
    monkeypatch.setitem(upcast.VERSIONS, "NoteAdded", 2)
    monkeypatch.setitem(upcast.UPCASTERS, ("NoteAdded", 1), lambda old: NoteAdded(text=f"{old.text}+"))
    assert wire.decode_event(value).data.text.endswith("+")


def test_the_same_value_has_the_same_bytes() -> None:
    """Maps are written in one order: hashes of records do not depend on how a value came about."""
    one = sample(registry.EVENTS[0])
    other = type(one)(**{f: getattr(one, f) for f in reversed(one.__struct_fields__)})
    event = event_of(registry.EVENTS[0])
    assert wire.encode_event(event) == wire.encode_event(type(event)(**_fields(event) | {"data": other}))


def _fields(value: Any) -> dict[str, Any]:
    return {f: getattr(value, f) for f in value.__struct_fields__}
