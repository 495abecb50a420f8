"""Events and commands as JSON for people and other programs: times in RFC 3339, absent values left as null."""

import re
import typing
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from tocsin.envelope import Command, Event, Ms

_INCIDENT = re.compile(r"\d{6}-\d{8}-\d+", re.ASCII)
"""Its own id, or how a task's or a mission's begins; a unit's, a hospital's or a complaint's is of no incident."""

COUNTY_ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Asia/Shanghai has had no other offset since 1991."""
_FIRST_MS = int(datetime(1, 1, 2, tzinfo=COUNTY_ZONE).timestamp()) * 1000
_LAST_MS = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=COUNTY_ZONE).timestamp()) * 1000


def rfc3339(at: int | None) -> str | None:
    """Unix milliseconds → RFC 3339 with the county's offset; None stays None.

    RFC 3339 has the years 1 to 9999: what lies beyond is shown as the first or last moment of those.
    """
    if at is None:
        return None
    at = min(max(at, _FIRST_MS), _LAST_MS)
    return f"{_second(at // 1000)}.{at % 1000:03d}+08:00"


@lru_cache(maxsize=4096)
def _second(at: int) -> str:
    """Unix seconds → the county's date and time. What happens together is shown together, so the same come again."""
    return datetime.fromtimestamp(at, COUNTY_ZONE).replace(tzinfo=None).isoformat()


def parse_rfc3339(text: str) -> int:
    """RFC 3339 with offset → Unix milliseconds. ValueError with the mend where it is none or lacks its offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs its offset, e.g. 2026-04-05T08:00:00+08:00")
    return round(at.timestamp() * 1000)


@cache
def _fields(cls: type[Struct]) -> list[tuple[str, Callable[[Any], Any] | None]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return [(f.name, rfc3339 if _is_time(hints[f.name]) else None) for f in msgspec.structs.fields(cls)]


def _is_time(hint: Any) -> bool:
    return hint == Ms or any(a == Ms for a in typing.get_args(hint))


_AS_THEY_ARE = frozenset({str, int, float, bool, type(None)})
"""Nearly all that is asked of `plain` is one of these."""


def plain(value: Any) -> Any:
    """Any domain value as what JSON holds."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Struct):
        return {n: (show or plain)(getattr(value, n)) for n, show in _fields(type(value))}
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value.hex() if isinstance(value, bytes) else value


def event_json(event: Event[Any]) -> dict[str, Any]:
    """An event as JSON shows it; its content under `data`, sealed words as their tokens."""
    shown: dict[str, Any] = plain(event)
    found = _INCIDENT.match(event.subject)
    return {"event_id": event.event_id, "type": event.type, "incident_id": found[0] if found else ""} | shown


def command_json(command: Command[Any]) -> dict[str, Any]:
    """A command as JSON shows it."""
    shown: dict[str, Any] = plain(command)
    return {"command_id": command.command_id, "type": type(command.data).__name__} | shown
