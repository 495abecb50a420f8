"""Times as people and other programs read them."""

import re

import pytest

from tocsin.codec.text import parse_rfc3339, rfc3339

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00", re.ASCII)


@pytest.mark.parametrize(
    "at", [0, 1_775_355_630_123, -62_135_596_800_000, 253_402_300_799_000, 10**18, -(10**18), 10**40]
)
def test_every_moment_is_shown_as_rfc_3339(at: int) -> None:
    """A clerk's limit in the year 9999 is a time like others, and no number of milliseconds."""
    assert _FORM.fullmatch(rfc3339(at) or "")


def test_a_time_is_read_as_it_is_shown() -> None:
    """There and back is the same moment, to the millisecond."""
    assert parse_rfc3339(rfc3339(1_775_355_630_123) or "") == 1_775_355_630_123
    assert rfc3339(None) is None
