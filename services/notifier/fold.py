"""Records of the log → rows of the read model, a batch a transaction, and what the streams are to say of it."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from services.notifier import hooks
from services.notifier.filters import Standing
from services.notifier.part import seen_by
from services.notifier.store import Store
from tocsin.codec.wire import UnreadableRecord, decode_event
from tocsin.envelope import Event, Frozen, Ms
from tocsin.incident.events import CallRecorded, IncidentMerged, IncidentOpened, NumberRevealed
from tocsin.incident.evolve import apply
from tocsin.incident.state import Incident
from tocsin.incident.values import CallRecord, Understanding
from tocsin.log.port import Record
from tocsin.log.topics import DELIVERIES, INCIDENT_EVENTS
from tocsin.sight import FORMER, keys_of

log = structlog.get_logger()
INCIDENT_ID = re.compile(r"\d{6}-\d{8}-\d{6,}")
_pack = msgspec.msgpack.Encoder().encode
_incident = msgspec.msgpack.Decoder(Incident).decode
FIRST = (CallRecorded, IncidentOpened)
"""What an incident can begin with; another event about an unknown one is a refusal's trace, not an incident."""
KEPT = 20_000
"""Incidents kept unpacked between batches, so that a busy one is not read for each of its events."""


class HeldCall(Frozen, frozen=True, kw_only=True):
    """A call as the read model keeps it: words sealed, as on the log."""

    record: CallRecord
    understanding: Understanding
    recorded_at: Ms


class Entry(Struct, frozen=True):
    """An event as the streams need it; `next` is the position after it in its partition."""

    partition: int
    next: int
    event: Event[Any]
    incident_id: str
    keys: frozenset[str]
    standings: tuple[Standing, ...]
    first_receiver: str


class Folded(Struct):
    """What a batch came to: entries in log order, the positions after it, records that could not be read."""

    entries: list[Entry]
    positions: dict[tuple[str, int], int]
    unreadable: list[tuple[Record, str]]


class _Row(Struct):
    partition: int
    next: int
    event: Event[Any]
    ids: list[str]
    before: Standing | None
    after: Standing | None
    raw: bytes


class Fold:
    """The single writer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, Incident] = {}
        self._lines: dict[str, str] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._frozen: dict[str, frozenset[str]] = {}
        self._at = self.positions()

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset of each partition folded so far."""
        rows = self._store.writer.execute("SELECT topic, partition, next FROM positions").fetchall()
        return {(t, p): n for t, p, n in rows}

    def reset(self) -> None:
        """Starts anew from nothing."""
        self._forget()
        self._store.reset()
        self._at = {}

    def _forget(self) -> None:
        self._kept.clear()
        self._lines.clear()
        self._keys.clear()

    def take(self, records: Sequence[Record]) -> Folded:
        """Folds a batch. A failure leaves the file as it was and forgets what was half folded."""
        try:
            with self._store.writing() as db:
                folded = self._take(db, records)
        except BaseException:
            self._forget()
            raise
        self._at |= folded.positions
        return folded

    def _take(self, db: sqlite3.Connection, records: Sequence[Record]) -> Folded:
        self._frozen.clear()
        rows: list[_Row] = []
        dirty: dict[str, Incident] = {}
        positions: dict[tuple[str, int], int] = {}
        unreadable: list[tuple[Record, str]] = []
        for record in records:
            if record.offset < self._at.get((record.topic, record.partition), 0):
                continue  # folded before: a reader that began too early must not count it twice
            positions[record.topic, record.partition] = record.offset + 1
            try:
                event = decode_event(record.value or b"")
            except UnreadableRecord as e:
                unreadable.append((record, str(e)))
                continue
            if record.topic == DELIVERIES.name:
                _keep_delivery(db, event, record.value or b"")
            elif record.topic == INCIDENT_EVENTS.name:
                rows.append(self._event(db, record, event, dirty))
        self._write(db, rows, dirty, positions)
        entries = [self._entry(db, row) for row in rows]
        self._shed()
        return Folded(entries, positions, unreadable)

    def _event(self, db: sqlite3.Connection, record: Record, event: Event[Any], dirty: dict[str, Incident]) -> _Row:
        data = event.data
        ids = [event.subject] if INCIDENT_ID.fullmatch(event.subject) else []
        if isinstance(data, CallRecorded):
            ids += [i for i in data.incident_ids if i not in ids]
            self._keep_call(db, event, data)
        elif isinstance(data, NumberRevealed):
            db.execute(
                "INSERT OR REPLACE INTO reveals VALUES (?, ?, ?)",
                (data.call_id, event.actor.subject, event.recorded_at),
            )
        before = after = None
        if event.subject in ids:
            incident = self._held(db, event.subject)
            before = _standing(incident)
            if incident is not None and isinstance(data, IncidentMerged):
                self._frozen[event.subject] = frozenset(k for k in keys_of(incident, ()) if _of_work(k))
            incident = apply(incident, event) if incident is not None or isinstance(data, FIRST) else None
            after = _standing(incident)
            if incident is not None:
                self._kept[event.subject] = dirty[event.subject] = incident
        return _Row(record.partition, record.offset + 1, event, ids, before, after, record.value or b"")

    def _keep_call(self, db: sqlite3.Connection, event: Event[Any], data: CallRecorded) -> None:
        body = _pack(HeldCall(record=data.call, understanding=data.understanding, recorded_at=event.recorded_at))
        row = (data.call.call_id, event.region, data.call.line, event.recorded_at, body)
        db.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)", row)
        self._lines[data.call.call_id] = data.call.line

    def _held(self, db: sqlite3.Connection, incident_id: str) -> Incident | None:
        held = self._kept.get(incident_id)
        if held is None:
            row = db.execute("SELECT body FROM incidents WHERE incident_id = ?", (incident_id,)).fetchone()
            held = _incident(row[0]) if row else None
        return held

    def _line(self, db: sqlite3.Connection, call_id: str) -> str:
        line = self._lines.get(call_id)
        if line is None:
            row = db.execute("SELECT line FROM calls WHERE call_id = ?", (call_id,)).fetchone()
            line = self._lines[call_id] = row[0] if row else ""
        return line

    def _write(
        self,
        db: sqlite3.Connection,
        rows: Sequence[_Row],
        dirty: Mapping[str, Incident],
        positions: Mapping[tuple[str, int], int],
    ) -> None:
        db.executemany("INSERT OR REPLACE INTO events VALUES (?,?,?,?,?,?,?,?,?,?)", [_event_row(r) for r in rows])
        links = [(i, r.partition, r.next) for r in rows for i in r.ids]
        db.executemany("INSERT OR IGNORE INTO event_incidents VALUES (?, ?, ?)", links)
        for incident_id, incident in dirty.items():
            self._write_incident(db, incident_id, incident)
        db.executemany(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", [(t, p, n) for (t, p), n in positions.items()]
        )

    def _write_incident(self, db: sqlite3.Connection, incident_id: str, incident: Incident) -> None:
        lines = {self._line(db, c) for c in incident.links}
        known = self._known_keys(db, incident_id)
        keys = keys_of(incident, lines) | frozenset(k for k in known if not _of_work(k))
        if incident.state == "merged":
            keys |= self._frozen.get(incident_id) or frozenset(k for k in known if _of_work(k))
        db.executemany("DELETE FROM incident_keys WHERE key = ? AND incident_id = ?", _pairs(known - keys, incident_id))
        db.executemany("INSERT OR IGNORE INTO incident_keys VALUES (?, ?)", _pairs(keys - known, incident_id))
        self._keys[incident_id] = keys
        row = (
            incident_id,
            incident.region,
            incident.state,
            incident.priority,
            incident.exercise,
            incident.opened_at,
            incident.updated_at,
            bool(incident.review) and incident.state == "open",
            "|".join(sorted(keys)),
            _pack(incident),
        )
        db.execute("INSERT OR REPLACE INTO incidents VALUES (?,?,?,?,?,?,?,?,?,?)", row)

    def _known_keys(self, db: sqlite3.Connection, incident_id: str) -> frozenset[str]:
        keys = self._keys.get(incident_id)
        if keys is None:
            row = db.execute("SELECT keys FROM incidents WHERE incident_id = ?", (incident_id,)).fetchone()
            keys = frozenset(row[0].split("|")) if row and row[0] else frozenset()
        return keys

    def _entry(self, db: sqlite3.Connection, row: _Row) -> Entry:
        incident_id = row.ids[0] if row.ids else ""
        keys = frozenset[str]().union(*(self._known_keys(db, i) for i in row.ids))
        incident = self._held(db, incident_id) if incident_id else None
        present = _standing(incident)
        standings = tuple(s for s in dict.fromkeys((row.before, row.after or present)) if s is not None)
        first = incident.first_receiver if incident is not None else ""
        return Entry(row.partition, row.next, row.event, incident_id, seen_by(keys, row.event), standings, first)

    def _shed(self) -> None:
        for kept in (self._kept, self._lines, self._keys):
            while len(kept) > KEPT:
                kept.pop(next(iter(kept)))


def _of_work(key: str) -> bool:
    """Whether an incident is seen by this key for as long as the agency's work in it lasts, and differently then.

    A merge takes tasks elsewhere: who sees the file that is left stays as it was then.
    """
    return key.startswith(("agency:", FORMER))


def _pairs(keys: frozenset[str], incident_id: str) -> list[tuple[str, str]]:
    return [(k, incident_id) for k in sorted(keys)]


def _standing(incident: Incident | None) -> Standing | None:
    return Standing(incident.state, incident.priority) if incident is not None else None


def _event_row(r: _Row) -> tuple[Any, ...]:
    before, after = r.before, r.after
    return (
        r.partition, r.next, r.ids[0] if r.ids else "", r.event.type, r.event.recorded_at,
        before.state if before else None, before.priority if before else None,
        after.state if after else None, after.priority if after else None, r.raw,
    )  # fmt: skip


def _keep_delivery(db: sqlite3.Connection, event: Event[Any], raw: bytes) -> None:
    if isinstance(event.data, hooks.OWN):
        hooks.fold(db, event)
        if not INCIDENT_ID.fullmatch(event.subject):
            return
    db.execute(
        "INSERT INTO deliveries VALUES (?, ?, ?, 1, ?) ON CONFLICT (event_id) DO UPDATE SET times = times + 1",
        (event.event_id, getattr(event.data, "cause_id", ""), event.subject, raw),
    )
