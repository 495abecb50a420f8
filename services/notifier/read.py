"""What is read from the read model: lists, one incident now or as it was, histories, snapshots, what came since."""

import base64
import binascii
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from services.notifier.filters import Filter, Standing
from services.notifier.fold import FIRST, Entry, HeldCall
from services.notifier.part import seen_by
from services.notifier.store import Store
from tocsin.codec.wire import decode_event
from tocsin.envelope import Event, Frozen, Ms
from tocsin.incident.evolve import apply
from tocsin.incident.state import Incident
from tocsin.log.topics import INCIDENT_EVENTS
from tocsin.runtime.problems import Problem
from tocsin.sight import Sight, whole

Order = Literal["newest", "queue"]
_incident = msgspec.msgpack.Decoder(Incident).decode
_call = msgspec.msgpack.Decoder(HeldCall).decode
_cursor = msgspec.json.Decoder(tuple[int, int, str]).decode
SNAPSHOT_MAX = 5_000
"""Incidents a snapshot holds at most: the open ones first, then the newest of the others; `truncated` says so."""
PAGE = 2_000


class Found(Frozen, frozen=True):
    """An incident as stored, with what it may be seen by."""

    incident: Incident
    keys: frozenset[str]


class Page(Frozen, frozen=True):
    """A page of a list."""

    items: list[Found]
    next_cursor: str | None


class Raw(Frozen, frozen=True):
    """An event with its place on the log and its bytes."""

    partition: int
    next: int
    event: Event[Any]
    raw: bytes


def list_incidents(
    store: Store, sight: Sight, want: Filter, *, order: Order, limit: int, cursor: str, review: bool = False
) -> Page:
    """A page of the incidents in sight that match."""
    clauses, values = _where(msgspec.structs.replace(sight, keys=whole(sight.keys)) if review else sight, want)
    if review:
        clauses.append("review = 1")
    newest = order == "newest"
    by = ("opened_at", "opened_at", "incident_id") if newest else ("priority", "opened_at", "incident_id")
    if cursor:
        clauses.append(f"({', '.join(by)}) {'<' if newest else '>'} (?, ?, ?)")
        values += list(_read_cursor(cursor, newest=newest))
    turn = "DESC" if newest else "ASC"
    columns = by[1:] if newest else by
    sql = (
        f"SELECT {', '.join(by)}, keys, body FROM incidents WHERE {' AND '.join(clauses) or '1'}"  # noqa: S608 - made of our own words
        f" ORDER BY {', '.join(f'{c} {turn}' for c in columns)} LIMIT ?"
    )
    with store.reading() as db:
        rows = db.execute(sql, (*values, limit + 1)).fetchall()
    following = _write_cursor(rows[limit - 1][:3]) if len(rows) > limit else None
    return Page([_found(r[3], r[4]) for r in rows[:limit]], following)


def _where(sight: Sight, want: Filter) -> tuple[list[str], list[Any]]:
    clauses: list[str] = []
    values: list[Any] = []
    if not sight.everything:
        seen = []
        if sight.regions:
            seen.append(f"region IN ({_marks(sight.regions)})")
            values += sorted(sight.regions)
        if sight.keys:
            seen.append(f"incident_id IN (SELECT incident_id FROM incident_keys WHERE key IN ({_marks(sight.keys)}))")  # noqa: S608 - marks only
            values += sorted(sight.keys)
        clauses.append(f"({' OR '.join(seen)})" if seen else "0")
    for key in want.keys:
        clauses.append("incident_id IN (SELECT incident_id FROM incident_keys WHERE key = ?)")
        values.append(key)
    for column in ("region", "state", "priority", "exercise"):
        value = getattr(want, column)
        if value is not None:
            clauses.append(f"{column} = ?")
            values.append(value)
    return clauses, values


def _marks(values: Sequence[str] | frozenset[str]) -> str:
    return ", ".join("?" * len(values))


def _write_cursor(key: tuple[int, int, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _read_cursor(text: str, *, newest: bool) -> tuple[int, int, str]:
    """The key a page ended with. By its first part it is of this order: a priority, or the moment it holds twice."""
    try:
        key = _cursor(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError) as e:
        raise _no_cursor() from e
    if (key[0] == key[1]) != newest:
        raise _no_cursor()
    return key


def _no_cursor() -> Problem:
    return Problem.invalid("query.cursor", "none of this list's; begin again without one", code="cursor_invalid")


def _found(keys: str, body: bytes) -> Found:
    return Found(_incident(body), frozenset(keys.split("|")) if keys else frozenset())


def get_incident(store: Store, incident_id: str) -> Found | None:
    """The incident as it stands."""
    with store.reading() as db:
        row = db.execute("SELECT keys, body FROM incidents WHERE incident_id = ?", (incident_id,)).fetchone()
    return _found(*row) if row else None


def incident_as_of(store: Store, incident_id: str, at: Ms) -> Incident | None:
    """The incident as it stood at a moment: folded anew from its events recorded until then."""
    incident: Incident | None = None
    for held in history(store, incident_id):
        event = held.event
        if event.recorded_at > at:
            break
        if event.subject == incident_id and (incident is not None or isinstance(event.data, FIRST)):
            incident = apply(incident, event)
    return incident


def history(store: Store, incident_id: str) -> list[Raw]:
    """All events of an incident, in the order of the log."""
    sql = """SELECT e.partition, e.next, e.raw FROM event_incidents i JOIN events e USING (partition, next)
             WHERE i.incident_id = ? ORDER BY e.partition, e.next"""
    with store.reading() as db:
        rows = db.execute(sql, (incident_id,)).fetchall()
    return [Raw(p, n, decode_event(raw), raw) for p, n, raw in rows]


def following(store: Store, held: Raw) -> Raw | None:
    """The next event of the same region's chain, if there is one yet."""
    at = held.next
    with store.reading() as db:
        while True:
            sql = "SELECT next, raw FROM events WHERE partition = ? AND next > ? ORDER BY next LIMIT 50"
            rows = db.execute(sql, (held.partition, at)).fetchall()
            for n, raw in rows:
                event = decode_event(raw)
                if event.region == held.event.region:
                    return Raw(held.partition, n, event, raw)
            if not rows:
                return None
            at = rows[-1][0]


def calls_of(store: Store, incidents: Sequence[Incident]) -> dict[str, HeldCall]:
    """The calls that these incidents name, linked or suggested."""
    ids = sorted({c for i in incidents for c in (*i.links, *i.suggestions)})
    found: dict[str, HeldCall] = {}
    with store.reading() as db:
        for at in range(0, len(ids), 500):
            some = ids[at : at + 500]
            rows = db.execute(f"SELECT call_id, body FROM calls WHERE call_id IN ({_marks(some)})", some)  # noqa: S608 - marks only
            found |= {call_id: _call(body) for call_id, body in rows}
    return found


def get_call(store: Store, call_id: str) -> tuple[HeldCall, list[Found]] | None:
    """A call and the incidents it is or was linked to."""
    with store.reading() as db:
        row = db.execute("SELECT body FROM calls WHERE call_id = ?", (call_id,)).fetchone()
        joined = "incidents JOIN incident_keys USING (incident_id)"
        sql = f"SELECT keys, body FROM {joined} WHERE key = ? ORDER BY incident_id"  # noqa: S608 - no input in it
        rows = db.execute(sql, (f"call:{call_id}",)).fetchall()
    return (_call(row[0]), [_found(*r) for r in rows]) if row else None


def revealed_at(store: Store, call_id: str, subject: str) -> Ms | None:
    """When this person last revealed this call's number, with a reason on the log."""
    with store.reading() as db:
        row = db.execute(
            "SELECT recorded_at FROM reveals WHERE call_id = ? AND subject = ?", (call_id, subject)
        ).fetchone()
    return int(row[0]) if row else None


def deliveries_of(store: Store, incident_id: str) -> list[tuple[Event[Any], int]]:
    """What was sent to whom for an incident, and how often each record came."""
    with store.reading() as db:
        rows = db.execute("SELECT raw, times FROM deliveries WHERE incident_id = ?", (incident_id,)).fetchall()
    held = [(decode_event(raw), int(times)) for raw, times in rows]
    return sorted(held, key=lambda d: (d[0].recorded_at, d[0].event_id))


def snapshot(store: Store, sight: Sight, want: Filter, partitions: int) -> tuple[list[Found], tuple[int, ...], bool]:
    """What matches now, how far that was read, and whether it was cut short at `SNAPSHOT_MAX`."""
    clauses, values = _where(sight, want)
    sql = (
        f"SELECT keys, body FROM incidents WHERE {' AND '.join(clauses) or '1'}"  # noqa: S608 - made of our own words
        " ORDER BY state <> 'open', iif(state = 'open', priority * 10000000000000 + opened_at, -opened_at) LIMIT ?"
    )
    with store.reading() as db:
        rows = db.execute(sql, (*values, SNAPSHOT_MAX + 1)).fetchall()
        positions = read_positions(db, partitions)
    return [_found(*r) for r in rows[:SNAPSHOT_MAX]], positions, len(rows) > SNAPSHOT_MAX


def read_positions(db: sqlite3.Connection, partitions: int) -> tuple[int, ...]:
    """How far the incidents' events are folded."""
    held = dict(db.execute("SELECT partition, next FROM positions WHERE topic = ?", (INCIDENT_EVENTS.name,)).fetchall())
    return tuple(held.get(p, 0) for p in range(partitions))


def positions(store: Store, partitions: int) -> tuple[int, ...]:
    """The same, in a reading of its own."""
    with store.reading() as db:
        return read_positions(db, partitions)


def count_since(store: Store, since: Sequence[int], until: Sequence[int]) -> int:
    """How many events stand between two positions."""
    total = 0
    with store.reading() as db:
        for p, (low, high) in enumerate(zip(since, until, strict=True)):
            sql = "SELECT count(*) FROM events WHERE partition = ? AND next > ? AND next <= ?"
            total += db.execute(sql, (p, low, high)).fetchone()[0]
    return total


def entries_since(store: Store, since: Sequence[int], until: Sequence[int]) -> Iterator[list[Entry]]:
    """The events between two positions as the streams need them, a partition after the other, in pages."""
    for p, (low, high) in enumerate(zip(since, until, strict=True)):
        yield from entries_of(store, p, low, high)


def entries_of(store: Store, partition: int, low: int, high: int) -> Iterator[list[Entry]]:
    """The same of one partition."""
    at = low
    while at < high:
        with store.reading() as db:
            page = _page(db, partition, at, high)
        if not page:
            break
        at = page[-1].next
        yield page


def _page(db: sqlite3.Connection, partition: int, low: int, high: int) -> list[Entry]:
    sql = """SELECT next, incident_id, before_state, before_priority, after_state, after_priority, raw FROM events
             WHERE partition = ? AND next > ? AND next <= ? ORDER BY next LIMIT ?"""
    rows = db.execute(sql, (partition, low, high, PAGE)).fetchall()
    about = {i: _about(db, i) for i in {r[1] for r in rows}}
    page = []
    for following, incident_id, before_state, before_priority, after_state, after_priority, raw in rows:
        keys, present, first = about[incident_id]
        before = Standing(before_state, before_priority) if before_state else None
        after = Standing(after_state, after_priority) if after_state else present
        standings = tuple(s for s in dict.fromkeys((before, after)) if s is not None)
        event = decode_event(raw)
        page.append(Entry(partition, following, event, incident_id, seen_by(keys, event), standings, first))
    return page


def _about(db: sqlite3.Connection, incident_id: str) -> tuple[frozenset[str], Standing | None, str]:
    row = db.execute("SELECT keys, body FROM incidents WHERE incident_id = ?", (incident_id,)).fetchone()
    if row is None:
        return frozenset(), None, ""
    found = _found(*row)
    return found.keys, Standing(found.incident.state, found.incident.priority), found.incident.first_receiver
