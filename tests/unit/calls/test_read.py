"""Reading a posted call: every refusal with its field, every repair with its flag, and never anything else."""

import json
import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.calls import InvalidBody, parse_call
from tocsin.calls.posted import PostedLocation


def body(**fields: object) -> bytes:
    """A body with a line and words, and these fields."""
    return json.dumps({"line": "119", "text": "着火了"} | fields, ensure_ascii=False).encode()


def refused(content: bytes) -> InvalidBody:
    """The refusal of this body."""
    with pytest.raises(InvalidBody) as e:
        parse_call(content)
    return e.value


@pytest.mark.parametrize(
    "content",
    [
        {"line": "119", "text": "x"},
        {"line": "12345", "caller": {"number": "13800001234"}},
        {"line": "120", "location": {"address": "茅草街镇"}},
        {"line": "122", "location": {"point": {"lon": 112, "lat": 29}}},
        {"line": "110", "channel": "sensor"},
        {"line": "110", "text": "x", "caller": None, "unknown": {"field": [1]}},
        {"line": "110", "text": "x", "rang_at": "2026-04-05t10:20:30.123456z"},
    ],
)
def test_a_call_needs_a_line_and_something_to_go_by(content: dict) -> None:
    """The contract's required rule: text, location, number or a sensor is enough. Unknown fields are let be."""
    assert parse_call(json.dumps(content).encode()).flags == []


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"text": "x"}, "line"),
        ({"line": "911", "text": "x"}, "line"),
        ({"line": 119, "text": "x"}, "line"),
        ({"line": "119"}, "text"),
        ({"line": "119", "text": ""}, "text"),
        ({"line": "119", "text": " \n"}, "text"),
        ({"line": "119", "location": {}, "caller": {"name": "王某"}}, "text"),
        ({"line": "119", "text": 5}, "text"),
        ({"line": "119", "text": "x", "channel": "pigeon"}, "channel"),
        ({"line": "119", "text": "x", "call_id": "a b"}, "call_id"),
        ({"line": "119", "text": "x", "call_id": "a\n"}, "call_id"),
        ({"line": "119", "text": "x", "call_id": "a" * 65}, "call_id"),
        ({"line": "119", "text": "x", "call_id": ""}, "call_id"),
        ({"line": "119", "text": "x", "exercise": "yes"}, "exercise"),
        ({"line": "119", "text": "x", "caller": "me"}, "caller"),
        ({"line": "119", "text": "x", "location": {"point": {"lon": "112", "lat": 29}}}, "location.point.lon"),
        ({"line": "119", "text": "x", "location": {"point": {"lon": 112}}}, "location.point.lat"),
        (
            {"line": "119", "text": "x", "location": {"point": {"lon": 1, "lat": 2, "crs": "MARS"}}},
            "location.point.crs",
        ),
        ({"line": "119", "text": "x", "external_ids": [{"system": "a"}]}, "external_ids.0.id"),
        ({"line": "119", "text": "x", "rang_at": "2026-04-05T10:20:30"}, "rang_at"),
        ({"line": "119", "text": "x", "rang_at": 1775355630}, "rang_at"),
        ({"line": "119", "text": "x", "ended_at": "yesterday"}, "ended_at"),
        ({"line": "119", "text": "x", "operator": "o" * 201}, "operator"),
    ],
)
def test_each_wrong_field_is_named(content: dict, field: str) -> None:
    """A field that cannot be used is a 422 with an entry of its name."""
    e = refused(json.dumps(content).encode())
    assert e.status == 422
    assert field in [x.field for x in e.errors]


@pytest.mark.parametrize(
    ("content", "mend"),
    [
        ({"line": "911", "text": "x"}, "expected one of 110, 119, 122, 120, 12345"),
        ({"line": "119", "channel": "fax", "text": "x"}, "expected one of voice, sms, app, web, sensor, relay"),
        ({"line": "119", "text": "x", "call_id": "a b"}, "expected 1-64 of A-Z a-z 0-9 . _ : -"),
        (
            {"line": "119", "location": {"point": {"lon": 112, "lat": 29, "crs": "MARS"}}},
            "expected one of WGS84, CGCS2000, GCJ02, BD09",
        ),
    ],
)
def test_what_a_field_may_be_is_said(content: dict, mend: str) -> None:
    """A value that is none of those known is answered with those known, not with the decoder's own words."""
    assert [x.message for x in refused(json.dumps(content).encode()).errors] == [mend]


def test_what_no_reader_takes_is_said_in_words_for_senders() -> None:
    """Numbers without end and bottomless nesting are the sender's to mend; how we read is not said."""
    for content in (b'{"n":' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000):
        e = refused(content)
        assert (e.status, e.code) == (422, "not_json")
        assert not re.search("sys\\.|recursion", e.detail)


def test_all_wrong_fields_are_named_at_once() -> None:
    """One answer says everything that is wrong."""
    e = refused(
        b'{"line":"1","text":1,"caller":{"number":2},"location":{"point":{"lon":null,"lat":"x"}},"rang_at":"x"}'
    )
    assert {x.field for x in e.errors} == {
        "line", "text", "caller.number", "location.point.lon", "location.point.lat", "rang_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"line":"119","text":"\xff"}', b"[" * 100_000,
        b'{"line":"119","text":"x","location":{"point":{"lon":NaN,"lat":1}}}',
        b'{"line":"119","text":"x","location":{"point":{"lon":Infinity,"lat":1}}}',
        b'{"line":"119","text":"x","location":{"point":{"lon":1e999,"lat":1}}}',
        b'{"line":"119","text":"x","location":{"point":{"lon":1' + b"0" * 400 + b',"lat":1}}}',
        b'{"line":"119","text":"x","n":' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(content: bytes) -> None:
    """Garbage, NaN, infinities and bottomless nesting are 422, whatever else the body holds."""
    assert refused(content).status == 422


def test_too_much_is_413() -> None:
    """Text over 64 KiB of UTF-8 and bodies over 1 MiB; just at the limit is taken."""
    assert refused(body(text="火" * 21846)).status == 413
    assert refused(body(text="x" * (64 * 1024 + 1))).status == 413
    assert parse_call(body(text="x" * (64 * 1024))).call.text is not None
    assert refused(body(more="x" * 1024 * 1024)).status == 413


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"line":"119","text":"a\\ud800b"}', "a\ufffdb"),
        (b'{"line":"119","text":"a\\udc00\\ud83d\\ude92"}', "a\ufffd\U0001f692"),
        (b'{"line":"119","text":"a\xed\xa0\x80b"}', "a\ufffdb"),
        (b'{"line":"119","text":"a\\u0000b"}', "ab"),
        (b'{"line":"119","text":"x","operator":"a\\u0000"}', "x"),
    ],
)
def test_broken_characters_are_repaired_and_flagged(content: bytes, text: str) -> None:
    """Unpaired surrogates and NULs bounce nobody: the text is mended and the call says so."""
    parsed = parse_call(content)
    assert parsed.flags == ["text_repaired"]
    assert parsed.call.text == text


def test_what_looks_like_a_nul_is_let_be() -> None:
    """An escaped backslash before u0000 is text, not a NUL."""
    parsed = parse_call(b'{"line":"119","text":"a\\\\u0000"}')
    assert parsed.flags == []
    assert parsed.call.text == "a\\u0000"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from([
    "line", "call_id", "channel", "region", "caller", "party", "location", "text", "rang_at", "answered_at", "operator",
    "external_ids", "exercise", "number", "name", "point", "lon", "lat", "crs", "address", "accuracy_m", "system", "id",
])  # fmt: skip


_patient = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def status_of(content: bytes) -> int:
    """202, or the refusal's status; any other error fails the test."""
    try:
        point = (parse_call(content).call.location or PostedLocation()).point
    except InvalidBody as e:
        return e.status if e.errors or e.code != "invalid" else 0
    return 202 if point is None or (math.isfinite(point.lon) and math.isfinite(point.lat)) else 0


@given(st.dictionaries(_names, _json | st.dictionaries(_names, _json, max_size=4), max_size=6))
@_patient
def test_any_json_is_read_or_refused(value: dict) -> None:
    """Whatever JSON comes, the answer is a call or a refusal with its errors: never another error."""
    assert status_of(json.dumps({"line": "119"} | value).encode()) in (202, 413, 422)


@given(st.binary(max_size=200))
@_patient
def test_any_bytes_are_refused_politely(content: bytes) -> None:
    """Bytes that are no call are a 422."""
    assert status_of(content) == 422


@pytest.mark.parametrize(
    ("body", "twice"),
    [
        (b'{"line":"119","text":"x","text":"y"}', ["text"]),
        (b'{"line":"119","line" :"110","text":"y"}', ["line"]),
        (
            b'{"line":"119","text":"x","location":{"address":"a","address"\n:"b"},"line":"119"}',
            ["location.address", "line"],
        ),
        (b'{"line":"119","text":"x","external_ids":[{"system":"a","id":"1","id":"2"}]}', ["external_ids.0.id"]),
        (b'{"line":"119","text":"\\ud800","text":"y"}', ["text"]),
        (b'{"line":"119","text":"x","\\u0074ext":"y"}', ["text"]),
    ],
)
def test_a_field_given_twice_is_refused(body: bytes, twice: list[str]) -> None:
    """Given two values for one field, nobody can know which was meant: each is named, however it is written."""
    with pytest.raises(InvalidBody) as refused:
        parse_call(body)
    assert (refused.value.status, refused.value.code) == (422, "invalid")
    assert sorted(e.field for e in refused.value.errors) == sorted(twice)


@pytest.mark.parametrize(
    "text", ['说:"line":119', '"text":"x","text":"y"', "a : b", "10:20:30", "", "{}", '\\":', "line\n:"]
)
def test_what_looks_like_a_field_in_the_words_is_none(text: str) -> None:
    """Words may hold anything a field's name could; and a value may be equal to another."""
    body = {"line": "119", "text": text, "caller": {"number": "119"}, "external_ids": [{"system": "a", "id": "a"}] * 2}
    for written in (json.dumps(body), json.dumps(body, indent=1), json.dumps(body, separators=(" , ", " : "))):
        assert parse_call(written.encode()).call.text == text
