"""Time limits as moments: which row of the policy holds, and when it ends, warns and turns red. Pure.

Short limits run in seconds of clock time. Working-day limits count from the next working day and end when the offices
close (domain: 12345 time limits; working days follow the State Council's calendar with its exchanged days).
"""

from typing import Any, NamedTuple

from tocsin.envelope import Ms
from tocsin.policy.model import Calendar, Limit, Policy

DAY_MS = 86_400_000
ZONE_MS = 8 * 3_600_000
"""Asia/Shanghai has had no other offset since 1991."""
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""
SATURDAY = 5
MEMO_MAX = 20_000


class Due(NamedTuple):
    """When a limit ends, and when it warns and turns red on the way."""

    due_at: Ms
    warn_at: Ms | None
    red_at: Ms | None


def day_number(at: Ms) -> int:
    """The local calendar day of a moment, counted from 1970-01-01."""
    return (at + ZONE_MS) // DAY_MS


def _day_of(date: str) -> int:
    year, month, day = (int(part) for part in date.split("-"))
    # Days from civil date (H. Hinnant's algorithm), so that this module needs no calendar of the machine's.
    year -= month <= 2  # noqa: PLR2004 - January and February belong to the year before in this algorithm
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1  # noqa: PLR2004 - the same algorithm
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _clock_ms(text: str) -> int:
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000


class Tables:
    """A policy's limits and calendar arranged for look-up, made once for each policy value."""

    def __init__(self, policy: Policy) -> None:
        self.rows: dict[str, list[Limit]] = {}
        for row in policy.limits:
            self.rows.setdefault(row.clock, []).append(row)
        calendar: Calendar = policy.calendar
        self.holidays = frozenset(_day_of(d) for d in calendar.holidays)
        self.workdays = frozenset(_day_of(d) for d in calendar.workdays)
        self.closes_ms = _clock_ms(calendar.closes)
        self.night = _clock_ms(calendar.night_from), _clock_ms(calendar.night_to)
        self.kind_limit = {code: kind.limit for code, kind in policy.kinds.items()}
        self.found: dict[tuple[str, str, str, int, str, str, bool], Limit | None] = {}
        self.counted: dict[tuple[int, int], int] = {}

    def works(self, day: int) -> bool:
        """Whether offices are open on this local day."""
        if day in self.workdays:
            return True
        return day not in self.holidays and (day + EPOCH_WEEKDAY) % 7 < SATURDAY

    def shifted(self, day: int, count: int) -> int:
        """The `count`-th working day after `day` (before it, where negative); `day` itself does not count."""
        key = (day, count)
        known = self.counted.get(key)
        if known is not None:
            return known
        step, left, at = (1 if count > 0 else -1), abs(count), day
        while left:
            at += step
            left -= self.works(at)
        if len(self.counted) > MEMO_MAX:
            self.counted.clear()
        self.counted[key] = at
        return at

    def at_night(self, at: Ms) -> bool:
        """Whether it is night at this moment, by the calendar's hours."""
        clock, (begins, ends) = (at + ZONE_MS) % DAY_MS, self.night
        return begins <= clock < ends if begins < ends else clock >= begins or clock < ends

    def closing(self, day: int) -> Ms:
        """The moment offices close on this local day."""
        return day * DAY_MS - ZONE_MS + self.closes_ms


_UNASKED: Any = object()
_last: list[tuple[Policy, Tables]] = []


def tables(policy: Policy) -> Tables:
    """The policy's tables; kept for the last policy asked for, since one is in force at a time."""
    if _last and _last[0][0] is policy:
        return _last[0][1]
    made = Tables(policy)
    _last[:] = [(policy, made)]
    return made


def covers(patterns: list[str], kind: str) -> bool:
    """Whether a kind is named by itself, by a part of the tree (`fire` or `fire.*`) or by `*`. Empty names all."""
    if not patterns:
        return True
    return any(p in ("*", kind) or kind.startswith(p.removesuffix(".*") + ".") for p in patterns)


def limit_for(
    policy: Policy,
    clock: str,
    *,
    line: str = "",
    kind: str = "",
    priority: int = 4,
    agency_class: str = "",
    setting: str = "",
    asks: bool = False,
) -> Limit | None:
    """The first row of this clock whose conditions all hold, or None: then no such clock runs."""
    known = tables(policy)
    key = (clock, line, kind, priority, agency_class, setting, asks)
    row: Limit | None = known.found.get(key, _UNASKED)
    if row is not _UNASKED:
        return row
    named = known.kind_limit.get(kind, "")
    row = next(
        (
            r
            for r in known.rows.get(clock, [])
            if (not r.lines or line in r.lines)
            and covers(r.kinds, kind)
            and (not r.limits or named in r.limits)
            and (not r.priorities or priority in r.priorities)
            and (not r.agency_classes or agency_class in r.agency_classes)
            and (not r.settings or setting in r.settings)
            and (not r.asks or asks)
        ),
        None,
    )
    if len(known.found) > MEMO_MAX:
        known.found.clear()
    known.found[key] = row
    return row


def due_from(policy: Policy, limit: Limit, at: Ms) -> Due:
    """When a limit that starts to run at `at` ends, warns and turns red."""
    if limit.seconds is not None and limit.night_seconds is None and limit.working_days is None and not limit.same_day:
        span = limit.seconds * 1000
        return Due(at + span, at + span - int(span * limit.warn_share), at + int(span * limit.red_factor))
    known = tables(policy)
    day = day_number(at)
    if limit.working_days is not None:
        last = known.shifted(day, limit.working_days)
        due = known.closing(last)
        warn = known.closing(known.shifted(last, -limit.warn_working_days)) if limit.warn_working_days else due
        red = known.closing(known.shifted(last, limit.red_working_days)) if limit.red_working_days else due
        return Due(due, warn if warn > at else due - int((due - at) * limit.warn_share), red)
    seconds = limit.seconds or 0
    if limit.night_seconds is not None and known.at_night(at):
        seconds = limit.night_seconds
    span = (day + 1) * DAY_MS - ZONE_MS - at if limit.same_day else seconds * 1000
    return Due(at + span, at + span - int(span * limit.warn_share), at + int(span * limit.red_factor))


def off_days_off(policy: Policy, due: Due) -> Due:
    """A limit in working days that was moved: what fell on a day off is at the next working day's closing instead."""
    known = tables(policy)

    def moved(at: Ms) -> Ms:
        day = day_number(at)
        return at if known.works(day) else known.closing(known.shifted(day, 1))

    return Due(
        moved(due.due_at), None if due.warn_at is None else moved(due.warn_at),
        None if due.red_at is None else moved(due.red_at),
    )  # fmt: skip


def working_day_after(policy: Policy, at: Ms, days: int) -> Ms:
    """The closing time of the `days`-th working day after `at`'s."""
    known = tables(policy)
    return known.closing(known.shifted(day_number(at), days))
