"""The record of a call: words sealed, times and points that cannot be kept and flagged, one number in one form."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.calls import parse_call, to_record
from tocsin.calls.canonical import body_hash, canonical
from tocsin.calls.numbers import normal_number
from tocsin.calls.record import read_party, read_words, subjects_of
from tocsin.calls.times import NotATime, moment
from tocsin.incident.show import masked
from tocsin.incident.values import CallRecord
from tocsin.place import Place
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring

NOW = 1_775_355_630_000  # 2026-04-05T10:20:30+08:00


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory):
    """One keyring for the module."""
    ring = Keyring.open(Settings(data_dir=tmp_path_factory.mktemp("keys")))
    yield ring
    ring.close()


def record(keyring: Keyring, **fields: object) -> CallRecord:
    """The record of a call with these fields."""
    parsed = parse_call(json.dumps({"line": "119", "text": "着火了"} | fields).encode())
    subjects = subjects_of(parsed.call, "c-1", keyring)
    keyring.ensure_now(subjects.all)
    return to_record(
        parsed, call_id="c-1", subjects=subjects, place=Place(region="430921"), seat_region="430921", flags=[],
        danger=False, now=NOW, keyring=keyring,
    )  # fmt: skip


def test_no_word_of_a_person_stands_in_the_record(keyring: Keyring) -> None:
    """Number, names, text and address are only in sealed form; they open to what was said."""
    r = record(
        keyring, text="新街口着火", caller={"number": "13800001234", "name": "王某"}, location={"address": "茅草街镇"},
        party={"name": "李某", "number": "13800005678", "relation": "母亲"},
    )  # fmt: skip
    shown = repr(r)
    for word in ("新街口", "13800001234", "13800005678", "王某", "李某", "母亲", "茅草街"):
        assert word not in shown
    words, party = read_words(keyring.unseal(r.private)), read_party(keyring.unseal(r.party))
    assert words is not None
    assert (words.text, words.address, words.caller.number) == ("新街口着火", "茅草街镇", "13800001234")
    assert party is not None
    assert (party.name, party.relation) == ("李某", "母亲")


def test_the_same_caller_is_known_again_however_the_number_is_written(keyring: Keyring) -> None:
    """One token for +86, 0086, spaces and dashes; another for another number."""
    forms = ("13800001234", "+86 138-0000-1234", "008613800001234", "138 0000 1234")
    tokens = {record(keyring, caller={"number": n}).caller_token for n in forms}
    assert len(tokens) == 1
    assert record(keyring, caller={"number": "13800001235"}).caller_token not in tokens


def test_forgetting_the_caller_closes_all_their_calls(keyring: Keyring) -> None:
    """The words of every call from one number are under that number's key."""
    one = record(keyring, caller={"number": "13800009999"})
    other = record(keyring, caller={"number": "+8613800009999"}, text="又着火了")
    keyring.destroy(one.caller_token)
    assert keyring.unseal(one.private) is None
    assert keyring.unseal(other.private) is None


@pytest.mark.parametrize(
    ("point", "flagged"),
    [
        ({"lon": 112.37, "lat": 28.98}, False), ({"lon": 28.98, "lat": 112.37}, True), ({"lon": 0, "lat": 0}, True),
        ({"lon": 400, "lat": 1}, True), ({"lon": 112, "lat": -91}, True), ({"lon": 28.98, "lat": 80.0}, True),
        ({"lon": 103.8, "lat": 36.0}, False), ({"lon": 2.35, "lat": 48.85}, False),
    ],
)  # fmt: skip
def test_impossible_or_swapped_coordinates_are_kept_and_flagged(keyring: Keyring, point: dict, flagged: bool) -> None:
    """A bad GPS bounces nobody: the point stays as given, with `point_invalid`."""
    r = record(keyring, location={"point": point})
    assert ("point_invalid" in r.flags) is flagged
    assert r.given is not None
    assert (r.given.lon, r.given.lat) == (point["lon"], point["lat"])


@pytest.mark.parametrize(
    ("times", "flagged"),
    [
        ({"rang_at": "2026-04-05T10:20:00+08:00", "ended_at": "2026-04-05T10:20:20+08:00"}, False),
        ({"rang_at": "2026-04-05T10:20:20+08:00", "ended_at": "2026-04-05T10:20:00+08:00"}, True),
        ({"rang_at": "2026-04-05T10:20:20+08:00", "answered_at": "2026-04-05T10:20:00+08:00"}, True),
        ({"rang_at": "2026-04-05T10:24:00+08:00"}, False),
        ({"rang_at": "2026-04-06T10:24:00+08:00"}, True),
        ({"rang_at": "1970-01-01T00:00:00Z"}, True),
        ({"occurred_at": "2009-01-01T00:00:00Z"}, False),
        ({"occurred_at": "2027-01-01T00:00:00Z"}, True),
        ({"rang_at": "0000-01-01T00:00:00Z"}, True),
        ({"rang_at": "2026-02-30T00:00:00Z"}, True),
        ({"rang_at": "2026-04-05T25:00:00Z"}, True),
    ],
)
def test_impossible_times_are_kept_and_flagged(keyring: Keyring, times: dict, flagged: bool) -> None:
    """Order, future and clocks never set are flagged; what no calendar holds is kept as it was given."""
    r = record(keyring, **times)
    assert ("time_impossible" in r.flags) is flagged
    words = read_words(keyring.unseal(r.private))
    assert words is not None
    for name, text in times.items():
        assert getattr(r, name) is not None or words.times[name] == text


def test_moments_are_exact() -> None:
    """Offsets, fractions and leap seconds count; a time without an offset is none."""
    assert moment("2026-04-05T10:20:30+08:00").at == NOW
    assert moment("2026-04-05T02:20:30.5Z").at == NOW + 500
    assert moment("2026-04-04T21:20:30-05:00").at == NOW
    assert moment("1990-12-31T23:59:60Z").at == moment("1991-01-01T00:00:00Z").at
    with pytest.raises(NotATime):
        moment("2026-04-05T10:20:30")


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("13800001234", "+8613800001234"), ("110", "110"), ("12345", "12345"), ("0737-5220001", "+867375220001"),
        ("+1 202-555-0123", "+12025550123"), ("", ""), ("匿名", ""),
    ],
)  # fmt: skip
def test_numbers_have_one_form(given: str, normal: str) -> None:
    """E.164 where there is one, short numbers as their digits, nothing for what is no number."""
    assert normal_number(given) == normal


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_any_number_is_taken(given: str) -> None:
    """Whatever stands in the field, normalising and masking it never fails, and is stable."""
    normal = normal_number(given)
    assert normal_number(normal) == normal or not normal.startswith("+86")
    masked(given)


def test_numbers_are_shown_masked() -> None:
    """As the domain says: 138****1234."""
    assert masked("13800001234") == "138****1234"
    assert masked("+8613800001234") == "138****1234", "the country's own code says nothing"
    assert masked("+12025550123") == "+12****0123"


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ('{"a":1,"b":[1.0,2]}', ' { "b" : [ 1 , 2.0 ] , "a" : 1e0 } ', True), ('{"a":1}', '{"a":"1"}', False),
        ('{"a":-0.0}', '{"a":0}', True), ('{"a":"火"}', '{"a":"\\u706b"}', True), ('{"a":[1,2]}', '{"a":[2,1]}', False),
        ('{"a":true}', '{"a":1}', False), ('{"a":1e30}', '{"a":1' + "0" * 30 + "}", True), ('{"a":null}', "{}", False),
        ('{"a":"\\ud800"}', '{"a":"\\ud800"}', True), ('{"a":"\\ud800"}', '{"a":"\\ud801"}', False),
    ],
)  # fmt: skip
def test_equal_json_has_an_equal_hash(keyring: Keyring, one: str, other: str, equal: bool) -> None:
    """Order of keys, white space and the way a number is written do not matter; anything else does."""
    assert (body_hash(json.loads(one), keyring) == body_hash(json.loads(other), keyring)) is equal


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_json)
def test_canonical_bytes_survive_a_round_trip(value: object) -> None:
    """Written and read again, a value has the same canonical bytes."""
    assert canonical(json.loads(json.dumps(value))) == canonical(value)


def test_forgotten_words_are_none() -> None:
    """No words come of nothing, of a gone key, or of what is no JSON."""
    assert read_words(None) is None
    assert read_words("not json") is None
