"""Folds commands and events into the index: what came of each call and command, what an incident needs told."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import structlog
from msgspec import Struct

from services.intake.rows import Call, Incident, Rows, Step
from services.intake.safekeeping import spooled_at
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import UnreadableRecord, decode_command, encode_command
from tocsin.envelope import Command, Lane, Ms
from tocsin.incident import events as e
from tocsin.incident.commands import RecordCall
from tocsin.incident.permissions import LEFT
from tocsin.incident.values import CallRecord
from tocsin.log.headers import header
from tocsin.log.port import Record
from tocsin.log.topics import INCIDENT_EVENTS, ROUTINE
from tocsin.runtime.clock import record_time

log = structlog.get_logger()
BODY_HEADER = "tocsin_body"
"""Header of a call's record: the keyed hash of its body, so that the index need not open the record."""
STEPS_MAX = 200
"""Steps of one matter that its caller is shown."""

_OURS = ("call:", "clock:")
_CALL_RECORDED = e.CallRecorded.__name__
_SHOWN_TYPES: dict[type, str] = {
    e.IncidentOpened: "opened", e.TaskRouted: "routed", e.TaskAcknowledged: "acknowledged", e.TaskAccepted: "accepted",
    e.UnitsDispatched: "dispatched", e.TaskArrived: "on_scene", e.TaskCompleted: "completed",
    e.InformationRequested: "information_requested", e.InformationProvided: "information_provided",
    e.DeadlineExtended: "deadline_extended", e.CallerInformed: "caller_informed", e.FollowedUp: "followed_up",
    e.IncidentClosed: "closed", e.IncidentReopened: "reopened", e.ClockStarted: "limit",
}  # fmt: skip
"""Events a caller sees as steps of the own matter: nothing of other people, no words."""
_SHOWN = {cls.__name__: step for cls, step in _SHOWN_TYPES.items()}


Place = tuple[str, int, int]
"""Topic, partition, offset of a record."""


class Touched(NamedTuple):
    """Which calls and commands a batch said something new of, and where calls that were new with it stand."""

    calls: set[str]
    commands: set[str]
    first: dict[str, Place]


class _Command(Struct):
    region: str
    events: list[dict[str, Any]]
    outcome: str = "accepted"
    code: str = ""
    detail: str = ""
    version: int = 0
    at: Ms = 0
    whole: bool = False
    sender: str = ""


class Fold:
    """One writer of the index. `apply` is one transaction a batch, the positions in it."""

    def __init__(
        self, db: sqlite3.Connection, *, trust_clock_header: bool, now: Callable[[], Ms] | None = None
    ) -> None:
        self._db, self._trust, self._now = db, trust_clock_header, now
        self._commands: dict[str, _Command] = {}
        self._rows = Rows(db)
        self._tasks: list[tuple[str, str, str]] = []
        self._touched = Touched(set(), set(), {})
        on: dict[type, Callable[[EventHead, Any], None]] = {
            e.IncidentOpened: self._opened, e.CallLinked: self._linked,
            e.CallUnlinked: self._unlinked, e.IncidentSplit: self._split, e.CallClosed: self._call_closed,
            e.TaskRouted: self._routed, e.TaskJoined: self._joined, e.TransferOffered: self._offered,
            e.UnitsDispatched: self._units, e.TransferDeclined: self._lapsed, e.TaskCompleted: self._lapsed,
            e.TaskTransferred: self._left, e.TaskReturned: self._left, e.TaskCancelled: self._left,
            e.IncidentClosed: self._ended, e.IncidentMerged: self._merged, e.IncidentReopened: self._reopened,
            e.ReviewRequested: self._review, e.ReviewEnded: self._reviewed,
        }  # fmt: skip
        self._on = {cls.__name__: handler for cls, handler in on.items()}

    def positions(self) -> dict[tuple[str, int], int]:
        """Where the fold has come to."""
        return {(t, p): n for t, p, n in self._db.execute("SELECT topic, partition, next FROM positions")}

    def apply(self, records: Sequence[Record]) -> Touched:
        """Folds a batch; on an error nothing of it is kept."""
        self._touched = Touched(set(), set(), {})
        self._commands, self._tasks = {}, []
        nexts: dict[tuple[str, int], int] = {}
        self._db.execute("BEGIN IMMEDIATE")
        try:
            calls = [None if r.topic == INCIDENT_EVENTS.name else _call_of(r) for r in records]
            self._rows.fetch_calls(c[0] for c in calls if c is not None)
            for r, call in zip(records, calls, strict=True):
                nexts[r.topic, r.partition] = r.offset + 1
                if r.topic == INCIDENT_EVENTS.name:
                    self._event(r)
                elif call is None:
                    self._pending(r)
                else:
                    self._call(r, *call)
            self._rows.write()
            self._db.executemany("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?)", self._tasks)
            self._put_commands()
            rows = [(t, p, n) for (t, p), n in nexts.items()]
            self._db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", rows)
        except BaseException:
            self._rows.forget()
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return self._touched

    def prune(self, before: Ms) -> None:
        """Forgets calls and commands recorded before this: known ids are kept as long as the owners keep them."""
        self._rows.forget()
        self._db.execute("DELETE FROM commands WHERE recorded_at < ?", (before,))
        self._db.execute("DELETE FROM calls WHERE recorded_at < ?", (before,))

    def _call(self, r: Record, call_id: str, body: str, region: str, line: str) -> None:
        spooled = spooled_at(r.headers)
        known = self._rows.call(call_id)
        if known is None:
            at = record_time(r.headers, r.timestamp, trust_header=self._trust, now=self._now)
            durability, answered = ("log", at) if spooled is None else ("spooled", spooled)
            lane = "routine" if r.topic == ROUTINE.name else "urgent"
            self._rows.add_call(Call(call_id, body, answered, durability, line=line), (region, lane, r.value, at))
            self._touched.first[call_id] = (r.topic, r.partition, r.offset)
        elif spooled is not None and known.body_hash == body and known.durability == "log":
            # The same call may have come to stand on the log late, before its spooled copy: the 202 named the spool.
            known.answered_at, known.durability = spooled, "spooled"
            self._rows.change_call(known)
        elif spooled is None and known.body_hash == body and known.durability == "log":
            at = record_time(r.headers, r.timestamp, trust_header=self._trust, now=self._now)
            if at < known.answered_at:  # known by its decision alone so far, which is recorded a little later
                known.answered_at = at
                self._rows.change_call(known)
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
            self._take(EventHead(r.value or b""))
        except UnreadableRecord as error:
            log.warning("event_unreadable", topic=r.topic, partition=r.partition, offset=r.offset, error=str(error))

    def _take(self, event: EventHead) -> None:
        kind = event.type
        if not event.command_id.startswith(_OURS):
            self._outcome(event)
        if kind == _CALL_RECORDED:
            self._recorded(event)
        handler, step = self._on.get(kind), _SHOWN.get(kind)
        if handler is not None or step is not None:
            data = event.data()
            if handler is not None:
                handler(event, data)
            if step is not None and event.subject:
                self._step(event, data, step)
        if event.command_id.startswith("call:") and event.index + 1 == event.count:
            # Only with the last event of its decision is a call decided: a batch may end between two of them.
            call = self._rows.call(event.command_id.removeprefix("call:"))
            if call is not None and call.status == "recorded":
                call.status = call.decided_as
                self._rows.change_call(call)

    def _outcome(self, event: EventHead) -> None:
        if event.type == "CommandRepeated":
            return
        held = self._commands.get(event.command_id) or self._begun(event)
        self._commands[event.command_id] = held
        held.at, held.sender = event.recorded_at, event.sender
        if not held.events or event.subject == held.events[0]["incident_id"]:
            held.version = max(held.version, event.version)
        if event.type == "CommandRefused":
            data = event.data()
            held.outcome, held.code, held.detail = "refused", data.code, data.detail
        held.whole = event.index + 1 == event.count
        held.events.append({
            "event_id": event.event_id, "type": event.type, "incident_id": event.subject, "version": event.version,
        })  # fmt: skip

    def _begun(self, event: EventHead) -> _Command:
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
                "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (command_id) DO UPDATE SET"
                " region = excluded.region, outcome = excluded.outcome, code = excluded.code, detail = excluded.detail,"
                " version = excluded.version, events = excluded.events, recorded_at = excluded.recorded_at,"
                " sender = excluded.sender"
                " WHERE outcome = 'pending'",
                (command_id, c.region, outcome, c.code, c.detail, c.version, json.dumps(c.events), c.at, c.sender),
            )
            self._touched.commands.add(command_id)

    def _recorded(self, event: EventHead) -> None:
        seen = event.call_seen()
        call = self._rows.call(seen.call_id) or self._by_decision(event, seen.call_id)
        if call is not None:
            call.decided_as = "review" if seen.human else "decided"
            call.kind, call.priority, call.incident_ids = seen.kind, seen.priority, seen.incident_ids
            self._rows.change_call(call)
        self._touched.calls.add(seen.call_id)

    def _by_decision(self, event: EventHead, call_id: str) -> Call | None:
        """A call whose decision is read before its own record, which may also have expired: the event holds it whole.

        Topics are read side by side, so nothing says which comes first; what is not written here would be lost.
        """
        if event.command_id != f"call:{call_id}":
            return None
        record: CallRecord = event.data().call
        lane: Lane = "routine" if event.lane == "routine" else "urgent"
        command = Command(
            command_id=event.command_id, region=event.region, data=RecordCall(call=record), lane=lane,
            issued_at=event.recorded_at,
        )  # fmt: skip
        call = Call(call_id, record.body_hash, event.recorded_at, "log", line=record.line)
        self._rows.add_call(call, (event.region, lane, encode_command(command), event.recorded_at))
        self._touched.first[call_id] = event.source
        return call

    def _opened(self, event: EventHead, data: e.IncidentOpened) -> None:
        if self._rows.incident(event.subject) is None:
            row = Incident(
                event.subject, event.region, event.lane, first_receiver=data.first_receiver, exercise=data.exercise
            )
            self._rows.change_incident(row)
        self._add(event.subject, "lines", [data.line])
        self._belongs(data.call_id, event.subject, "opened")
        call = self._rows.call(data.call_id) if data.review else None
        if call is not None:
            call.decided_as = "review"
            self._rows.change_call(call)

    def _linked(self, event: EventHead, data: e.CallLinked) -> None:
        self._belongs(data.call_id, event.subject, "linked")

    def _unlinked(self, event: EventHead, data: e.CallUnlinked) -> None:
        self._leaves(data.call_id, event.subject, data.to)

    def _split(self, event: EventHead, data: e.IncidentSplit) -> None:
        for call_id in data.call_ids:
            self._leaves(call_id, event.subject, data.to)
        self._went(event, data.tasks)

    def _belongs(self, call_id: str, incident_id: str, how: str) -> None:
        call = self._rows.call(call_id)
        if call is None:
            return
        if incident_id not in call.incident_ids:
            call.incident_ids = [*call.incident_ids, incident_id]
        call.disposition = call.disposition or how
        self._rows.change_call(call)
        self._add(incident_id, "calls", [call_id])
        self._add(incident_id, "lines", [call.line])
        self._touched.calls.add(call_id)

    def _leaves(self, call_id: str, incident_id: str, to: str) -> None:
        call = self._rows.call(call_id)
        if call is not None:
            ids = [i for i in call.incident_ids if i != incident_id]
            call.incident_ids = [*ids, to] if to and to not in ids else ids
            self._rows.change_call(call)
            self._touched.calls.add(call_id)
        held = self._rows.incident(incident_id)
        if held is not None:
            held.calls = [c for c in held.calls if c != call_id]
            self._rows.change_incident(held)

    def _went(self, event: EventHead, tasks: list[str]) -> None:
        """These tasks stand in another incident now."""
        incident = self._rows.incident(event.subject)
        if incident is not None and tasks:
            incident.parts = {t: p for t, p in incident.parts.items() if t not in tasks}
            self._rows.change_incident(incident)

    def _call_closed(self, _: EventHead, data: e.CallClosed) -> None:
        call = self._rows.call(data.call_id)
        if call is not None:
            call.status, call.disposition = "decided", "no_incident"
            self._rows.change_call(call)
        self._touched.calls.add(data.call_id)

    def _routed(self, event: EventHead, data: e.TaskRouted) -> None:
        self._tasks.append((data.task_id, event.subject, data.agency))
        self._add(event.subject, "agencies", [data.agency])
        self._part(event, data.task_id, data.agency)

    def _joined(self, event: EventHead, data: e.TaskJoined) -> None:
        """A merge or a split brought work here: whoever does it sees the matter, and acts on its file."""
        self._add(event.subject, "agencies", list(dict.fromkeys((data.agency, data.held_by, data.offered_to))))
        self._add(event.subject, "units", data.units)
        self._part(event, data.task_id, "" if data.state in LEFT else data.held_by, data.offered_to)

    def _offered(self, event: EventHead, data: e.TransferOffered) -> None:
        self._add(event.subject, "agencies", [data.to])
        self._part(event, data.task_id, data.agency, data.to)

    def _lapsed(self, event: EventHead, data: e.TransferDeclined | e.TaskCompleted) -> None:
        """Declined, or done meanwhile: whom it was offered to has no part by it."""
        self._part(event, data.task_id, data.agency)

    def _left(self, event: EventHead, data: e.TaskTransferred | e.TaskReturned | e.TaskCancelled) -> None:
        """The agency works by it no more, unless it was joined to another task of its own."""
        self._part(event, data.task_id, data.agency if getattr(data, "to", "") == data.agency else "")

    def _part(self, event: EventHead, task_id: str, holder: str, offered: str = "") -> None:
        incident = self._rows.incident(event.subject)
        if incident is not None:
            incident.parts = {**incident.parts, task_id: [holder, offered]}
            self._rows.change_incident(incident)

    def _units(self, event: EventHead, data: e.UnitsDispatched) -> None:
        self._add(event.subject, "units", data.unit_ids)

    def _ended(self, event: EventHead, _: e.IncidentClosed) -> None:
        self._set_state(event, "closed")

    def _merged(self, event: EventHead, data: e.IncidentMerged) -> None:
        """Its calls were linked to the survivor just before: from now on they are the survivor's alone."""
        self._set_state(event, "merged")
        incident = self._rows.incident(event.subject)
        for call_id in list(incident.calls) if incident is not None else ():
            self._leaves(call_id, event.subject, data.into)

    def _reopened(self, event: EventHead, _: e.IncidentReopened) -> None:
        self._set_state(event, "open")

    def _set_state(self, event: EventHead, state: str) -> None:
        incident = self._rows.incident(event.subject)
        if incident is not None:
            incident.state = state
            self._rows.change_incident(incident)

    def _review(self, event: EventHead, _: e.ReviewRequested) -> None:
        self._set_review(event, "review")

    def _reviewed(self, event: EventHead, _: e.ReviewEnded) -> None:
        self._set_review(event, "decided")

    def _set_review(self, event: EventHead, status: str) -> None:
        incident = self._rows.incident(event.subject)
        for call_id in incident.calls if incident is not None else ():
            call = self._rows.call(call_id)
            if call is not None:
                call.status = status
                self._rows.change_call(call)
            self._touched.calls.add(call_id)

    def _add(self, incident_id: str, column: Literal["agencies", "calls", "units", "lines"], items: list[str]) -> None:
        incident = self._rows.incident(incident_id)
        if incident is None:
            return
        held: list[str] = getattr(incident, column)
        fresh = [i for i in items if i and i not in held]
        if fresh:
            setattr(incident, column, [*held, *fresh])
            self._rows.change_incident(incident)

    def _step(self, event: EventHead, data: Any, step: str) -> None:
        if isinstance(data, e.ClockStarted) and data.clock != "complete":
            return  # of the limits only this one is a promise to callers
        incident = self._rows.incident(event.subject)
        if incident is None or len(incident.steps) >= STEPS_MAX:
            return
        shown = Step(step, event.occurred_at or event.recorded_at, getattr(data, "agency", ""))
        if isinstance(data, e.ClockStarted | e.DeadlineExtended):
            shown.limit, shown.due_at = data.clock, data.due_at
        if not isinstance(data, e.TaskCompleted):
            # Only codes are shown here; TaskCompleted's `result` is a sealed word and stays out.
            shown.result, shown.disposition = _code(data, "result"), _code(data, "disposition")
        incident.steps = [*incident.steps, shown]
        self._rows.change_incident(incident)


def _code(data: Any, name: str) -> str | None:
    value = getattr(data, name, None)
    return value if isinstance(value, str) else None


def _call_of(r: Record) -> tuple[str, str, str, str] | None:
    """(call id, body hash, region, line) of a call's record; None for other commands and what cannot be read."""
    kind, body = header(r.headers, "ce_type"), header(r.headers, BODY_HEADER)
    command_id = header(r.headers, "ce_id")
    if kind is not None and body is not None and command_id is not None and r.key is not None:
        if kind != b"cn.tocsin.RecordCall.v1":
            return None
        line = header(r.headers, "tocsin_line") or b""
        return command_id.decode().removeprefix("call:"), body.decode(), r.key.decode(), line.decode()
    if kind is not None and kind != b"cn.tocsin.RecordCall.v1":
        return None
    try:
        command = decode_command(r.value or b"")
    except UnreadableRecord:
        return None  # the owner puts it among the dead letters
    if not isinstance(command.data, RecordCall):
        return None
    call = command.data.call
    return call.call_id, call.body_hash, command.region, call.line
