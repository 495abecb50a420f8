"""RFC 3339 moments to Unix milliseconds, and which times a call cannot have."""

import itertools
import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from tocsin.envelope import Ms

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
FUTURE_SKEW_MS = 5 * 60_000
"""How far ahead of our clock a sender's may run before its time is called impossible."""
LINE_SINCE_MS = 946_684_800_000
"""2000-01-01: a ringing, answer, end or receipt before it is a clock that was never set."""
MATTER_SINCE_MS = -2_208_988_800_000
"""1900-01-01: nothing that happened before it is reported by someone living."""


class Moment(NamedTuple):
    """`at` is None where the text has RFC 3339's form but names a day or an hour no calendar has."""

    at: Ms | None


class NotATime(ValueError):
    """The text is not RFC 3339 with an offset."""


def moment(text: str) -> Moment:
    """The moment a text names; NotATime where it has not the form."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise NotATime("not an RFC 3339 time with an offset, such as 2026-04-05T10:20:30+08:00")
    hour, minute, second = int(found[4]), int(found[5]), int(found[6])
    off_h, off_m = int(found[10] or 0), int(found[11] or 0)
    # A leap second (60) is legal anywhere in RFC 3339's grammar; it is counted as the next second's first.
    if hour > 23 or minute > 59 or second > 60 or off_h > 23 or off_m > 59:  # noqa: PLR2004 - a clock's own limits
        return Moment(None)
    day = _day(found[1], found[2], found[3])
    if day is None:
        return Moment(None)
    offset = (off_h * 60 + off_m) * (-1 if found[9] == "-" else 1)
    seconds = day * 86_400 + hour * 3600 + minute * 60 + second - offset * 60
    return Moment(seconds * 1000 + int(((found[7] or "") + "000")[:3]))


@lru_cache(maxsize=256)
def _day(year: str, month: str, day: str) -> int | None:
    """Days since 1970-01-01; None where there is no such day (year 0 among them)."""
    try:
        return date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def impossible(
    now: Ms, *, rang: Ms | None, answered: Ms | None, ended: Ms | None, occurred: Ms | None, received: Ms | None
) -> bool:
    """Whether a call cannot have these times: ahead of now, before there were lines, or in an order no call has."""
    late = now + FUTURE_SKEW_MS
    for at in (rang, answered, ended, received):
        if at is not None and not LINE_SINCE_MS <= at <= late:
            return True
    if occurred is not None and not MATTER_SINCE_MS <= occurred <= late:
        return True
    steps = [at for at in (rang, answered, ended) if at is not None]
    return any(a > b for a, b in itertools.pairwise(steps))
