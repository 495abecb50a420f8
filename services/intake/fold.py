"""Folds commands and events into the index: what came of each call and command, what an incident needs told."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import structlog
from msgspec import Struct

from services.intake.safekeeping import spooled_at
from tocsin.codec.wire import UnreadableRecord, decode_command, decode_event
from tocsin.envelope import Event, Ms
from tocsin.incident import events as e
from tocsin.incident.commands import RecordCall
from tocsin.log.headers import header
from tocsin.log.port import Record
from tocsin.log.topics import INCIDENT_EVENTS, ROUTINE
from tocsin.outcomes import CommandRefused, CommandRepeated
from tocsin.runtime.clock import record_time

log = structlog.get_logger()
BODY_HEADER = "tocsin_body"
"""Header of a call's record: the keyed hash of its body, so that the index need not open the record."""
STEPS_MAX = 200
"""Steps of one matter that its caller is shown."""

_OURS = ("call:", "clock:")
_SHOWN: dict[type, str] = {
    e.IncidentOpened: "opened", e.TaskRouted: "routed", e.TaskAcknowledged: "acknowledged", e.TaskAccepted: "accepted",
    e.UnitsDispatched: "dispatched", e.TaskArrived: "on_scene", e.TaskCompleted: "completed",
    e.InformationRequested: "information_requested", e.InformationProvided: "information_provided",
    e.DeadlineExtended: "deadline_extended", e.CallerInformed: "caller_informed", e.FollowedUp: "followed_up",
    e.IncidentClosed: "closed", e.IncidentReopened: "reopened", e.ClockStarted: "limit",
}  # fmt: skip
"""Events a caller sees as steps of the own matter: nothing of other people, no words."""


class Touched(NamedTuple):
    """Which calls and commands a batch said something new of."""

    calls: set[str]
    commands: set[str]


class _Command(Struct):
    region: str
    events: list[dict[str, Any]]
    outcome: str = "accepted"
    code: str = ""
    detail: str = ""
    version: int = 0
    at: Ms = 0
    whole: bool = False


class Fold:
    """One writer of the index. `apply` is one transaction a batch, the positions in it."""

    def __init__(self, db: sqlite3.Connection, *, trust_clock_header: bool) -> None:
        self._db, self._trust = db, trust_clock_header
        self._commands: dict[str, _Command] = {}
        self._touched = Touched(set(), set())
        self._on: dict[type, Callable[[Event[Any]], None]] = {
            e.CallRecorded: self._recorded, e.IncidentOpened: self._opened, e.CallLinked: self._linked,
            e.CallUnlinked: self._unlinked, e.IncidentSplit: self._split, e.CallClosed: self._call_closed,
            e.TaskRouted: self._routed, e.TransferOffered: self._offered, e.UnitsDispatched: self._units,
            e.IncidentClosed: self._ended, e.IncidentMerged: self._ended, e.IncidentReopened: self._reopened,
            e.ReviewRequested: self._review, e.ReviewEnded: self._reviewed,
        }  # fmt: skip

    def positions(self) -> dict[tuple[str, int], int]:
        """Where the fold has come to."""
        return {(t, p): n for t, p, n in self._db.execute("SELECT topic, partition, next FROM positions")}

    def apply(self, records: Iterable[Record]) -> Touched:
        """Folds a batch; on an error nothing of it is kept."""
        self._touched = Touched(set(), set())
        self._commands = {}
        nexts: dict[tuple[str, int], int] = {}
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for r in records:
                nexts[r.topic, r.partition] = r.offset + 1
                if r.topic == INCIDENT_EVENTS.name:
                    self._event(r)
                else:
                    self._command(r)
            self._put_commands()
            rows = [(t, p, n) for (t, p), n in nexts.items()]
            self._db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return self._touched

    def prune(self, before: Ms) -> None:
        """Forgets calls and commands recorded before this: known ids are kept as long as the owners keep them."""
        self._db.execute("DELETE FROM commands WHERE recorded_at < ?", (before,))
        self._db.execute("DELETE FROM calls WHERE recorded_at < ?", (before,))

    def _command(self, r: Record) -> None:
        found = _call_of(r)
        if found is None:
            self._pending(r)
            return
        call_id, body, region = found
        at = record_time(r.headers, r.timestamp, trust_header=self._trust)
        spooled = spooled_at(r.headers)
        row = (
            call_id, region, "routine" if r.topic == ROUTINE.name else "urgent", body, r.value, at,
            at if spooled is None else spooled, "log" if spooled is None else "spooled",
        )  # fmt: skip
        self._db.execute(
            "INSERT INTO calls (call_id, region, lane, body_hash, value, recorded_at, answered_at, durability)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            row,
        )
        if spooled is not None:
            # The same call may have come to stand on the log late, before its spooled copy: the 202 named the spool.
            self._db.execute(
                "UPDATE calls SET answered_at = ?, durability = 'spooled'"
                " WHERE call_id = ? AND body_hash = ? AND durability = 'log'",
                (spooled, call_id, body),
            )
        self._touched.calls.add(call_id)

    def _pending(self, r: Record) -> None:
        """A person's command is on the log: any replica can say so before it is decided."""
        command_id, source = header(r.headers, "ce_id"), header(r.headers, "ce_source")
        if command_id is None or r.key is None or source in (None, b"/tocsin/system"):
            return
        row = (command_id.decode(errors="replace"), r.key.decode(errors="replace"), "pending", r.timestamp)
        self._db.execute(
            "INSERT INTO commands (command_id, region, outcome, recorded_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            row,
        )

    def _event(self, r: Record) -> None:
        try:
            event = decode_event(r.value or b"")
        except UnreadableRecord as error:
            log.warning("event_unreadable", topic=r.topic, partition=r.partition, offset=r.offset, error=str(error))
            return
        if not event.command_id.startswith(_OURS):
            self._outcome(event)
        handler = self._on.get(type(event.data))
        if handler is not None:
            handler(event)
        if event.command_id.startswith("call:") and event.index + 1 == event.count:
            # Only with the last event of its decision is a call decided: a batch may end between two of them.
            self._db.execute(
                "UPDATE calls SET status = decided_as WHERE call_id = ? AND status = 'recorded'",
                (event.command_id.removeprefix("call:"),),
            )
        step = _SHOWN.get(type(event.data))
        if step is not None and event.subject:
            self._step(event, step)

    def _outcome(self, event: Event[Any]) -> None:
        data = event.data
        if isinstance(data, CommandRepeated):
            return
        held = self._commands.get(event.command_id) or self._begun(event)
        self._commands[event.command_id] = held
        held.at = event.recorded_at
        if not held.events or event.subject == held.events[0]["incident_id"]:
            held.version = max(held.version, event.version)
        if isinstance(data, CommandRefused):
            held.outcome, held.code, held.detail = "refused", data.code, data.detail
        held.whole = event.index + 1 == event.count
        held.events.append({
            "event_id": event.event_id, "type": event.type, "incident_id": event.subject, "version": event.version,
        })  # fmt: skip

    def _begun(self, event: Event[Any]) -> _Command:
        """The command's outcome so far: a former batch may have ended between two of its events."""
        row = None
        if event.index > 0:
            query = "SELECT events, version FROM commands WHERE command_id = ? AND outcome = 'pending'"
            row = self._db.execute(query, (event.command_id,)).fetchone()
        return _Command(event.region, json.loads(row[0]) if row else [], version=row[1] if row else 0)

    def _put_commands(self) -> None:
        for command_id, c in self._commands.items():
            outcome = c.outcome if c.whole else "pending"
            self._db.execute(
                "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (command_id) DO UPDATE SET"
                " region = excluded.region, outcome = excluded.outcome, code = excluded.code, detail = excluded.detail,"
                " version = excluded.version, events = excluded.events, recorded_at = excluded.recorded_at"
                " WHERE outcome = 'pending'",
                (command_id, c.region, outcome, c.code, c.detail, c.version, json.dumps(c.events), c.at),
            )
            self._touched.commands.add(command_id)

    def _recorded(self, event: Event[Any]) -> None:
        call, u = event.data.call, event.data.understanding
        status = "review" if u.human else "decided"
        self._db.execute(
            "UPDATE calls SET decided_as = ?, kind = ?, priority = ?, incident_ids = ? WHERE call_id = ?",
            (status, u.kind, u.priority, json.dumps(event.data.incident_ids), call.call_id),
        )
        self._touched.calls.add(call.call_id)

    def _opened(self, event: Event[Any]) -> None:
        self._db.execute(
            "INSERT INTO incidents (incident_id, region, lane) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (event.subject, event.region, event.lane),
        )
        self._belongs(event.data.call_id, event.subject, "opened")
        if event.data.review:
            self._db.execute("UPDATE calls SET decided_as = 'review' WHERE call_id = ?", (event.data.call_id,))

    def _linked(self, event: Event[Any]) -> None:
        self._belongs(event.data.call_id, event.subject, "linked")

    def _unlinked(self, event: Event[Any]) -> None:
        self._leaves(event.data.call_id, event.subject, event.data.to)

    def _split(self, event: Event[Any]) -> None:
        for call_id in event.data.call_ids:
            self._leaves(call_id, event.subject, event.data.to)

    def _belongs(self, call_id: str, incident_id: str, how: str) -> None:
        row = self._db.execute(
            "SELECT incident_ids, disposition, value FROM calls WHERE call_id = ?", (call_id,)
        ).fetchone()
        if row is None:
            return
        ids = list(dict.fromkeys([*json.loads(row[0]), incident_id]))
        self._db.execute(
            "UPDATE calls SET incident_ids = ?, disposition = COALESCE(disposition, ?) WHERE call_id = ?",
            (json.dumps(ids), how, call_id),
        )
        self._add(incident_id, "calls", [call_id])
        self._touched.calls.add(call_id)

    def _leaves(self, call_id: str, incident_id: str, to: str) -> None:
        row = self._db.execute("SELECT incident_ids FROM calls WHERE call_id = ?", (call_id,)).fetchone()
        if row is not None:
            ids = [i for i in json.loads(row[0]) if i != incident_id]
            ids = [*ids, to] if to and to not in ids else ids
            self._db.execute("UPDATE calls SET incident_ids = ? WHERE call_id = ?", (json.dumps(ids), call_id))
            self._touched.calls.add(call_id)
        held = self._db.execute("SELECT calls FROM incidents WHERE incident_id = ?", (incident_id,)).fetchone()
        if held is not None:
            rest = [c for c in json.loads(held[0]) if c != call_id]
            self._db.execute("UPDATE incidents SET calls = ? WHERE incident_id = ?", (json.dumps(rest), incident_id))

    def _call_closed(self, event: Event[Any]) -> None:
        self._db.execute(
            "UPDATE calls SET status = 'decided', disposition = 'no_incident' WHERE call_id = ?", (event.data.call_id,)
        )
        self._touched.calls.add(event.data.call_id)

    def _routed(self, event: Event[Any]) -> None:
        row = (event.data.task_id, event.subject, event.data.agency)
        self._db.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?)", row)
        self._add(event.subject, "agencies", [event.data.agency])

    def _offered(self, event: Event[Any]) -> None:
        self._add(event.subject, "agencies", [event.data.to])

    def _units(self, event: Event[Any]) -> None:
        self._add(event.subject, "units", event.data.unit_ids)

    def _ended(self, event: Event[Any]) -> None:
        state = "merged" if isinstance(event.data, e.IncidentMerged) else "closed"
        self._db.execute("UPDATE incidents SET state = ? WHERE incident_id = ?", (state, event.subject))

    def _reopened(self, event: Event[Any]) -> None:
        self._db.execute("UPDATE incidents SET state = 'open' WHERE incident_id = ?", (event.subject,))

    def _review(self, event: Event[Any]) -> None:
        self._set_review(event, "review")

    def _reviewed(self, event: Event[Any]) -> None:
        self._set_review(event, "decided")

    def _set_review(self, event: Event[Any], status: str) -> None:
        row = self._db.execute("SELECT calls FROM incidents WHERE incident_id = ?", (event.subject,)).fetchone()
        for call_id in json.loads(row[0]) if row else ():
            self._db.execute("UPDATE calls SET status = ? WHERE call_id = ?", (status, call_id))
            self._touched.calls.add(call_id)

    def _add(self, incident_id: str, column: str, items: list[str]) -> None:
        query = f"SELECT {column} FROM incidents WHERE incident_id = ?"  # noqa: S608 - a column of ours
        row = self._db.execute(query, (incident_id,)).fetchone()
        if row is None:
            return
        held = json.loads(row[0])
        fresh = [i for i in items if i and i not in held]
        if fresh:
            change = f"UPDATE incidents SET {column} = ? WHERE incident_id = ?"  # noqa: S608 - a column of ours
            self._db.execute(change, (json.dumps([*held, *fresh]), incident_id))

    def _step(self, event: Event[Any], step: str) -> None:
        row = self._db.execute("SELECT steps FROM incidents WHERE incident_id = ?", (event.subject,)).fetchone()
        if row is None:
            return
        steps = json.loads(row[0])
        data = event.data
        agency = getattr(data, "agency", "")
        shown: dict[str, Any] = {"step": step, "at": event.occurred_at or event.recorded_at}
        if agency:
            shown["agency"] = agency
        if isinstance(data, e.ClockStarted | e.DeadlineExtended):
            shown |= {"limit": data.clock, "due_at": data.due_at}
        for name in ("result", "disposition"):
            # Only codes are shown here; TaskCompleted's `result` is a sealed word and stays out.
            if not isinstance(data, e.TaskCompleted) and isinstance(value := getattr(data, name, None), str):
                shown[name] = value
        if len(steps) < STEPS_MAX:
            self._db.execute(
                "UPDATE incidents SET steps = ? WHERE incident_id = ?", (json.dumps([*steps, shown]), event.subject)
            )


def _call_of(r: Record) -> tuple[str, str, str] | None:
    """(call id, body hash, region) of a call's record; None for other commands and what cannot be read."""
    kind, body = header(r.headers, "ce_type"), header(r.headers, BODY_HEADER)
    command_id = header(r.headers, "ce_id")
    if kind is not None and body is not None and command_id is not None and r.key is not None:
        if kind != b"cn.tocsin.RecordCall.v1":
            return None
        return command_id.decode().removeprefix("call:"), body.decode(), r.key.decode()
    if kind is not None and kind != b"cn.tocsin.RecordCall.v1":
        return None
    try:
        command = decode_command(r.value or b"")
    except UnreadableRecord:
        return None  # the owner puts it among the dead letters
    if not isinstance(command.data, RecordCall):
        return None
    call = command.data.call
    return call.call_id, call.body_hash, command.region
