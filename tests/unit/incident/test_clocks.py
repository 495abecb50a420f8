"""Limits: by time alone, once, never early, standing still with a reason."""

import pytest

from tests.unit.incident.world import MIN, WORKDAY, World, east, of, person
from tocsin.incident import commands as cmd
from tocsin.incident.state import Clock, Incident
from tocsin.policy.limits import Tables, working_day_after

DAY = 24 * 60 * MIN


def clock(i: Incident, name: str) -> Clock:
    """The incident's last clock of this name."""
    return [c for c in i.clocks.values() if c.clock == name][-1]


def fire(world: World, i: Incident, c: Clock, level: str) -> World:
    """What supervision sends."""
    return world.do(
        cmd.FireClock(incident_id=i.incident_id, clock=c.clock, clock_id=c.clock_id, level=level, due_at=c.due_at)
    )


def test_invariant_9_no_clock_fires_before_its_time(world: World) -> None:
    """One millisecond early by the log's own time is too_early, whatever the sender's clock said."""
    i = world.call()
    c = clock(i, "acknowledge")
    for level, at in (("warning", c.warn_at), ("missed", c.due_at), ("red", c.red_at)):
        assert at is not None
        world.now = at - 1
        fire(world, i, c, level).refused("too_early")
        world.now = at
        fire(world, i, c, level).accepted(
            {"warning": "ClockWarned", "missed": "ClockMissed", "red": "CardRaised"}[level]
        )
        fire(world, i, c, level)
        assert world.types() == ["CommandNoted"], "a level fired twice"
    assert (c.state, c.card) == ("missed", "red")


def test_a_red_card_says_the_miss_where_nobody_had(world: World) -> None:
    """Red before missed was said: both, in order."""
    i = world.call()
    c = clock(i, "acknowledge")
    world.now = c.red_at or 0
    fire(world, i, c, "red").accepted("ClockMissed", "CardRaised")


def test_a_step_in_time_meets_its_clock_and_nothing_fires_later(world: World) -> None:
    """Met: firing is noted and changes nothing."""
    i = world.call()
    c = i.clocks[f"{i.incident_id}-T1:acknowledge:1"]
    world.do(cmd.Acknowledge(), f"{i.incident_id}-T1", after=10_000).accepted("ClockMet")
    assert (world.said("ClockMet")[0].late, c.state) == (False, "met")
    world.now = c.due_at + 1
    fire(world, i, c, "missed")
    assert world.types() == ["CommandNoted"]


def test_a_late_step_is_met_late_with_its_miss_said_once(world: World) -> None:
    """The step beats supervision to it: ClockMissed, then ClockMet late. After a fired miss: only ClockMet late."""
    i = world.call()
    world.do(cmd.Acknowledge(), f"{i.incident_id}-T1", after=31_000).accepted("ClockMissed", "ClockMet")
    c = i.clocks[f"{i.incident_id}-T2:acknowledge:1"]
    fire(world, i, c, "missed").accepted("ClockMissed")
    world.do(cmd.Acknowledge(), f"{i.incident_id}-T2")
    assert "ClockMissed" not in world.types()
    assert world.said("ClockMet")[0].late


def test_an_unknown_clock_is_not_found(world: World) -> None:
    """Refused, in the incident's history."""
    i = world.call()
    world.do(
        cmd.FireClock(incident_id=i.incident_id, clock="arrive", clock_id="nope", level="missed", due_at=0)
    ).refused("not_found")


def test_the_whole_promise_runs_from_routing_and_counts_working_days(world: World) -> None:
    """A complaint's 13 working days run from 派单; accepting late moves nothing."""
    i = world.call("service.urban", line="12345")
    c = clock(i, "complete")
    assert c.started_at == WORKDAY
    due = c.due_at
    world.do(cmd.Accept(), f"{i.incident_id}-T1", after=2 * DAY)
    assert clock(i, "complete").due_at == due


def test_pause_and_resume_move_the_end_by_the_time_stood(world: World) -> None:
    """With a reason; twice is an illegal_step; due an hour later after an hour; fired while paused: noted."""
    i = world.call("service.urban", line="12345")
    task, by, c = f"{i.incident_id}-T1", of("nanxian-urban"), clock(i, "complete")
    due, warn = c.due_at, c.warn_at or 0
    world.do(cmd.Resume(), task, by).refused("illegal_step")
    world.do(cmd.Pause(), task, by).refused("reason_required")
    world.do(cmd.Pause(reason="~r"), task, by).accepted("ClockPaused")
    world.do(cmd.Pause(reason="~r"), task, by).refused("illegal_step")
    fire(world, i, c, "warning")
    assert world.types() == ["CommandNoted"]
    world.do(cmd.Resume(), task, by, after=60 * MIN).accepted("ClockResumed")
    assert (c.state, c.due_at, c.warn_at) == ("running", due + 60 * MIN, warn + 60 * MIN)


def test_a_promise_in_working_days_never_ends_on_a_day_off(world: World) -> None:
    """Stood still for one to eight days it ends at least so much later; instead of a day off, at the next closing."""
    i = world.call("service.urban", line="12345")
    task, by, c = f"{i.incident_id}-T1", of("nanxian-urban"), clock(i, "complete")
    due = c.due_at
    world.do(cmd.Pause(reason="~r"), task, by).accepted("ClockPaused")
    for days in range(1, 9):
        world.do(cmd.Resume(), task, by, after=DAY).accepted("ClockResumed")
        day = (c.due_at + 8 * 60 * MIN) // DAY
        assert Tables(world.policy).works(day), f"due on a day off after {days} days"
        assert c.due_at >= due + days * DAY, "the time it stood was not given back"
        assert c.warn_at is not None
        assert c.red_at is not None
        assert c.warn_at <= c.due_at <= c.red_at
        world.do(cmd.Pause(reason="~r"), task, by).accepted("ClockPaused")


def test_a_promise_that_has_passed_can_neither_pause_nor_be_extended(world: World) -> None:
    """too_late after the end, by time alone: no miss needs to have been said."""
    i = world.call("service.urban", line="12345")
    task, by, c = f"{i.incident_id}-T1", of("nanxian-urban"), clock(i, "complete")
    world.now = c.due_at + 1
    world.do(cmd.Pause(reason="~r"), task, by).refused("too_late")
    world.do(cmd.ExtendDeadline(until=c.due_at + DAY, reason="~r"), task, by).refused("too_late")
    world.do(cmd.Complete(result="~r"), task, by)
    world.do(cmd.ExtendDeadline(until=c.due_at + DAY, reason="~r"), task, by).refused("too_late")


def test_an_extension_before_expiry_with_a_reason(world: World) -> None:
    """reason_required; only later ends; then DeadlineExtended, its warning along with it."""
    i = world.call("service.urban", line="12345")
    task, by, c = f"{i.incident_id}-T1", of("nanxian-urban"), clock(i, "complete")
    due, warn = c.due_at, c.warn_at or 0
    world.do(cmd.ExtendDeadline(until=due + DAY), task, by).refused("reason_required")
    world.do(cmd.ExtendDeadline(until=due, reason="~r"), task, by).refused("illegal_step")
    world.do(cmd.ExtendDeadline(until=due + DAY, reason="~r"), task, by).accepted("DeadlineExtended")
    assert (c.due_at, c.warn_at) == (due + DAY, warn + DAY)


def test_asking_the_caller_stops_the_promise_once(world: World) -> None:
    """一次告知: all at once, the clock stands still until it comes; a second time is already_asked."""
    i = world.call("service.urban", line="12345")
    c = clock(i, "complete")
    due = c.due_at
    world.do(cmd.ProvideInformation(text="~t"), i.incident_id).refused("illegal_step")
    world.do(cmd.RequestInformation(missing=[" "]), i.incident_id).refused("reason_required")
    world.do(cmd.RequestInformation(missing=["id", "photo"]), i.incident_id).accepted(
        "InformationRequested", "ClockPaused"
    )
    world.do(cmd.RequestInformation(missing=["more"]), i.incident_id).refused("already_asked")
    world.do(cmd.ProvideInformation(text="~t"), i.incident_id, after=DAY).accepted(
        "InformationProvided", "ClockResumed"
    )
    assert (c.state, c.due_at) == ("running", due + DAY)


def test_a_promise_shortens_when_the_matter_turns_out_urgent(world: World) -> None:
    """Raised by a person: a promise of 13 working days is due in two hours from now; it never grows longer."""
    i = world.call("service.urban", line="12345")
    former = clock(i, "complete")
    raised = cmd.SetPriority(priority=1, reason="~danger")
    world.do(raised, i.incident_id, after=60 * MIN).accepted("PriorityChanged", "ClockStopped", "ClockStarted")
    now = clock(i, "complete")
    assert (former.state, now.task_id, now.due_at) == ("stopped", former.task_id, world.now + 120 * MIN)
    assert clock(i, "acknowledge").due_at == world.now + 30_000, "whoever has not seen it has to see it now"
    world.do(cmd.SetPriority(priority=4, reason="~r"), i.incident_id).accepted("PriorityChanged")
    assert (clock(i, "complete"), now.state) == (now, "running")


def test_a_further_call_that_raises_the_matter_shortens_the_way(world: World) -> None:
    """A sick person, then one who no longer breathes: the ambulance is due in 8 minutes, where that is sooner."""
    i = world.call("medical.other", line="120", caller="k")
    first = clock(i, "arrive")
    assert first.due_at == WORKDAY + 15 * MIN
    assert world.call("medical.other", line="120", caller="k", after=MIN, priority=1) is i
    assert (first.state, clock(i, "arrive").due_at) == ("stopped", world.now + 8 * MIN)
    late = world.call("medical.other", line="120", caller="l", point=east(5000))
    kept = clock(late, "arrive")
    assert world.call("medical.other", line="120", caller="l", point=east(5000), after=14 * MIN, priority=1) is late
    assert (clock(late, "arrive"), kept.state) == (kept, "running"), "what is due sooner stays"


def test_a_promise_that_stands_still_is_left_alone(world: World) -> None:
    """While the caller is asked, a raised priority moves no clock: it runs on from where it stood."""
    i = world.call("service.urban", line="12345")
    world.do(cmd.RequestInformation(missing=["photo"]), i.incident_id)
    world.do(cmd.SetPriority(priority=2, reason="~r"), i.incident_id).accepted("PriorityChanged")
    assert clock(i, "complete").state == "paused"


@pytest.mark.parametrize(
    ("kind", "more", "days"),
    [
        ("service.health", {}, 13), ("service.health", {"asks": True}, 3),
        ("service.transport", {"asks": True}, 3), ("utility.water", {"asks": True}, 1),
    ],
)  # fmt: skip
def test_a_question_has_the_promise_of_a_consultation(
    world: World, kind: str, more: dict[str, bool], days: int
) -> None:
    """Consultation or help within 3 working days, complaint or report 13, of whatever office; water comes back in 24 h.

    It stays so for whoever is given the work later, and no question makes a promise longer.
    """
    i = world.call(kind, line="12345", **more)
    assert ("consultation" in i.flags) == bool(more)
    due = [c.due_at for c in i.clocks.values() if c.clock == "complete"]
    expected = world.now + 24 * 3_600_000 if days == 1 else working_day_after(world.policy, world.now, days)
    assert due == [expected]
    world.do(cmd.Route(agency="nanxian-command"), i.incident_id, person("hotline")).accepted("TaskRouted")
    later = [c.due_at for c in i.clocks.values() if c.clock == "complete" and c.agency == "nanxian-command"]
    assert later == [expected]
