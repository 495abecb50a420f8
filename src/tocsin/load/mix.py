"""What to send: made-up calls, a file of calls in the POST shape, or a table of real records put into that shape."""

import csv
import io
import itertools
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tocsin.place import Point
from tocsin.policy.model import Policy
from tocsin.runtime.mend import Mend

_SERVICE_LINE = {"EMS": "120", "Fire": "119", "Traffic": "122"}
_LON_M = math.cos(math.radians(40.2)) / math.cos(math.radians(29.3))


def read_mix(file: Path, policy: Policy) -> list[dict[str, Any]]:
    """The calls of a file as bodies of `POST /v1/calls` (without ids).

    NDJSON in the POST shape; CSV with `lat,lng,title,timeStamp` (emergency calls: their geometry is set down around the
    county's middle, since they come from elsewhere); CSV with `text` and perhaps `subject, caller_id, received_at`
    (hotline messages). Mend names the first line that cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise Mend(f"{file} cannot be read: {e}", "Name a file of NDJSON or CSV in UTF-8.") from e
    if file.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        columns = set(rows[0]) if rows else set()
        if {"lat", "lng", "title", "timeStamp"} <= columns:
            return _emergency(file, rows, policy)
        if "text" in columns:
            return list(_hotline(rows))
        has = ", ".join(sorted(columns)) or "no rows"
        raise Mend(
            f"{file.name} cannot be played: it has {has}", "Give it the columns lat,lng,title,timeStamp or text."
        )
    bodies = []
    for n, line in enumerate(text.split("\n"), 1):  # `splitlines` would part a text at U+2028
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except ValueError as e:
            raise Mend(f"{file.name}:{n} is not JSON ({e})", "Write one call a line in the POST shape.") from e
        if not isinstance(body, dict) or "line" not in body:
            raise Mend(f"{file.name}:{n} is no call", "Each line is a JSON object with at least `line`.")
        bodies.append({k: v for k, v in body.items() if k != "call_id" and not k.startswith("truth_")})
    return bodies


def read_mixes(files: list[Path], policy: Policy) -> list[dict[str, Any]]:
    """The calls of several files, taken in turn; Mend where one cannot be read or holds nothing."""
    tables = [read_mix(f, policy) for f in files]
    empty = [f.name for f, t in zip(files, tables, strict=True) if not t]
    if empty:
        raise Mend(f"{', '.join(empty)} holds no calls", "Give a file with at least one.")
    return [b for turn in itertools.zip_longest(*tables) for b in turn if b is not None]


class _Emergency(NamedTuple):
    """A row of a table of emergency calls."""

    lat: float
    lon: float
    when: str
    title: str
    address: str


def _emergency_row(row: dict[str, str]) -> _Emergency:
    when = datetime.strptime(row["timeStamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).isoformat()
    return _Emergency(float(row["lat"]), float(row["lng"]), when, row["title"], row.get("addr", ""))


def _emergency(file: Path, rows: list[dict[str, str]], policy: Policy) -> list[dict[str, Any]]:
    middle = _middle(policy)
    found = []
    for n, row in enumerate(rows, 2):
        try:
            found.append(_emergency_row(row))
        except (ValueError, TypeError) as e:
            form = "Each row has numbers in lat and lng, a title, and a time such as 2016-03-05 10:20:30."
            raise Mend(f"{file.name}:{n} is no call ({e})", form) from e
    lats, lons = [r.lat for r in found], [r.lon for r in found]
    lat0, lon0 = sum(lats) / len(lats), sum(lons) / len(lons)
    bodies = []
    for r in found:
        point = {"lon": middle.lon + (r.lon - lon0) * _LON_M, "lat": middle.lat + (r.lat - lat0), "crs": "WGS84"}
        service = r.title.partition(":")[0]
        location = {"address": r.address, "point": point}
        line = _SERVICE_LINE.get(service, "110")
        bodies.append({"line": line, "channel": "relay", "text": r.title, "received_at": r.when, "location": location})
    return bodies


def _middle(policy: Policy) -> Point:
    ring = policy.polygons[policy.default_region][0]
    return Point(lon=sum(p[0] for p in ring) / len(ring), lat=sum(p[1] for p in ring) / len(ring))


def _hotline(rows: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    numbers: dict[str, str] = {}
    for row in rows:
        text = f"{row.get('subject', '')}\n{row['text']}".strip()
        body: dict[str, Any] = {"line": "12345", "channel": "web", "text": text}
        who = row.get("caller_id", "")
        if who:
            body["caller"] = {"number": numbers.setdefault(who, f"1380000{len(numbers) % 10_000:04d}")}
        if row.get("received_at"):
            body["received_at"] = f"{row['received_at']}+08:00"
        yield body


_SENTENCES = (
    ("119", "{}这边楼上在冒烟，好像着火了"),
    ("110", "{}有人在打架，围了不少人"),
    ("122", "{}两车刮擦，人没事"),
    ("122", "{}电动车撞了人，有人受伤"),
    ("120", "{}老人胸口疼，出冷汗"),
    ("12345", "{}路灯坏了，晚上看不见"),
    ("12345", "{}垃圾没人清运"),
    ("110", "{}楼下太吵，睡不着"),
)


def made_up(policy: Policy) -> Iterator[dict[str, Any]]:
    """Calls without end, at the sample county's places, each with a caller of its own where numbers last."""
    places = [e for e in policy.gazetteer if e.region == policy.default_region]
    for i in itertools.count():
        entry = places[i * 7 % len(places)]
        line, text = _SENTENCES[i % len(_SENTENCES)]
        spread = ((i * 37) % 1000 - 500) * 1e-5
        yield {
            "line": line,
            "channel": "voice",
            "text": text.format(entry.names[0]),
            "caller": {"number": f"1380000{i % 10_000:04d}"},
            "location": {"point": {"lon": entry.point.lon + spread, "lat": entry.point.lat - spread, "crs": "WGS84"}},
        }
