"""Rows of the index held while a batch is folded: each is read once, changed in memory, and written once."""

import sqlite3
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from tocsin.envelope import Ms

HELD_MAX = 8_192
"""Rows of a table that stay in memory between batches: most events come soon after the row's first."""
_IN_MAX = 500
_encode = msgspec.json.Encoder().encode
_names = msgspec.json.Decoder(list[str]).decode
_INSERT_CALL = (
    "INSERT INTO calls (call_id, region, lane, body_hash, value, recorded_at, line, answered_at, durability,"
    " status, disposition, incident_ids, kind, priority, decided_as) VALUES"
    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_CALL = (
    "UPDATE calls SET answered_at = ?, durability = ?, status = ?, disposition = ?, incident_ids = ?, kind = ?,"
    " priority = ?, decided_as = ? WHERE call_id = ?"
)
_SELECT_CALL = (
    "SELECT call_id, body_hash, answered_at, durability, status, disposition, incident_ids, kind, priority, decided_as,"
    " line FROM calls WHERE call_id IN "
)


class Step(Struct, omit_defaults=True):
    """A step of a matter as its caller is shown it: codes and moments, no words, nobody else's data."""

    step: str
    at: Ms
    agency: str = ""
    limit: str = ""
    due_at: Ms | None = None
    result: str | None = None
    disposition: str | None = None


_parts = msgspec.json.Decoder(dict[str, list[str]]).decode
_steps = msgspec.json.Decoder(list[Step]).decode


class Call(Struct):
    """A call's row, but for what never changes once written."""

    call_id: str
    body_hash: str
    answered_at: Ms
    durability: str
    status: str = "recorded"
    disposition: str | None = None
    incident_ids: list[str] = []
    kind: str | None = None
    priority: int | None = None
    decided_as: str = "decided"
    line: str = ""

    @property
    def changing(self) -> tuple[object, ...]:
        """The columns that change, in the order of the statements."""
        ids = _encode(self.incident_ids).decode()
        return (self.status, self.disposition, ids, self.kind, self.priority, self.decided_as)


class Incident(Struct):
    """An incident's row."""

    incident_id: str
    region: str
    lane: str
    agencies: list[str] = []
    calls: list[str] = []
    units: list[str] = []
    state: str = "open"
    steps: list[Step] = []
    lines: list[str] = []
    first_receiver: str = ""
    parts: dict[str, list[str]] = {}
    """Task → who works by it and whom it is offered to; not who handed it on, gave it back, or was called off."""
    exercise: bool = False

    @property
    def columns(self) -> tuple[object, ...]:
        """All columns but the review mark, which nobody reads."""
        texts = [_encode(x).decode() for x in (self.agencies, self.calls, self.units, self.steps, self.lines)]
        return (
            self.incident_id, self.region, self.lane, self.state, *texts, self.first_receiver,
            _encode(self.parts).decode(), self.exercise,
        )  # fmt: skip


class Rows:
    """The rows of one writer. Nothing is in the file before `write`; `forget` after a transaction that failed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._calls: dict[str, Call | None] = {}
        self._fresh: dict[str, tuple[object, ...]] = {}
        self._changed_calls: dict[str, Call] = {}
        self._incidents: dict[str, Incident | None] = {}
        self._changed_incidents: dict[str, Incident] = {}

    def fetch_calls(self, call_ids: Iterable[str]) -> None:
        """Reads many calls' rows at once."""
        wanted = [c for c in dict.fromkeys(call_ids) if c not in self._calls]
        for i in range(0, len(wanted), _IN_MAX):
            part = wanted[i : i + _IN_MAX]
            self._calls.update(dict.fromkeys(part))
            marks = ",".join("?" * len(part))
            for row in self._db.execute(f"{_SELECT_CALL}({marks})", part):
                self._calls[row[0]] = Call(*(*row[:6], _names(row[6]), *row[7:]))

    def call(self, call_id: str) -> Call | None:
        """A call's row, or None."""
        if call_id not in self._calls:
            self.fetch_calls([call_id])
        return self._calls[call_id]

    def add_call(self, call: Call, fixed: tuple[object, ...]) -> None:
        """A new call; `fixed`: region, lane, value, recorded_at."""
        self._calls[call.call_id] = call
        self._fresh[call.call_id] = fixed

    def change_call(self, call: Call) -> None:
        """Notes that a call's row is to be written."""
        if call.call_id not in self._fresh:
            self._changed_calls[call.call_id] = call

    def incident(self, incident_id: str) -> Incident | None:
        """An incident's row, or None."""
        if incident_id not in self._incidents:
            row = self._db.execute(
                "SELECT incident_id, region, lane, state, agencies, calls, units, steps, lines, first_receiver, parts,"
                " exercise FROM incidents WHERE incident_id = ?",
                (incident_id,),
            ).fetchone()
            self._incidents[incident_id] = None if row is None else Incident(
                row[0], row[1], row[2], _names(row[4]), _names(row[5]), _names(row[6]), row[3], _steps(row[7]),
                _names(row[8]), row[9], _parts(row[10]), bool(row[11]),
            )  # fmt: skip
        return self._incidents[incident_id]

    def change_incident(self, incident: Incident) -> None:
        """Notes that an incident's row, new or known, is to be written."""
        self._incidents[incident.incident_id] = self._changed_incidents[incident.incident_id] = incident

    def write(self) -> None:
        """Puts what is new and changed into the file, within the caller's transaction."""
        fresh = []
        for call_id, (region, lane, value, recorded_at) in self._fresh.items():
            c = self._calls[call_id]
            if c is not None:
                fresh.append(
                    (
                        call_id,
                        region,
                        lane,
                        c.body_hash,
                        value,
                        recorded_at,
                        c.line,
                        c.answered_at,
                        c.durability,
                        *c.changing,
                    )
                )
        self._db.executemany(_INSERT_CALL, fresh)
        changed = [(c.answered_at, c.durability, *c.changing, c.call_id) for c in self._changed_calls.values()]
        self._db.executemany(_UPDATE_CALL, changed)
        self._db.executemany(
            "INSERT INTO incidents"
            " (incident_id, region, lane, state, agencies, calls, units, steps, lines, first_receiver, parts, exercise)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (incident_id) DO UPDATE SET"
            " state = excluded.state, agencies = excluded.agencies, calls = excluded.calls, units = excluded.units,"
            " steps = excluded.steps, lines = excluded.lines, first_receiver = excluded.first_receiver,"
            " parts = excluded.parts",
            [i.columns for i in self._changed_incidents.values()],
        )
        self._fresh, self._changed_calls, self._changed_incidents = {}, {}, {}
        if len(self._calls) > HELD_MAX:
            self._calls.clear()
        if len(self._incidents) > HELD_MAX:
            self._incidents.clear()

    def forget(self) -> None:
        """Holds nothing any more."""
        for held in (self._calls, self._fresh, self._changed_calls, self._incidents, self._changed_incidents):
            held.clear()
