"""Limits where acts cross: merges, splits, raises, pauses one after the other; each is one, is watched, and ends."""

import pytest

from tests.unit.incident.world import MIN, World, east, of
from tocsin.incident import commands as cmd
from tocsin.incident.state import Incident
from tocsin.supervision.clocks import ClockBook
from tocsin.supervision.facts import is_fact

DAY = 24 * 60 * MIN


def watched(world: World) -> ClockBook:
    """What supervision makes of all that was decided."""
    book = ClockBook()
    for e in world.events:
        if is_fact(e.type, e.command_id):
            book.apply(e)
    return book


def running(incident: Incident, clock: str) -> list[str]:
    """The ids of the limits of this name that wait for their step."""
    return [c.clock_id for c in incident.clocks.values() if c.clock == clock and c.state in ("running", "missed")]


def fired(world: World, book: ClockBook) -> list[list[str]]:
    """Fires all that supervision holds to be due by now; what each led to."""
    said = []
    for f in book.due(world.now, monotonic_s=0):
        data = cmd.FireClock(
            incident_id=f.held.incident_id, clock=f.held.clock, clock_id=f.held.clock_id, level=f.level,
            due_at=f.held.due_at,
        )  # fmt: skip
        said.append(world.do(data).types())
    return said


def raised(world: World, incident: Incident, priority: int) -> None:
    """Somebody finds the matter more urgent."""
    world.do(cmd.SetPriority(priority=priority, reason="~r"), incident.incident_id).accepted("PriorityChanged")


def test_a_limit_that_starts_after_a_merge_is_watched(world: World) -> None:
    """Raised before and after it: the second limit has a name of its own, or supervision took it for one that ended."""
    a = world.call("service.urban", line="12345")
    b = world.call("service.civil", line="12345", point=east(3000))
    raised(world, b, 2)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("IncidentMerged")
    world.now += MIN
    raised(world, a, 1)
    held = watched(world).held
    for name in ("acknowledge", "complete"):
        assert running(a, name)
        assert set(running(a, name)) <= held.keys()
    started = [e.data.clock_id for e in world.events if e.type == "ClockStarted" and e.data.source != "merged"]
    assert len(started) == len(set(started)), "a limit's name was given twice"


def test_more_time_for_a_promise_that_stands_still_leaves_it_standing(world: World) -> None:
    """Supervision fires nothing of it until it runs on."""
    i = world.call("service.urban", line="12345")
    task, who = f"{i.incident_id}-T1", of("nanxian-urban")
    world.do(cmd.Accept(), task, who)
    world.do(cmd.Pause(reason="~papers"), task, who).accepted("ClockPaused")
    due = next(c.due_at for c in i.clocks.values() if c.clock == "complete")
    world.do(cmd.ExtendDeadline(until=due + DAY, reason="~r"), task, who).accepted("DeadlineExtended")
    book = watched(world)
    world.now = due + 30 * DAY
    assert fired(world, book) == []
    world.do(cmd.Resume(), task, who).accepted("ClockResumed")
    assert watched(world).next_due() is not None


@pytest.mark.parametrize("said", [True, False])
def test_who_takes_what_is_late_already_has_not_missed_it(world: World, said: bool) -> None:
    """The giver's miss is the giver's, counted once, said by then or not; the taker has the promise to its red card."""
    i = world.call("service.urban", line="12345")
    task = f"{i.incident_id}-T1"
    if said:
        missed(world, i, "complete")
    else:
        world.now = next(c.due_at for c in i.clocks.values() if c.clock == "complete") + 1
    world.do(cmd.Transfer(to="nanxian-water"), task, of("nanxian-urban")).accepted("TransferOffered")
    world.do(cmd.Accept(), task, of("nanxian-water")).accepted("TaskTransferred", "ClockStarted", "ClockMissed")
    world.now += MIN
    fired(world, watched(world))
    misses = [
        (e.data.agency, e.data.moved) for e in world.events if e.type == "ClockMissed" and e.data.clock == "complete"
    ]
    assert misses == [("nanxian-urban", False), ("nanxian-water", True)]
    late = next(c for c in i.clocks.values() if c.clock == "complete" and c.agency == "nanxian-water")
    assert (late.state, late.card) == ("missed", "yellow")
    assert watched(world).held[late.clock_id].state == "missed", "its red card is to come"


def missed(world: World, incident: Incident, clock: str) -> None:
    """A limit passes, and is said to."""
    c = next(c for c in incident.clocks.values() if c.clock == clock)
    world.now = max(world.now, c.due_at)
    late = cmd.FireClock(
        incident_id=incident.incident_id, clock=clock, clock_id=c.clock_id, level="missed", due_at=c.due_at
    )
    world.do(late).accepted("ClockMissed")


def test_a_late_review_ends_with_the_merge_and_fires_no_more(world: World) -> None:
    """It was asked about for ever: nobody has it any more. Split, it goes on late, to its red card, counted once."""
    a = world.call("crime.reported", line="110")
    b = world.call("unknown", line="110", point=east(3000), human=True)
    missed(world, b, "review")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("ClockStopped", "IncidentMerged")
    assert f"{b.incident_id}:review:1" not in watched(world).held
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened", "ClockStarted", "ClockMissed")
    book, again = watched(world), f"{b.incident_id}:review:2"
    assert [(c.clock_id, c.state) for c in b.clocks.values() if c.clock == "review"] == [
        (f"{b.incident_id}:review:1", "stopped"), (again, "missed"),
    ]  # fmt: skip
    world.now += DAY
    assert fired(world, book).count(["CardRaised"]) >= 1
    assert [e.data.moved for e in world.events if e.type == "ClockMissed" and e.data.clock == "review"] == [False, True]


def test_a_limit_left_behind_by_an_old_merge_is_ended_when_it_fires(world: World) -> None:
    """On logs written before, a merged incident's late review still stands: its next firing ends it."""
    a = world.call("crime.reported", line="110")
    b = world.call("unknown", line="110", point=east(3000), human=True)
    missed(world, b, "review")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    b.clocks[f"{b.incident_id}:review:1"].state = "missed"
    red = cmd.FireClock(
        incident_id=b.incident_id, clock="review", clock_id=f"{b.incident_id}:review:1", level="red", due_at=0
    )
    world.do(red, after=DAY).accepted("ClockStopped")
    world.do(red).refused("not_found")


def test_a_call_back_owed_comes_back_through_merge_after_merge(world: World) -> None:
    """Carried twice, split once: the silent call has its limit where it is."""
    third = world.call("crime.reported", line="110", point=east(6000))
    second = world.call("order.dispute", line="110", point=east(3000))
    silent = world.call("invalid.silent", line="110")
    world.do(cmd.Merge(into=second.incident_id), silent.incident_id)
    world.do(cmd.Merge(into=third.incident_id), second.incident_id)
    assert running(third, "callback")
    world.do(cmd.Split(call_ids=["c2", "c3"]), third.incident_id).accepted("IncidentReopened")
    assert (len(running(second, "callback")), running(third, "callback")) == (1, [])


def test_joined_to_work_on_the_scene_each_limit_is_met_once(world: World) -> None:
    """One agency is there for the one and has not seen the other: out and there at once, one met limit each."""
    a, b = world.call(), world.call(point=east(2000), after=MIN)
    for act in (cmd.DispatchUnit(unit_ids=["f1"]), cmd.Arrive(unit_id="f1")):
        world.do(act, f"{b.incident_id}-T1", of("nanxian-fire"))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("UnitsDispatched", "TaskArrived")
    met = [m.clock_id for m in world.said("ClockMet")]
    assert len(met) == len(set(met)), "counted twice"
    assert {m.partition(":")[2] for m in met} >= {"acknowledge:1", "dispatch:1", "arrive:1"}


def test_a_merge_that_raises_starts_no_limit_for_what_is_done(world: World) -> None:
    """What came in is more urgent, and its agency has seen it and is there: no limit for that runs here."""
    a = world.call("service.urban", line="12345")
    b = world.call("service.urban", line="12345", point=east(3000))
    raised(world, b, 1)
    for act in (cmd.DispatchUnit(unit_ids=["u1"]), cmd.Arrive(unit_id="u1")):
        world.do(act, f"{b.incident_id}-T1", of("nanxian-urban"))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("PriorityChanged", "TaskTransferred")
    own = f"{a.incident_id}-T1"
    assert a.tasks[own].state == "on_scene"
    left = {c.clock for c in a.clocks.values() if c.task_id == own and c.state in ("running", "missed")}
    assert "complete" in left
    assert left.isdisjoint({"acknowledge", "dispatch", "arrive"}), left
