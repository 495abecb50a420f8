"""Times as people read them: exact to the millisecond, with the county's offset."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.codec.text import parse_rfc3339, plain, rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = (datetime(9999, 12, 30, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


@given(st.integers(-60_000_000_000_000, LAST))
def test_a_time_is_shown_to_its_millisecond(at: int) -> None:
    """Whatever the year: a float of seconds is a millisecond off in far ones."""
    shown = rfc3339(at)
    assert shown is not None
    assert shown.endswith("+08:00")
    exact = EPOCH + timedelta(milliseconds=at)
    assert datetime.fromisoformat(shown) == exact
    assert datetime.fromisoformat(shown).replace(tzinfo=None) == exact.astimezone(timezone(timedelta(hours=8))).replace(
        tzinfo=None
    )


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (None, None),
        (0, "1970-01-01T08:00:00.000+08:00"),
        (-1, "1970-01-01T07:59:59.999+08:00"),
        (1_775_361_600_007, "2026-04-05T12:00:00.007+08:00"),
        (154_313_394_825_860, "6859-12-30T23:53:45.860+08:00"),
        (10**18, "9999-12-31T23:59:59.000+08:00"),
        (-(10**40), "0001-01-02T00:00:00.000+08:00"),
    ],
)
def test_a_time_in_the_countys_words(at: int | None, shown: str | None) -> None:
    """None stays None; what no calendar holds is its first or last moment, for it must read as a time."""
    assert rfc3339(at) == shown


def test_there_and_back() -> None:
    """What is shown is read as the same moment."""
    assert parse_rfc3339(str(rfc3339(1_775_361_600_007))) == 1_775_361_600_007


def test_what_json_holds_stays_as_it_is() -> None:
    """Bytes as hex, the rest by its parts."""
    assert plain({"a": [1, 2.5, True, None, "火", b"\x01"], "b": ("x",)}) == {
        "a": [1, 2.5, True, None, "火", "01"], "b": ["x"],
    }  # fmt: skip
