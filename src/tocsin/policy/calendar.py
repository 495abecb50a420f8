"""The working days: the State Council's published calendar where it is known, the policy's own file over it."""

import datetime as dt
from typing import Any

import chinese_calendar
from chinese_calendar import constants

from tocsin.policy.model import Calendar


def calendar_of(raw: dict[str, Any]) -> Calendar:
    """Days that differ from the plain week, and the years for which that is known. Outside them weekdays count."""
    holidays = {d.isoformat() for d in constants.holidays if d.isoweekday() < 6}  # noqa: PLR2004 - Saturday
    workdays = {d.isoformat() for d in constants.workdays if d.isoweekday() > 5}  # noqa: PLR2004 - Friday
    own_holidays = {_iso(d) for d in raw.get("holidays", [])}
    own_workdays = {_iso(d) for d in raw.get("workdays", [])}
    years = {d.year for d in constants.holidays} | {int(y) for y in raw.get("years", [])}
    return Calendar(
        holidays=frozenset((holidays - own_workdays) | own_holidays),
        workdays=frozenset((workdays - own_holidays) | own_workdays),
        years=sorted(years),
        opens=str(raw.get("opens", "09:00")),
        closes=str(raw.get("closes", "17:00")),
        night_from=str(raw.get("night_from", "20:00")),
        night_to=str(raw.get("night_to", "08:00")),
    )


def published_years() -> tuple[int, int]:
    """First and last year the published calendar is known for."""
    years = sorted({d.year for d in constants.holidays})
    assert chinese_calendar.is_workday(dt.date(years[-1], 7, 1)) in (True, False)  # noqa: S101 - the library still answers for that year
    return years[0], years[-1]


def _iso(day: Any) -> str:
    return day.isoformat() if isinstance(day, dt.date) else str(day)
