"""Calls: recorded always, opened or linked by rule, closed by a person only."""

from tests.unit.incident.world import HERE, MIN, REGION, WORKDAY, World, east, finish, of, person
from tocsin.envelope import SYSTEM
from tocsin.incident import commands as cmd
from tocsin.incident.digest import digest
from tocsin.incident.show import incident_view
from tocsin.place import Place


def test_what_an_agency_is_to_bring_goes_with_its_task(world: World) -> None:
    """Routed with it, handed over with it, moved with it by a merge, and shown to whoever holds it."""
    i = world.call("rescue.water")
    task = f"{i.incident_id}-T1"
    assert i.tasks[task].capabilities == ("water_rescue",)
    world.do(cmd.Transfer(to="nanxian-redcross"), task, of("nanxian-fire"))
    world.do(cmd.Accept(), task, of("nanxian-redcross")).accepted("TaskTransferred")
    assert list(i.tasks.values())[-1].capabilities == ("water_rescue",)
    other = world.call("fire.building", point=east(3000))
    world.do(cmd.Merge(into=other.incident_id, reason="~r"), i.incident_id).accepted("TaskJoined")
    moved = [t.capabilities for t in other.tasks.values() if t.held_by == "nanxian-redcross"]
    assert moved == [("water_rescue",)]
    shown = incident_view(other, {}, world.policy.kinds, lambda _: None).tasks
    assert ["water_rescue"] in [t.capabilities for t in shown]
    assert digest(world.refold()) == digest(world.state)


def test_a_call_opens_an_incident_with_its_plan_and_limits(world: World) -> None:
    """A fire call: recorded, opened, the plan's agencies routed, each with its acknowledge limit of 30 s."""
    i = world.call("fire.building")
    world.accepted("CallRecorded", "IncidentOpened", "TaskRouted", "ClockStarted")
    assert {t.agency: t.role for t in i.tasks.values()} == {
        "nanxian-fire": "lead", "nanxian-police": "joint", "nanxian-120": "joint",
    }  # fmt: skip
    assert i.incident_id == "430921-20260408-000001"
    assert [t.task_id for t in i.tasks.values()] == [f"{i.incident_id}-T{n}" for n in (1, 2, 3)]
    seen = {c.agency: c.due_at - world.now for c in i.clocks.values() if c.clock == "acknowledge"}
    assert seen == dict.fromkeys(("nanxian-fire", "nanxian-police", "nanxian-120"), 30_000)
    assert (i.lane, i.first_receiver, i.priority, i.review) == ("urgent", "nanxian-fire", 1, [])


def test_incident_numbers_begin_anew_each_local_day(world: World) -> None:
    """Ids count within the day of Asia/Shanghai: 15:59 and 16:00 UTC are two days."""
    world.now = 1_775_663_940_000
    first = world.call("order.dispute", line="110").incident_id
    assert first == "430921-20260408-000001"
    assert world.call("order.dispute", line="110", point=east(9000)).incident_id == "430921-20260408-000002"
    assert world.call("order.dispute", line="110", point=east(-9000), after=MIN).incident_id == "430921-20260409-000001"


def test_the_same_call_again_changes_nothing(world: World) -> None:
    """A known id with the same body is noted; nothing is routed twice."""
    i = world.call(call_id="same", body="b")
    tasks = len(i.tasks)
    world.call(call_id="same", body="b")
    assert world.types() == ["CommandNoted"]
    assert len(i.tasks) == tasks


def test_another_body_under_a_known_id_is_a_conflict_for_a_person(world: World) -> None:
    """CallConflict, and the incident waits in review, with a limit, closed or not; the first record stands."""
    i = world.call(call_id="same", body="one")
    world.call(call_id="same", body="two")
    assert world.types() == ["CallConflict", "ReviewRequested", "ClockStarted"]
    assert i.review == ["call_conflict"]
    assert world.state.regions[REGION].calls["same"].record.body_hash == "one"
    world.call(call_id="same", body="three")
    assert world.types() == ["CallConflict"]
    finish(world, i)
    world.do(cmd.Close(), i.incident_id).accepted("ReviewEnded", "IncidentClosed")
    world.call(call_id="same", body="four")
    assert world.types() == ["CallConflict", "IncidentReopened", "ReviewRequested", "ClockStarted"]


def test_invariant_8_unsure_means_human_and_urgent(world: World) -> None:
    """An unsure call is in review with its clock, and still routed: command centre and first receiver."""
    i = world.call("unknown", line="122", human=True, reasons=["low_confidence"])
    assert i.review[0] == "low_confidence"
    assert (i.priority, i.lane) == (2, "urgent")
    assert {t.agency for t in i.tasks.values()} == {"nanxian-command", "nanxian-traffic"}
    assert any(c.clock == "review" for c in i.clocks.values())


def test_invariant_8_an_unsure_hotline_call_is_urgent_too(world: World) -> None:
    """Not understood on 12345: the command centre and the hotline, on the urgent lane."""
    i = world.call("unknown", line="12345", human=True)
    assert i.lane == "urgent"
    assert {t.agency for t in i.tasks.values()} == {"nanxian-command", "nanxian-hotline"}


def test_invariant_8_a_kind_the_policy_lacks_is_unknown(world: World) -> None:
    """A kind nobody planned for is planned as unknown; nothing falls through."""
    i = world.call("service.nobody", line="12345")
    assert i.kind == "unknown"
    assert i.tasks


def test_invariant_8_missing_place_and_unknown_region_go_to_a_person(world: World) -> None:
    """A fire without a place waits in review; a call without a region is flagged as such."""
    lost = world.call("fire.building", point=None)
    assert "place_missing" in lost.review
    nowhere = world.call("crime.inprogress", line="110", region="000000", place=Place(region="000000"))
    assert "region_unknown" in nowhere.flags
    assert "region_unknown" in nowhere.review
    assert nowhere.tasks


def test_a_neighbours_call_is_served_by_mutual_aid(world: World) -> None:
    """A call placed in 430623: our plan, with the command centre beside it, flagged out_of_area."""
    i = world.call("fire.building", region="430623")
    assert i.region == "430623"
    assert "out_of_area" in i.flags
    aid = {t.agency: t.cause for t in i.tasks.values()}
    assert aid["nanxian-command"] == "mutual_aid"
    assert "nanxian-fire" in aid


def test_danger_on_the_hotline_leaves_the_queue(world: World) -> None:
    """An escalated 12345 call: urgent lane, emergency agencies at once, the hotline stays first receiver."""
    i = world.call("rescue.suicide", line="12345", escalated=True)
    assert (i.lane, i.first_receiver) == ("urgent", "nanxian-hotline")
    assert {"nanxian-police", "nanxian-fire", "nanxian-120"} <= {t.agency for t in i.tasks.values()}
    assert "escalated" in i.flags


def test_several_matters_become_several_incidents_of_one_call(world: World) -> None:
    """一警多情: two incidents, both of this call, related to each other."""
    i = world.call("traffic.damage", line="122", matters=["order.dispute"])
    call = world.state.regions[REGION].calls["c1"]
    assert len(call.incident_ids) == 2
    other = world.incident(call.incident_ids[1])
    assert (other.kind, i.incident_id in other.related, other.incident_id in i.related) == ("order.dispute", True, True)
    assert list(other.links) == ["c1"]


def test_answer_clock_is_counted_only_with_both_times(world: World) -> None:
    """Answered in 10 s: met; in 30 s: missed and late; without times: no clock at all."""
    i = world.call(rang_at=WORKDAY - 12_000, answered_at=WORKDAY - 2_000)
    assert [c.state for c in i.clocks.values() if c.clock == "answer"] == ["met"]
    late = world.call(point=east(9000), rang_at=WORKDAY - 40_000, answered_at=WORKDAY - 10_000)
    world.accepted("ClockMissed", "ClockMet")
    assert [c.card for c in late.clocks.values() if c.clock == "answer"] == ["yellow"]
    none = world.call(point=east(-9000), rang_at=WORKDAY)
    assert not [c for c in none.clocks.values() if c.clock == "answer"]


def test_invariant_9_impossible_times_start_no_answer_clock(world: World) -> None:
    """Impossible times are kept and flagged, and nothing is measured by them."""
    i = world.call(rang_at=1, answered_at=2, flags=["time_impossible"])
    assert "time_impossible" in i.flags
    assert not [c for c in i.clocks.values() if c.clock == "answer"]


def test_a_silent_call_waits_for_a_call_back(world: World) -> None:
    """No tasks, in review, call-back clock of 60 s; close_call is refused until the call-back is recorded."""
    i = world.call("invalid.silent", line="110", point=None, human=True)
    assert not i.tasks
    assert i.review
    assert [c.due_at - world.now for c in i.clocks.values() if c.clock == "callback"] == [60_000]
    world.do(cmd.CloseCall(reason="silent"), "c1").refused("callback_required")
    world.do(cmd.CallBack(result="no_answer"), "c1").accepted("CallBackRecorded", "ClockMet")
    world.do(cmd.CloseCall(reason="silent"), "c1").accepted("CallClosed", "ReviewEnded", "IncidentClosed")
    assert (i.state, i.disposition, i.review) == ("closed", "no_incident", [])
    world.do(cmd.CloseCall(reason="silent"), "c1").refused("illegal_step")


def test_a_silent_call_is_not_closed_under_another_name_without_a_call_back(world: World) -> None:
    """The call's own kind counts, not the word chosen to close it."""
    world.call("invalid.silent", line="110", point=None)
    world.do(cmd.CloseCall(reason="nuisance"), "c1").refused("callback_required")


def test_a_call_is_closed_by_a_person_only(world: World) -> None:
    """The system may suggest; it may not close."""
    world.call("invalid.nuisance", line="110")
    world.do(cmd.CloseCall(reason="nuisance"), "c1", SYSTEM).refused("not_allowed")
    world.do(cmd.CloseCall(reason="nuisance"), "nobody").refused("unknown_call")
    world.do(cmd.CloseCall(reason="nuisance"), "c1", person("call_taker")).accepted("CallClosed", "IncidentClosed")


def test_closing_a_call_calls_off_tasks_nobody_took_and_refuses_over_work(world: World) -> None:
    """Routed tasks of a nuisance call are cancelled by rule; an agency at work finishes first."""
    i = world.call("unknown", line="110")
    task = next(iter(i.tasks))
    world.do(cmd.Accept(), task)
    world.do(cmd.CloseCall(reason="false"), "c1").refused("task_open")
    other = world.call("unknown", line="110", point=east(9000))
    world.do(cmd.CloseCall(reason="false"), "c2").accepted(
        "CallClosed", "TaskCancelled", "ClockStopped", "IncidentClosed"
    )
    assert {t.state for t in other.tasks.values()} == {"cancelled"}


def test_closing_one_of_two_calls_leaves_the_incident_open(world: World) -> None:
    """Only the call is closed; the incident has another."""
    i = world.call()
    world.call(after=MIN)
    world.do(cmd.CloseCall(reason="duplicate"), "c2").accepted("CallClosed")
    assert world.types() == ["CallClosed"]
    assert i.state == "open"


def test_rating_once(world: World) -> None:
    """The caller rates 1 to 5, once."""
    world.call()
    world.do(cmd.Rate(score=6), "c1").refused("illegal_step")
    world.do(cmd.Rate(score=5), "c1").accepted("Rated")
    world.do(cmd.Rate(score=5), "c1").refused("illegal_step")
    world.do(cmd.Rate(score=5), "nobody").refused("unknown_call")


def test_old_closed_incidents_leave_the_state_a_few_at_a_time(world: World) -> None:
    """After archive_after_days a later call archives them: state gone, number of each command bounded."""
    for n in range(5):
        i = world.call("order.dispute", line="110", point=east(3000 * n))
        finish(world, i)
        world.do(cmd.Close(), i.incident_id).accepted("IncidentClosed")
    days = world.policy.archive_after_days
    world.call(point=HERE, after=(days + 1) * 86_400_000)
    assert world.types().count("IncidentArchived") == 3
    world.call(point=east(-9000))
    region = world.state.regions[REGION]
    assert len(region.incidents) == 2
    assert set(region.calls) == {"c6", "c7"}
