"""A stage for the notifier's tests: stories of incidents as events, chained as an owner chains them."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from tocsin.codec.wire import chain_hash, encode_event
from tocsin.envelope import SYSTEM, Actor, Event, Source
from tocsin.incident import events as ev
from tocsin.incident.values import CallRecord, Understanding
from tocsin.log.headers import event_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.topics import INCIDENT_EVENTS
from tocsin.place import Place, Point
from tocsin.sealing.keyring import Keyring

PARTITIONS = 3
DAY = "20260405"
NOON = 1_775_361_600_000
"""2026-04-05 12:00 in Asia/Shanghai."""
CLASSES: dict[str, Any] = {
    "nanxian-fire": "fire",
    "nanxian-police": "police",
    "nanxian-120": "medical",
    "nanxian-traffic": "traffic",
}
_numbers = itertools.count(1)
_commands = itertools.count(1)


class Region:
    """Writes one region's events: ids, sequence, versions and hashes as on the log."""

    def __init__(self, keyring: Keyring, region: str = "430921") -> None:
        self.region, self.keyring = region, keyring
        self.now = NOON
        self.records: list[Record] = []
        self._prev = b""
        self._versions: dict[str, int] = {}
        self._numbers = _numbers
        self._commands = _commands

    def new_id(self) -> str:
        """The next incident's id."""
        return f"{self.region}-{DAY}-{next(self._numbers):06d}"

    def tell(self, subject: str, *contents: Any, actor: Actor = SYSTEM, exercise: bool = False) -> list[Event[Any]]:
        """One command's events about a subject."""
        command = f"c{next(self._commands)}-{self.region}"
        told = []
        for i, data in enumerate(contents):
            self._versions[subject] = self._versions.get(subject, 0) + 1
            event = Event(
                event_id=f"{command}-{i}",
                region=self.region,
                subject=subject,
                seq=len(self.records),
                exercise=exercise,
                version=self._versions[subject],
                occurred_at=self.now,
                recorded_at=self.now,
                command_id=command,
                index=i,
                count=len(contents),
                source=Source(topic="t", partition=0, offset=0),
                data=data,
                actor=actor,
                prev_hash=self._prev,
            )
            raw = encode_event(event)
            self._prev = chain_hash(raw)
            at = partition_of(self.region, PARTITIONS)
            headers = event_headers(event)
            record = Record(INCIDENT_EVENTS.name, at, len(self.records), self.region.encode(), raw, headers, self.now)
            self.records.append(record)
            told.append(event)
        self.now += 1000
        return told

    def call(self, call_id: str, line: Any, text: str, *, number: str = "13800001234", **more: Any) -> CallRecord:
        """A recorded call, its words sealed under its own id."""
        self.keyring.ensure_now([call_id])
        private = json.dumps(
            {"caller": {"number": number, "name": "王小明"}, "text": text, "address": "茅草街镇新街口"}
        )
        return CallRecord(
            call_id=call_id,
            line=line,
            region=self.region,
            place=place(self.region),
            private=self.keyring.seal(call_id, private),
            has_text=True,
            **more,
        )

    def open(
        self, call: CallRecord, kind: str, priority: int, agencies: Iterable[str], *, review: tuple[str, ...] = ()
    ) -> str:
        """A call that opened an incident with its tasks and their first clock. Returns the incident's id."""
        subject = self.new_id()
        tasks: list[Any] = []
        for n, agency in enumerate(agencies, 1):
            task_id, cls = f"{subject}-T{n}", CLASSES.get(agency, "department")
            role: Any = "lead" if n == 1 else "joint"
            tasks.append(ev.TaskRouted(task_id=task_id, agency=agency, agency_class=cls, role=role))
            tasks.append(
                ev.ClockStarted(
                    clock_id=f"{task_id}:acknowledge",
                    clock="acknowledge",
                    task_id=task_id,
                    agency=agency,
                    agency_class=cls,
                    started_at=self.now,
                    due_at=self.now + 30_000,
                )
            )
        opened = ev.IncidentOpened(
            call_id=call.call_id, kind=kind, priority=priority, place=call.place, line=call.line, review=list(review),
            first_receiver="nanxian-hotline" if call.line == "12345" else "nanxian-fire", exercise=call.exercise,
        )  # fmt: skip
        understood = Understanding(kind=kind, priority=priority, terms=["起火"], confidence=0.9)
        recorded = ev.CallRecorded(call=call, understanding=understood, incident_ids=[subject])
        self.tell(subject, recorded, opened, *tasks, exercise=call.exercise)
        return subject

    def link(self, subject: str, call: CallRecord, score: float = 0.93) -> None:
        """A further call, linked by rule."""
        understood = Understanding(kind="fire.building", priority=1)
        linked = ev.CallLinked(call_id=call.call_id, score=score, reasons={"distance": 0.98, "gap": 0.9, "kind": 1.0})
        self.tell(subject, ev.CallRecorded(call=call, understanding=understood, incident_ids=[subject]), linked)


def place(region: str) -> Place:
    """A real place of 南县."""
    return Place(
        region=region, point=Point(lon=112.37, lat=28.98), accuracy_m=30, source="gazetteer", label="茅草街镇新街口"
    )


def person(role: str, agency: str = "", subject: str = "desk-1") -> Actor:
    """Someone at a desk."""
    return Actor(subject=subject, role=role, agency=agency)


def appends(records: Iterable[Record]) -> list[Append]:
    """The same records to be written to a real log."""
    return [Append(r.topic, r.partition, r.key, r.value, r.headers) for r in records]
