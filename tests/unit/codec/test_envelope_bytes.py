"""The envelope written and read by hand is protobuf's own, to the byte and to the field."""

from typing import Any

import msgspec
import pytest

from tests.samples import event_of
from tocsin.codec import registry, wire
from tocsin.envelope import Event, Source
from tocsin.incident.events import NoteAdded
from tocsin.v1 import envelope_pb2


def plain_bytes(event: Event[Any]) -> bytes:
    """The same event by protobuf's own serializer: frame, then the rest of the envelope."""
    whole = envelope_pb2.EventEnvelope.FromString(wire.encode_event(event))
    own = envelope_pb2.EventEnvelope(
        event_id=whole.event_id, type=whole.type, type_version=whole.type_version, subject=whole.subject,
        seq=whole.seq, version=whole.version, occurred_at=whole.occurred_at, index=whole.index,
        prev_hash=whole.prev_hash, data=whole.data,
    )  # fmt: skip
    return wire.event_frame(event) + own.SerializeToString(deterministic=True)


@pytest.mark.parametrize("cls", registry.EVENTS, ids=lambda c: c.__name__)
def test_the_envelope_is_written_as_protobuf_writes_it(cls: Any) -> None:
    """For every event type, each field filled."""
    event = event_of(cls)
    assert wire.encode_event(event) == plain_bytes(event)


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred_at": -1, "seq": 2**40, "index": 16_384, "version": 127},
        {"occurred_at": 0, "seq": 0, "version": 128},
        {"subject": "", "prev_hash": b"", "index": 0}, {"data": NoteAdded(text="")},
        {"data": NoteAdded(text="x" * 20_000)},
        {"event_id": "e" * 200, "subject": "南" * 60}, {"event_id": ""},
    ],
)  # fmt: skip
def test_edges_of_every_number_and_length(changed: dict[str, Any]) -> None:
    """Negative times, empty fields, lengths over one and two bytes: the same bytes, and back again."""
    event = msgspec.structs.replace(event_of(NoteAdded), **changed)
    value = wire.encode_event(event)
    assert value == plain_bytes(event)
    assert wire.decode_event(value) == event


def test_a_frame_remembered_never_speaks_for_another_record() -> None:
    """A record that begins like the last one and then says otherwise is read as protobuf reads it: the last holds."""
    event = msgspec.structs.replace(event_of(NoteAdded), event_id="a" * 32, region="430921")
    value = wire.encode_event(event)
    assert wire.decode_event(value) == event
    later = envelope_pb2.EventEnvelope(region="430623", count=9).SerializeToString()
    read = wire.decode_event(value + later)
    assert (read.region, read.count, read.command_id) == ("430623", 9, event.command_id)
    assert wire.decode_event(value) == event


def test_words_that_look_like_a_beginning_are_no_beginning() -> None:
    """The two bytes that begin an event's own part may stand in anyone's text."""
    tricky = msgspec.structs.replace(
        event_of(NoteAdded), command_id="x\n y\n z", trace="\n ", event_id="b" * 32,
        source=Source(topic="t" * 32, partition=1, offset=2),
    )  # fmt: skip
    assert wire.decode_event(wire.encode_event(tricky)) == tricky


def test_a_message_that_lacks_a_field_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code and generated messages out of step: UnreadableRecord with the mend, no other error reaches the owner."""

    def lacking(_: Any) -> Any:
        raise AttributeError("new_field")

    value = wire.encode_event(event_of(NoteAdded))
    entry = wire.event_codecs["NoteAdded"]
    monkeypatch.setitem(wire.event_codecs, "NoteAdded", (entry[0], lacking))
    with pytest.raises(wire.UnreadableRecord, match=r"scripts/proto\.py"):
        wire.decode_event(value)
