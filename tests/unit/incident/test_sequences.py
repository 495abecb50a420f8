"""Two or three acts in a row that cross one another: nothing doubled, nothing lost, no ended work stirred again."""

import pytest

from tests.unit.incident.world import MIN, REGION, World, east, finish, of, person
from tocsin.incident import commands as cmd
from tocsin.incident.digest import digest
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.state import Incident

HOUR = 60 * MIN
DAY = 24 * HOUR


def running(incident: Incident) -> dict[str, str]:
    """Who is at work: the open tasks with their states."""
    return {t.held_by: t.state for t in incident.tasks.values() if t.state not in ENDED}


def test_an_offer_lapses_with_the_work(world: World) -> None:
    """The giver completes while its offer stands: the taker takes nothing that is done, nor does it decline."""
    i = world.call("service.urban", line="12345")
    task = f"{i.incident_id}-T1"
    world.do(cmd.Transfer(to="nanxian-water"), task, of("nanxian-urban")).accepted("TransferOffered")
    world.do(cmd.Complete(result="~r"), task, of("nanxian-urban")).accepted("TaskCompleted")
    world.do(cmd.Accept(), task, of("nanxian-water")).refused("illegal_step")
    world.do(cmd.Decline(), task, of("nanxian-water")).refused("illegal_step")
    assert (list(i.tasks), i.tasks[task].state) == ([task], "completed")


def test_no_ruling_on_a_return_of_what_is_done(world: World) -> None:
    """Asked for, then done all the same: a late ruling moves nothing."""
    i = world.call("service.urban", line="12345")
    task = f"{i.incident_id}-T1"
    world.do(cmd.Return(code="function"), task, of("nanxian-urban")).accepted("ReturnRequested")
    world.do(cmd.Complete(result="~r"), task, of("nanxian-urban")).accepted("TaskCompleted")
    world.do(cmd.GrantReturn(to="nanxian-water"), task, person("hotline")).refused("illegal_step")
    world.do(cmd.RefuseReturn(reason="~r"), task, person("hotline")).refused("illegal_step")
    assert (list(i.tasks), i.tasks[task].state) == ([task], "completed")


def test_no_ruling_on_a_return_once_units_went_out(world: World) -> None:
    """Whoever asked and acted first all the same keeps it: units on their way are not taken out of the file."""
    i = world.call()
    task = f"{i.incident_id}-T2"
    world.do(cmd.Return(code="function"), task, of("nanxian-police"))
    world.do(cmd.DispatchUnit(unit_ids=["p1"]), task, of("nanxian-police"))
    world.do(cmd.GrantReturn(to="nanxian-traffic"), task).refused("too_late")
    world.do(cmd.RefuseReturn(reason="~at work"), task).accepted("ReturnRefused")
    assert i.tasks[task].units == ["p1"]


def test_a_return_asked_during_a_three_way_ends_with_it(world: World) -> None:
    """Settled meanwhile: the task went into the keeper's; a ruling on its return would double the work."""
    i = world.call("unknown", line="12345", alternatives={"crime.reported": 0.41, "service.civil": 0.39}, human=True)
    police = next(t.task_id for t in i.tasks.values() if t.held_by == "nanxian-police")
    world.do(cmd.Return(code="function"), police, of("nanxian-police")).accepted("ReturnRequested")
    world.do(cmd.Settle(agency="nanxian-hotline"), i.incident_id).accepted("ThreeWaySettled", "TaskTransferred")
    world.do(cmd.GrantReturn(to="nanxian-traffic"), police).refused("illegal_step")
    assert "nanxian-traffic" not in running(i)


def test_whose_it_is_is_not_settled_on_who_has_no_work_here(world: World) -> None:
    """The other side handed its task back: settling on it would leave the matter with nobody who knows of it."""
    i = world.call("unknown", line="12345", alternatives={"crime.reported": 0.41, "service.civil": 0.39}, human=True)
    police = next(t.task_id for t in i.tasks.values() if t.held_by == "nanxian-police")
    world.do(cmd.Return(code="function"), police, of("nanxian-police"))
    world.do(cmd.GrantReturn(), police).accepted("TaskReturned")
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id).refused("illegal_step")
    world.do(cmd.Route(agency="nanxian-police"), i.incident_id)
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id, person("call_taker")).accepted("ThreeWaySettled")


def test_a_merge_leaves_no_offer_and_no_request_hanging(world: World) -> None:
    """Two orders under offer and a return asked for: joined, the old numbers say where the work went."""
    a = world.call("service.urban", line="12345")
    b = world.call("service.urban", line="12345", point=east(3000))
    c = world.call("service.urban", line="12345", point=east(6000))
    ta, tb, tc = (f"{i.incident_id}-T1" for i in (a, b, c))
    for task in (ta, tb):
        world.do(cmd.Transfer(to="nanxian-water"), task, of("nanxian-urban")).accepted("TransferOffered")
    world.do(cmd.Return(code="function"), tc, of("nanxian-urban")).accepted("ReturnRequested")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("TaskTransferred")
    world.do(cmd.Merge(into=a.incident_id), c.incident_id).accepted("TaskTransferred")
    assert a.tasks[ta].offered_to == "nanxian-water", "the survivor's offer stands"
    world.do(cmd.Accept(), tb, of("nanxian-water")).refused("illegal_step")
    world.do(cmd.GrantReturn(), tc, person("hotline")).refused("illegal_step")
    world.do(cmd.Accept(), ta, of("nanxian-water")).accepted("TaskTransferred")
    assert running(a) == {"nanxian-water": "accepted"}


def test_an_offer_goes_over_with_a_moved_task(world: World) -> None:
    """The taker accepts under the number it was offered, in the survivor; split, its own incident has it again."""
    a = world.call("crime.reported", line="110")
    b = world.call("service.urban", line="12345", point=east(3000))
    task = f"{b.incident_id}-T1"
    world.do(cmd.Transfer(to="nanxian-water"), task, of("nanxian-urban"))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened", "TaskJoined")
    assert b.tasks[task].offered_to == "nanxian-water"
    world.do(cmd.Accept(), task, of("nanxian-water")).accepted("TaskTransferred")
    assert world.last[0].subject == b.incident_id
    assert running(b) == {"nanxian-water": "accepted"}


def test_splitting_a_merge_calls_nobody_whose_work_was_done(world: World) -> None:
    """Fire out before the merge, police done during it: undone, neither is sent anew; whoever was joined is."""
    a = world.call()
    b = world.call(point=east(2000), after=MIN)
    world.do(cmd.Route(agency="nanxian-gas"), a.incident_id)
    world.do(cmd.Route(agency="nanxian-gas"), b.incident_id)
    world.do(cmd.Complete(result="~out"), f"{b.incident_id}-T1", of("nanxian-fire"))
    world.do(cmd.Cancel(reason="~r"), f"{a.incident_id}-T2")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Complete(result="~done"), f"{b.incident_id}-T2", of("nanxian-police")).accepted("TaskCompleted")
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened")
    assert running(b) == {"nanxian-120": "routed", "nanxian-gas": "routed"}
    assert running(a) == {"nanxian-fire": "routed", "nanxian-120": "routed", "nanxian-gas": "routed"}


def test_what_left_while_merged_does_not_come_back_with_the_split(world: World) -> None:
    """One of two calls went on to a third incident: the restored one has the other alone, as the calls know it."""
    a = world.call()
    b = world.call("crime.reported", line="110", point=east(2000), after=MIN)
    c = world.call("crime.reported", line="110", point=east(4000), after=MIN)
    world.do(cmd.LinkCall(call_id="c3"), b.incident_id).accepted("IncidentMerged")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.UnlinkCall(call_id="c3"), a.incident_id).accepted("IncidentOpened")
    fresh = world.incident(world.said("CallUnlinked")[0].to)
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened")
    assert (set(b.links), set(fresh.links), c.state) == ({"c2"}, {"c3"}, "merged")
    assert digest(world.refold()) == digest(world.state)


def test_a_merge_of_two_matters_of_one_call_is_undone_too(world: World) -> None:
    """They share their call: taken apart each has it, and its own work."""
    a = world.call("traffic.damage", line="122", matters=["crime.reported"])
    b = world.incident(next(iter(a.related)))
    own = dict.fromkeys(b.tasks)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("IncidentMerged")
    world.do(cmd.Split(call_ids=["c1"]), a.incident_id).accepted("IncidentSplit", "IncidentReopened")
    assert (set(a.links), set(b.links), b.state) == ({"c1"}, {"c1"}, "open")
    assert set(world.state.regions[REGION].calls["c1"].incident_ids) == {a.incident_id, b.incident_id}
    assert (set(b.tasks), running(a)) == (set(own), {"nanxian-traffic": "routed"})
    world.do(cmd.Split(call_ids=["c1"]), a.incident_id).refused("illegal_step")


def test_the_promise_stands_still_across_a_hand_over(world: World) -> None:
    """Waiting for the caller, the order changes hands: it waits on, and what it stood before is not lost."""
    i = world.call("service.urban", line="12345")
    first = f"{i.incident_id}-T1"
    due = next(c.due_at for c in i.clocks.values() if c.clock == "complete")
    world.do(cmd.RequestInformation(missing=["photo"]), i.incident_id).accepted("ClockPaused")
    world.do(cmd.Transfer(to="nanxian-water"), first, of("nanxian-urban"), after=HOUR)
    world.do(cmd.Accept(), first, of("nanxian-water")).accepted("TaskTransferred", "ClockStarted", "ClockPaused")
    clock = next(c for c in i.clocks.values() if c.clock == "complete" and c.state == "paused")
    world.do(cmd.ProvideInformation(), i.incident_id, after=HOUR).accepted("ClockResumed")
    assert (clock.state, clock.due_at - due, clock.agency) == ("running", 2 * HOUR, "nanxian-water")


def test_the_promise_stands_still_across_a_merge(world: World) -> None:
    """And the caller's answer is taken in the survivor, by whichever number, for the whole time it stood."""
    for by_former in (False, True):
        a = world.call("crime.reported", line="110", point=east(30_000 if by_former else 0))
        b = world.call("service.urban", line="12345", point=east(33_000 if by_former else 3000))
        due = next(c.due_at for c in b.clocks.values() if c.clock == "complete")
        world.do(cmd.RequestInformation(missing=["photo"]), b.incident_id).accepted("ClockPaused")
        world.do(cmd.Merge(into=a.incident_id), b.incident_id, after=HOUR).accepted("ClockStarted", "ClockPaused")
        world.do(cmd.ProvideInformation(), (b if by_former else a).incident_id, after=HOUR)
        world.accepted("InformationProvided", "ClockResumed")
        clock = next(c for c in a.clocks.values() if c.clock == "complete")
        assert (clock.state, clock.due_at - due) == ("running", 2 * HOUR)
        assert "ClockMet" not in world.types()


def test_a_call_back_that_is_owed_goes_over_with_a_merge(world: World) -> None:
    """A silent call's limit is not stopped because its incident went into another; the call-back meets it there."""
    a = world.call("crime.reported", line="110")
    b = world.call("invalid.silent", line="110", point=east(3000))
    due = next(c.due_at for c in b.clocks.values() if c.clock == "callback")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("ClockStarted", "IncidentMerged")
    clock = next(c for c in a.clocks.values() if c.clock == "callback")
    assert (clock.due_at, clock.state) == (due, "running")
    fire = cmd.FireClock(
        incident_id=a.incident_id, clock="callback", clock_id=clock.clock_id, level="missed", due_at=due
    )
    world.do(fire, after=2 * MIN).accepted("ClockMissed")
    world.do(cmd.CallBack(result="answered"), "c2", person("call_taker")).accepted("CallBackRecorded", "ClockMet")


def test_two_silent_callers_are_both_called_back(world: World) -> None:
    """Merged: the limit is met by the second call-back, not by the first."""
    a = world.call("invalid.silent", line="110")
    b = world.call("invalid.dropped", line="110", point=east(3000))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.CallBack(result="answered"), "c1", person("call_taker"))
    assert world.types() == ["CallBackRecorded"]
    world.do(cmd.CallBack(result="answered"), "c2", person("call_taker")).accepted("ClockMet", "ClockMet")


def test_what_waits_for_a_person_waits_again_after_the_split(world: World) -> None:
    """Merged and taken apart: the silent call has its limit, the review its own, as before."""
    a = world.call("crime.reported", line="110")
    b = world.call("invalid.silent", line="110", point=east(3000), human=True)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened")
    assert b.review
    assert {c.clock for c in b.clocks.values() if c.state == "running"} >= {"callback", "review"}
    assert not [c for c in a.clocks.values() if c.clock == "callback" and c.state in ("running", "missed")]


def test_a_review_that_was_late_before_the_merge_has_no_second_limit(world: World) -> None:
    """Missed, merged, split: it waits on, late as it was, and nobody gets the time anew."""
    a = world.call("crime.reported", line="110")
    b = world.call("unknown", line="110", point=east(3000), human=True)
    clock = next(c for c in b.clocks.values() if c.clock == "review")
    world.now = clock.due_at
    late = cmd.FireClock(
        incident_id=b.incident_id, clock="review", clock_id=clock.clock_id, level="missed", due_at=clock.due_at
    )
    world.do(late).accepted("ClockMissed")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened")
    waits = [(c.state, c.due_at) for c in b.clocks.values() if c.clock == "review"]
    assert waits == [("stopped", clock.due_at), ("missed", clock.due_at)]


def test_a_merge_that_makes_a_matter_more_urgent_is_heard_and_shortens(world: World) -> None:
    """Who works on the survivor hears that it is danger to life now, and is due by that limit."""
    a = world.call("service.urban", line="12345")
    b = world.call("crime.inprogress", line="110", point=east(3000))
    before = next(c.due_at for c in a.clocks.values() if c.clock == "acknowledge")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("PriorityChanged", "TaskAlerted")
    assert (a.priority, a.lane) == (1, "urgent")
    assert next(c.due_at for c in a.clocks.values() if c.clock == "acknowledge" and c.state == "running") < before


def test_a_split_gives_back_one_lead_whoever_led_meanwhile(world: World) -> None:
    """The merged matter's joint agency was made its lead in between: taken out again, who led before leads."""
    a = world.call("order.dispute", line="110")
    b = world.call("fire.vehicle", point=east(3000))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Reclassify(kind="traffic.damage", reason="~r"), a.incident_id).accepted("RoleChanged")
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened")
    assert {t.held_by: t.role for t in b.tasks.values()} == {"nanxian-fire": "lead", "nanxian-traffic": "joint"}


def test_who_leads_a_merged_matter_leads_where_nobody_does(world: World) -> None:
    """The survivor's lead is done; the fire that goes into it keeps one."""
    a = world.call("order.dispute", line="110")
    world.do(cmd.Complete(result="~r"), f"{a.incident_id}-T1")
    b = world.call("fire.vegetation", point=east(3000))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    assert [t.held_by for t in a.tasks.values() if t.role == "lead" and t.state not in ENDED] == ["nanxian-fire"]


def test_a_caller_who_was_never_told_holds_the_merged_matter_open(world: World) -> None:
    """The survivor's caller was told, the other's was not: closing waits for them; then it closes."""
    a = world.call("service.urban", line="12345")
    finish(world, a)
    b = world.call("service.urban", line="12345", point=east(3000))
    world.do(cmd.Complete(result="~r"), f"{b.incident_id}-T1")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Close(), a.incident_id).refused("caller_not_told")
    world.do(cmd.InformCaller(result="told"), a.incident_id)
    world.do(cmd.Close(), a.incident_id).accepted("IncidentClosed")


def test_callers_who_were_all_told_are_not_told_again(world: World) -> None:
    """Both were: the merge changes nothing of that. A call split out is told of its own matter."""
    a = world.call("service.urban", line="12345")
    b = world.call("service.urban", line="12345", point=east(3000))
    for i in (a, b):
        finish(world, i)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentReopened")
    world.do(cmd.Close(), b.incident_id).refused("caller_not_told")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Close(), a.incident_id).refused("caller_not_told")


def test_a_further_call_finds_somebody_where_all_work_has_ended(world: World) -> None:
    """The fire is reported out, its caller not yet told: it burns again. The brigade is called, as by a reopening."""
    i = world.call()
    for task in list(i.tasks):
        world.do(cmd.Complete(result="~out"), task)
    assert world.call(after=5 * MIN) is i
    world.accepted("CallLinked", "TaskRouted")
    assert running(i) == dict.fromkeys(("nanxian-fire", "nanxian-police", "nanxian-120"), "routed")


def test_a_further_call_waits_for_a_person_where_its_own_service_has_ended(world: World) -> None:
    """The brigade is done, the police still there: the call is looked at, and nobody who is done is sent by itself."""
    i = world.call()
    world.do(cmd.Complete(result="~out"), f"{i.incident_id}-T1")
    assert world.call(after=5 * MIN) is i
    world.accepted("CallLinked", "TaskAlerted", "ReviewRequested", "ClockStarted")
    assert "nanxian-fire" not in running(i)


def test_a_routine_call_after_the_work_waits_for_a_person(world: World) -> None:
    """The order is done, its caller rings once more before it is closed: no second order by rule, the hotline looks."""
    i = world.call("service.urban", line="12345", caller="k")
    world.do(cmd.Complete(result="~r"), f"{i.incident_id}-T1")
    world.do(cmd.InformCaller(result="told"), i.incident_id)
    assert world.call("service.urban", line="12345", caller="k", after=DAY) is i
    world.accepted("CallLinked", "ReviewRequested", "ClockStarted")
    assert (running(i), i.review) == ({}, ["further_call"])
    world.do(cmd.Close(), i.incident_id).refused("caller_not_told")


def test_a_call_that_says_nothing_reopens_for_a_person(world: World) -> None:
    """Reopened by a call of no plan of its own: nobody is at work, so it waits for a person, with a limit."""
    i = world.call(caller="k")
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    assert world.call("unknown", caller="k", after=2 * MIN, human=False) is i
    world.accepted("IncidentReopened", "ReviewRequested", "ClockStarted")
    assert (i.state, i.review, running(i)) == ("open", ["further_call"], {})


def test_a_task_moved_by_a_merge_is_not_forgotten_with_the_merged_incident(world: World) -> None:
    """The merged incident is old, the survivor's work goes on: its number still finds the task and its limit."""
    a = world.call("crime.reported", line="110")
    b = world.call("service.urban", line="12345", point=east(3000))
    task = f"{b.incident_id}-T1"
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.call(point=east(60_000), after=50 * DAY)
    world.do(cmd.Feedback(text="~still at it"), task, of("nanxian-urban")).accepted("TaskFeedback")
    finish(world, a)
    world.do(cmd.Close(), a.incident_id)
    for n in range(3):
        world.call(point=east(80_000 + 9000 * n), after=50 * DAY)
    assert not {a.incident_id, b.incident_id} & set(world.state.regions[REGION].incidents)


@pytest.mark.parametrize("by", [of("nanxian-market"), person("auditor")])
def test_who_has_no_part_changes_nothing(world: World, by: object) -> None:
    """No step, no ruling, no offer answered, no word on the file by an agency without a task here."""
    i = world.call("service.urban", line="12345")
    task = f"{i.incident_id}-T1"
    world.do(cmd.Transfer(to="nanxian-water"), task, of("nanxian-urban"))
    steps = (
        cmd.Acknowledge(), cmd.Accept(), cmd.Decline(), cmd.Complete(result="~r"), cmd.Cancel(reason="~r"),
        cmd.Pause(reason="~r"), cmd.ExtendDeadline(until=world.now + 90 * DAY, reason="~r"),
    )  # fmt: skip
    for data, target in [(s, task) for s in steps] + [(cmd.Note(text="~t"), i.incident_id)]:
        world.do(data, target, by)  # type: ignore[arg-type]  # an actor
        assert world.types() == ["CommandRefused"]


def test_an_extension_follows_the_work(world: World) -> None:
    """Returned and granted, transferred: the old task's promise is extended no more, the new one's is."""
    i = world.call("service.urban", line="12345")
    first = f"{i.incident_id}-T1"
    world.do(cmd.Return(code="function"), first, of("nanxian-urban"))
    world.do(cmd.GrantReturn(to="nanxian-water"), first, person("hotline")).accepted("TaskReturned", "TaskRouted")
    later = cmd.ExtendDeadline(until=world.now + 90 * DAY, reason="~r")
    world.do(later, first).refused("too_late")
    world.do(later, f"{i.incident_id}-T2", of("nanxian-urban")).refused("not_your_task")
    world.do(later, f"{i.incident_id}-T2", of("nanxian-water")).accepted("DeadlineExtended")


def test_escalating_after_a_stand_down_calls_the_plan_again(world: World) -> None:
    """Stood down, then it gets worse: the plan's agencies are there again, those at work stay."""
    i = world.call("fire.building", priority=2)
    world.do(cmd.SetPriority(priority=3, reason="~r"), i.incident_id)
    world.do(cmd.Cancel(reason="~not needed"), f"{i.incident_id}-T2")
    world.do(cmd.Accept(), f"{i.incident_id}-T1", of("nanxian-fire"))
    world.do(cmd.SetPriority(priority=1, reason="~r"), i.incident_id).accepted("PriorityChanged", "TaskRouted")
    assert running(i) == {"nanxian-fire": "accepted", "nanxian-120": "routed", "nanxian-police": "routed"}


def test_who_is_complained_of_is_not_brought_in_as_the_other_side(world: World) -> None:
    """Three-way about a complaint of the police on 12345: the inspection is the other side, unless one is named."""
    i = world.call("order.dispute", line="12345", against=["nanxian-police"])
    world.do(cmd.ThreeWay(), i.incident_id, person("hotline"))
    assert "nanxian-police" not in running(i)


def test_a_silent_call_keeps_its_limit_wherever_it_goes(world: World) -> None:
    """Moved by itself, split out, called back before: one limit where it is owed, none where it is not."""
    a = world.call("crime.reported", line="110")
    b = world.call("crime.fraud", line="110", point=east(3000))
    world.call("invalid.silent", line="110", point=east(9000))

    def owed(i: Incident) -> list[str]:
        return [c.clock_id for c in i.clocks.values() if c.clock == "callback" and c.state in ("running", "missed")]

    world.do(cmd.LinkCall(call_id="c3"), a.incident_id).accepted("IncidentMerged")
    assert len(owed(a)) == 1
    world.do(cmd.LinkCall(call_id="c3"), b.incident_id).accepted("CallUnlinked", "ClockStopped", "ClockStarted")
    assert (owed(a), len(owed(b))) == ([], 1)
    world.do(cmd.UnlinkCall(call_id="c3"), b.incident_id).accepted("IncidentOpened", "ClockStarted", "ClockStopped")
    alone = world.incident(world.said("CallUnlinked")[0].to)
    assert (owed(b), len(owed(alone))) == ([], 1)
    world.do(cmd.CallBack(result="answered"), "c3").accepted("ClockMet")
    world.do(cmd.Merge(into=b.incident_id), alone.incident_id)
    world.do(cmd.UnlinkCall(call_id="c3"), b.incident_id).accepted("IncidentOpened")
    assert owed(world.incident(world.said("CallUnlinked")[0].to)) == [], "called back already"


def test_a_further_silent_call_is_called_back_too(world: World) -> None:
    """The first was; the same caller rings silently again: a limit of its own, and a person looks."""
    i = world.call("invalid.silent", line="110", caller="k")
    world.do(cmd.CallBack(result="answered"), "c1", person("call_taker")).accepted("ClockMet")
    assert world.call("invalid.silent", line="110", caller="k", after=MIN) is i
    world.accepted("CallLinked", "ClockStarted")
    assert [c.state for c in i.clocks.values() if c.clock == "callback"] == ["met", "running"]


def test_a_miss_is_told_once_however_often_its_task_moves(world: World) -> None:
    """A late task that a merge takes along and a split brings back was late once, and its red card stays red."""
    a = world.call("crime.reported", line="110")
    b = world.call("medical.birth", line="120", point=east(3000))
    clock = next(c for c in b.clocks.values() if c.clock == "arrive")
    for level, due in (("missed", clock.due_at), ("red", clock.red_at)):
        world.now = due or 0
        world.do(
            cmd.FireClock(
                incident_id=b.incident_id, clock="arrive", clock_id=clock.clock_id, level=level, due_at=clock.due_at
            )
        )
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    assert [m.moved for m in world.said("ClockMissed")] == [True]
    assert (a.clocks[clock.clock_id].state, a.clocks[clock.clock_id].card) == ("missed", "red")
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id)
    assert (b.clocks[clock.clock_id].card, [m.moved for m in world.said("ClockMissed")]) == ("red", [True])


def test_who_left_a_matter_only_accounts_for_what_it_did(world: World) -> None:
    """Called off, handed on, declined: no act on the file any more but a note on one's own work; a decliner none."""
    i = world.call("service.urban", line="12345")
    world.do(cmd.Transfer(to="nanxian-power"), f"{i.incident_id}-T1", of("nanxian-urban"))
    world.do(cmd.Decline(), f"{i.incident_id}-T1", of("nanxian-power")).accepted("TransferDeclined")
    world.do(cmd.Transfer(to="nanxian-water"), f"{i.incident_id}-T1", of("nanxian-urban"))
    world.do(cmd.SetPriority(priority=2, reason="~r"), i.incident_id, of("nanxian-water")).accepted("PriorityChanged")
    world.do(cmd.Accept(), f"{i.incident_id}-T1", of("nanxian-water")).accepted("TaskTransferred")
    acts = (
        cmd.SetPriority(priority=1, reason="~r"), cmd.Route(agency="nanxian-gas"), cmd.InformCaller(result="told"),
        cmd.RevealNumber(call_id="c1", reason="~r"), cmd.ThreeWay(), cmd.Reclassify(kind="order.noise", reason="~r"),
    )  # fmt: skip
    for act in acts:
        target = "c1" if isinstance(act, cmd.RevealNumber) else i.incident_id
        world.do(act, target, of("nanxian-urban")).refused("not_your_task")
    world.do(cmd.Note(text="~what we did"), i.incident_id, of("nanxian-urban")).accepted("NoteAdded")
    world.do(cmd.Note(text="~t"), i.incident_id, of("nanxian-power")).refused("not_your_task")
    world.do(cmd.Note(text="~t"), i.incident_id, of("nanxian-water")).accepted("NoteAdded")


def test_handed_to_who_is_at_work_here_already_it_is_one_work(world: World) -> None:
    """Offered, or returned, to an agency with a task of its own: joined to that, which leads now; no second task."""
    for by_return in (False, True):
        i = world.call(point=east(20_000 if by_return else 0))
        fire, police = f"{i.incident_id}-T1", f"{i.incident_id}-T2"
        tasks = list(i.tasks)
        if by_return:
            world.do(cmd.Return(code="function"), fire, of("nanxian-fire"))
            world.do(cmd.GrantReturn(to="nanxian-police"), fire).accepted("TaskReturned", "TaskAlerted", "RoleChanged")
        else:
            world.do(cmd.Transfer(to="nanxian-police"), fire, of("nanxian-fire"))
            world.do(cmd.Accept(), fire, of("nanxian-police"))
            world.accepted("TaskTransferred", "TaskAlerted", "RoleChanged", "TaskAcknowledged", "TaskAccepted")
        assert list(i.tasks) == tasks
        assert (i.tasks[police].role, i.tasks[police].held_by) == ("lead", "nanxian-police")
        assert not [c for c in i.clocks.values() if c.task_id == fire and c.state == "running"]


def test_a_third_transfer_finds_the_command_centre_at_work_here(world: World) -> None:
    """By rule it goes there, into the task the centre has."""
    i = world.call("service.urban", line="12345")
    world.do(cmd.Route(agency="nanxian-command"), i.incident_id)
    for taker in ("nanxian-water", "nanxian-urban"):
        task = next(t for t in reversed(i.tasks.values()) if t.role == "lead" and t.state not in ENDED)
        world.do(cmd.Transfer(to=taker), task.task_id)
        world.do(cmd.Accept(), task.task_id).accepted("TaskTransferred", "TaskRouted")
    last = next(t for t in reversed(i.tasks.values()) if t.role == "lead" and t.state not in ENDED)
    world.do(cmd.Transfer(to="nanxian-water"), last.task_id)
    world.accepted("TransferOffered", "TaskTransferred", "TaskAlerted", "RoleChanged")
    assert {t.held_by: t.role for t in i.tasks.values() if t.state not in ENDED} == {"nanxian-command": "lead"}
