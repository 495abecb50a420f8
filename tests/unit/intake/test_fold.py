"""The index's fold: what is written once a batch says the same as what is written record by record."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from services.intake.accept import record_of
from services.intake.acts import beyond
from services.intake.fold import BODY_HEADER, Fold
from services.intake.index import Index
from services.intake.schema import open_index
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import UnreadableRecord, encode_event
from tocsin.envelope import Actor, Event, Source
from tocsin.incident import events as e
from tocsin.incident.commands import Relate
from tocsin.incident.values import CallRecord, Understanding
from tocsin.log.port import Record
from tocsin.log.topics import INCIDENT_EVENTS, URGENT
from tocsin.place import Place
from tocsin.runtime.clock import Clock

REGION = "430921"
NOW = 1_775_360_000_000


def recorded(call_id: str) -> e.CallRecorded:
    """A call understood."""
    call = CallRecord(call_id=call_id, line="119", region=REGION, place=Place(region=REGION), body_hash="hash")
    return e.CallRecorded(call=call, understanding=Understanding(kind="fire.building", priority=1))


def posted(call_id: str, offset: int) -> Record:
    """A call's command on the log."""
    headers = (
        ("ce_type", b"cn.tocsin.RecordCall.v1"), ("ce_id", f"call:{call_id}".encode()), (BODY_HEADER, b"hash"),
        ("tocsin_line", b"119"),
    )  # fmt: skip
    return Record(URGENT.name, 0, offset, REGION.encode(), b"sealed", headers, NOW)


def decided(call_id: str, incident: str, first: int, *facts: Any) -> list[Record]:
    """The events of one decision."""
    found = []
    for i, data in enumerate(facts):
        event = Event(
            event_id=f"{call_id}-{i}", region=REGION, subject="" if i == 0 else incident, seq=first + i, version=i,
            occurred_at=NOW, recorded_at=NOW + i, command_id=f"call:{call_id}", index=i, count=len(facts),
            source=Source(topic=URGENT.name), data=data,
        )  # fmt: skip
        found.append(Record(INCIDENT_EVENTS.name, 0, first + i, REGION.encode(), encode_event(event), (), NOW))
    return found


def history() -> list[Record]:
    """Two calls about one fire, the first opens it."""
    incident = f"{REGION}-20260405-000001"
    opened = e.IncidentOpened(call_id="a", kind="fire.building", priority=1, place=Place(region=REGION))
    routed = e.TaskRouted(task_id=f"{incident}-T1", agency="nanxian-fire", agency_class="fire", role="lead")
    limits = [
        e.ClockStarted(clock_id=f"c-{n}", clock=n, agency="nanxian-fire", started_at=NOW, due_at=NOW + 30_000)
        for n in ("acknowledge", "complete")
    ]
    linked = e.CallLinked(call_id="b", score=0.9, decided_by="rule")
    return [
        posted("a", 0), *decided("a", incident, 0, recorded("a"), opened, routed, *limits), posted("b", 1),
        *decided("b", incident, 5, recorded("b"), linked),
    ]  # fmt: skip


@pytest.mark.parametrize("exercise", [True, False])
def test_the_index_knows_an_exercise(tmp_path: Path, exercise: bool) -> None:
    """As its first event says; of what nobody opened nothing is known."""
    index, incident = Index(tmp_path / "index.sqlite", Clock()), f"{REGION}-20260405-000001"
    opened = e.IncidentOpened(
        call_id="a", kind="fire.building", priority=1, place=Place(region=REGION), exercise=exercise
    )
    index._fold.apply([posted("a", 0), *decided("a", incident, 0, recorded("a"), opened)])
    row = index.incident(incident)
    assert row is not None
    assert row.exercise is exercise
    assert beyond(index, Relate(to=incident)) == Relate(to=incident, to_exercise=exercise)
    unknown = Relate(to=f"{REGION}-20260405-000002")
    assert beyond(index, unknown) == unknown


def rows(db: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All that an index holds."""
    return {t: db.execute(f"SELECT * FROM {t} ORDER BY 1, 2").fetchall() for t in ("calls", "incidents", "tasks")}  # noqa: S608 - our own tables


def folded(file: Path, size: int) -> dict[str, list[tuple[Any, ...]]]:
    """The index of the history, folded in batches of this size."""
    db = open_index(file)
    fold, records = Fold(db, trust_clock_header=False), history()
    for i in range(0, len(records), size):
        fold.apply(records[i : i + size])
    found = rows(db)
    db.close()
    return found


@pytest.mark.parametrize("size", [2, 3, 100])
def test_batches_of_any_size_leave_the_same_index(tmp_path: Path, size: int) -> None:
    """What is held in memory between records and batches is what would have been read back."""
    one = folded(tmp_path / "one.db", 1)
    assert folded(tmp_path / "many.db", size) == one
    assert [c[0] for c in one["calls"]] == ["a", "b"]
    assert len(one["incidents"]) == len(one["tasks"]) == 1


def test_a_decision_read_before_its_call_is_not_lost(tmp_path: Path) -> None:
    """Topics are read side by side: whichever comes first, and after any restart between, the call is known decided."""
    whole, records = folded(tmp_path / "whole.db", 100), history()
    events = [r for r in records if r.topic == INCIDENT_EVENTS.name]
    commands = [r for r in records if r.topic != INCIDENT_EVENTS.name]
    db = open_index(tmp_path / "late.db")
    Fold(db, trust_clock_header=False).apply(events)
    alone = {row[0]: row for row in db.execute("SELECT call_id, status, incident_ids, disposition, line FROM calls")}
    assert [(r[1], r[2] != "[]", r[4]) for r in alone.values()] == [("decided", True, "119")] * 2
    Fold(db, trust_clock_header=False).apply(commands)
    kept = "SELECT call_id, body_hash, answered_at, durability, status, incident_ids, disposition FROM calls ORDER BY 1"
    again = open_index(tmp_path / "whole.db")
    assert db.execute(kept).fetchall() == again.execute(kept).fetchall()
    assert rows(db)["incidents"] == whole["incidents"]
    value = db.execute("SELECT value FROM calls WHERE call_id = 'a'").fetchone()[0]
    assert record_of(value).call_id == "a"


def test_a_fold_says_where_a_new_call_stands_and_is_silent_on_a_repeat(tmp_path: Path) -> None:
    """Only the first record of an id is named: whoever sent the second has to look the first up."""
    db = open_index(tmp_path / "i.db")
    fold = Fold(db, trust_clock_header=False)
    assert fold.apply([posted("a", 4)]).first == {"a": (URGENT.name, 0, 4)}
    assert fold.apply([posted("a", 5)]).first == {}
    db.close()


def test_a_batch_that_fails_leaves_nothing_behind_in_memory(tmp_path: Path) -> None:
    """After a failed transaction the same records fold to the same index."""
    db = open_index(tmp_path / "i.db")
    fold = Fold(db, trust_clock_header=False)
    db.execute("CREATE TRIGGER full BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError):
        fold.apply(history())
    assert rows(db) == {"calls": [], "incidents": [], "tasks": []}
    db.execute("DROP TRIGGER full")
    fold.apply(history())
    assert rows(db) == folded(tmp_path / "whole.db", 100)
    db.close()


def test_a_head_shows_of_a_call_what_its_whole_content_says() -> None:
    """`call_seen` and `data` agree; garbage is unreadable, not an empty event."""
    record = decided("a", "x", 0, recorded("a"))[0]
    head = EventHead(record.value or b"")
    seen, whole = head.call_seen(), head.data()
    assert (seen.call_id, seen.kind, seen.priority, seen.human) == ("a", "fire.building", 1, False)
    assert (whole.call.call_id, whole.understanding.kind) == (seen.call_id, seen.kind)
    with pytest.raises(UnreadableRecord):
        EventHead(b"\xff\xff\xff")


def test_a_commands_sender_is_kept_with_its_outcome(tmp_path: Path) -> None:
    """Whoever sent it may ask what came of it: the index knows whose act it was."""
    incident = f"{REGION}-20260405-000001"
    event = Event(
        event_id="x-0", region=REGION, subject=incident, seq=1, version=1, occurred_at=NOW, recorded_at=NOW,
        command_id="x", index=0, count=1, source=Source(topic=URGENT.name), data=e.NoteAdded(text="~t"),
        actor=Actor(subject="desk-7", role="call_taker"),
    )  # fmt: skip
    db = open_index(tmp_path / "index.db")
    fold = Fold(db, trust_clock_header=False)
    fold.apply([Record(INCIDENT_EVENTS.name, 0, 1, REGION.encode(), encode_event(event), (), NOW)])
    assert db.execute("SELECT outcome, sender FROM commands WHERE command_id = 'x'").fetchone() == (
        "accepted", "desk-7",
    )  # fmt: skip


def test_whoever_came_with_a_merge_acts_on_the_survivors_file(tmp_path: Path) -> None:
    """A task that went over is known where it stands now: its agency, whom it is offered to, its crew."""
    incident = f"{REGION}-20260405-000001"
    opened = e.IncidentOpened(call_id="a", kind="fire.building", priority=1, place=Place(region=REGION))
    joined = e.TaskJoined(
        task_id=f"{REGION}-20260405-000002-T1", agency="nanxian-120", agency_class="medical", role="joint",
        state="dispatched", units=["nanxian-amb-01"], held_by="nanxian-120", offered_to="nanxian-redcross",
    )  # fmt: skip
    db = open_index(tmp_path / "index.db")
    Fold(db, trust_clock_header=False).apply(decided("a", incident, 1, recorded("a"), opened, joined))
    agencies, units = db.execute("SELECT agencies, units FROM incidents").fetchone()
    assert (json.loads(agencies), json.loads(units)) == (["nanxian-120", "nanxian-redcross"], ["nanxian-amb-01"])


LEAVING: list[tuple[list[Any], list[str]]] = [
    ([e.TransferOffered(task_id="T", agency="a", to="b")], ["a", "b"]),
    ([e.TransferOffered(task_id="T", agency="a", to="b"), e.TransferDeclined(task_id="T", agency="a", by="b")], ["a"]),
    ([e.TransferOffered(task_id="T", agency="a", to="b"),
      e.TaskCompleted(task_id="T", agency="a", disposition="handled")], ["a"]),
    ([e.TaskTransferred(task_id="T", agency="a", to="b", new_task="U"),
      e.TaskRouted(task_id="U", agency="b", agency_class="fire", role="lead")], ["b"]),
    ([e.TaskTransferred(task_id="T", agency="a", to="a", new_task="U")], ["a"]),
    ([e.TaskReturned(task_id="T", agency="a", to="b")], []), ([e.TaskCancelled(task_id="T", agency="a")], []),
    ([e.IncidentSplit(call_ids=[], to="x", tasks=["T"])], []),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "left"), LEAVING)
def test_the_index_knows_who_takes_part_and_who_did(tmp_path: Path, facts: list[Any], left: list[str]) -> None:
    """Declined, handed on, given back, called off, taken out: no part any more, though it once had one."""
    incident = f"{REGION}-20260405-000001"
    opened = e.IncidentOpened(call_id="c", kind="fire.building", priority=1, place=Place(region=REGION))
    routed = e.TaskRouted(task_id="T", agency="a", agency_class="fire", role="lead")
    db = open_index(tmp_path / "index.db")
    Fold(db, trust_clock_header=False).apply(decided("c", incident, 1, recorded("c"), opened, routed, *facts))
    agencies, parts = db.execute("SELECT agencies, parts FROM incidents").fetchone()
    assert sorted({a for part in json.loads(parts).values() for a in part if a}) == left
    assert "a" in json.loads(agencies)
