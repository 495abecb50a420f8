"""The compiled writers give protobuf's own bytes: for every class, whatever its values say."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples import sample
from tocsin.codec import registry
from tocsin.codec.direct import KEPT_MAX, Writers
from tocsin.codec.messages import converters, writers
from tocsin.codec.reflect import Field, shape
from tocsin.codec.varint import varint
from tocsin.codec.wire import decode_command, decode_event, encode_command, encode_event
from tocsin.envelope import Command, Event, Source
from tocsin.incident.commands import RecordCall
from tocsin.incident.events import CallRecorded
from tocsin.incident.values import CallRecord, Understanding
from tocsin.place import Place, Point
from tocsin.v1 import envelope_pb2

ALL = (*registry.EVENTS, *registry.COMMANDS, *registry.VALUES)


def by_protobuf(value: Any) -> bytes:
    """The bytes of protobuf's own deterministic serializer."""
    written: bytes = converters.encoder(type(value))(value).SerializeToString(deterministic=True)
    return written


def of_field(f: Field) -> st.SearchStrategy[Any]:
    """Values of a field, its edges among them."""
    one: st.SearchStrategy[Any]
    if f.kind in ("struct", "structs"):
        one = of_class(f.of)
    elif f.of is str:
        one = st.one_of(st.text(max_size=6), st.just("南" * 5_500), st.just("x" * 128))
    elif f.of is float:
        one = st.one_of(st.sampled_from([0.0, -0.0, 1.5, float("inf")]), st.floats(allow_nan=False))
    else:
        one = {int: st.integers(-(2**63), 2**63 - 1), bool: st.booleans(), bytes: st.binary(max_size=4)}[f.of]
    if f.kind in ("list", "structs"):
        return st.lists(one, max_size=2)
    if f.kind == "map":
        return st.dictionaries(st.text(max_size=3), one, max_size=3)
    return st.none() | one if f.optional else one


def of_class(cls: Any) -> st.SearchStrategy[Any]:
    """Values of a class."""
    return st.builds(cls, **{f.name: of_field(f) for f in shape(cls)})


@pytest.mark.parametrize("cls", ALL, ids=lambda c: c.__name__)
def test_every_class_is_written_as_protobuf_writes_it(cls: Any) -> None:
    """Each field filled, and each that may be empty left so."""
    full = sample(cls)
    assert writers.writer(cls)(full) == by_protobuf(full)


@settings(max_examples=60, deadline=None)
@given(st.one_of([of_class(c) for c in (CallRecorded, Understanding, Place, *registry.VALUES)]))
def test_any_value_is_written_as_protobuf_writes_it(value: Any) -> None:
    """Empty and huge texts, negative zero, absent and present: the same bytes to the last."""
    assert writers.writer(type(value))(value) == by_protobuf(value)


def call(**said: Any) -> CallRecord:
    """A call with little said."""
    place = Place(region="430921", point=Point(lon=112.4, lat=29.3))
    return CallRecord(**{"call_id": "c-1", "line": "119", "region": "430921", "place": place, "flags": ["a"]} | said)


def recorded(of: CallRecord) -> Event[CallRecorded]:
    """The event that records it."""
    return Event(
        event_id="a" * 32, region="430921", subject="430921-20260405-000001", seq=1, version=1, occurred_at=1,
        recorded_at=1, command_id="call:c-1", index=0, count=1, source=Source(topic="t", offset=1),
        data=CallRecorded(call=of, understanding=Understanding(kind="unknown", priority=2), incident_ids=["x"]),
    )  # fmt: skip


def test_a_call_travels_on_as_it_was_read() -> None:
    """From its command into its event without being written anew: the same bytes as if it had been."""
    read = decode_command(encode_command(Command(command_id="call:c-1", region="430921", data=RecordCall(call=call()))))
    assert encode_event(recorded(read.data.call)) == encode_event(recorded(call()))


def test_what_stands_beside_a_call_does_not_travel_with_it() -> None:
    """A stray field of a foreign producer's command would be an understanding in the event: it is left behind."""
    whole = writers.writer(RecordCall)(RecordCall(call=call()))
    stray = whole + b"\x12\x04\x0a\x02ab"
    kept = Writers(converters)
    again, plain = kept.writer(CallRecorded), by_protobuf(recorded(call()).data)
    for within in (stray, b"\x12" + whole[1:], whole):
        read = call()
        kept.keep(read, within)
        assert again(recorded(read).data) == plain


def test_a_later_field_of_a_call_is_kept() -> None:
    """What a newer producer says of a call and this version does not know stays in the truth."""
    value = encode_command(Command(command_id="call:c-1", region="430921", data=RecordCall(call=call())))
    field = b"\xa2\x06\x03new"  # field 100, three bytes
    body = writers.writer(CallRecord)(call()) + field
    envelope = envelope_pb2.CommandEnvelope.FromString(value)
    envelope.data = b"\x0a" + varint(len(body)) + body
    read = decode_command(envelope.SerializeToString()).data.call
    event = encode_event(recorded(read))
    assert read == call()
    assert field in event
    assert decode_event(event).data.call == call()


@pytest.mark.parametrize("data", [b"", b"\x0a\x00", b"\x18\x01"], ids=["nothing", "an empty call", "a stray field"])
def test_a_call_command_that_says_nothing_is_read(data: bytes) -> None:
    """A foreign producer's empty content is a value like any other: it never stops whoever reads the partition."""
    value = encode_command(Command(command_id="call:c-1", region="430921", data=RecordCall(call=call())))
    envelope = envelope_pb2.CommandEnvelope.FromString(value)
    envelope.data = data
    read = decode_command(envelope.SerializeToString()).data.call
    assert read.call_id == ""
    assert decode_event(encode_event(recorded(read))).data == recorded(read).data


def test_what_is_kept_is_bounded() -> None:
    """Commands that never come to an event leave nothing behind for good."""
    kept = Writers(converters)
    calls = [call(call_id=f"c-{n}") for n in range(KEPT_MAX + 10)]
    for each in calls:
        kept.keep(each, writers.writer(RecordCall)(RecordCall(call=each)))
    assert len(kept._kept) <= KEPT_MAX


def test_the_same_object_changed_never_speaks_for_another() -> None:
    """Bytes are kept for the very object: an equal id of a later one, or a changed copy, is written anew."""
    write = writers.writer(CallRecorded)
    first = recorded(call()).data
    assert write(first) == by_protobuf(first)
    other = msgspec.structs.replace(first, call=call(danger=True))
    assert write(other) == by_protobuf(other)
