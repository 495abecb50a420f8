"""The end of a matter, and the acts on its file."""

import pytest

from tests.unit.incident.world import MIN, REGION, World, east, finish, of, person
from tocsin.envelope import Actor
from tocsin.incident import commands as cmd


def test_closing_needs_every_task_ended_and_the_caller_told(world: World) -> None:
    """task_open, then caller_not_told, then closed; closed once."""
    i = world.call("crime.reported", line="110")
    world.do(cmd.Close(), i.incident_id).refused("task_open")
    world.do(cmd.Complete(result="~r"), f"{i.incident_id}-T1")
    assert i.state == "open", "one agency's completion does not close the incident"
    world.do(cmd.Close(), i.incident_id).refused("caller_not_told")
    world.do(cmd.InformCaller(result="unreachable"), i.incident_id).accepted("CallerInformed")
    world.do(cmd.Close(), i.incident_id).accepted("IncidentClosed")
    assert (i.state, i.disposition) == ("closed", "handled")
    world.do(cmd.Close(), i.incident_id).refused("illegal_step")


def test_closing_without_anyones_result_needs_a_reason(world: World) -> None:
    """Unfounded, and no agency said so: say why."""
    i = world.call("crime.reported", line="110")
    world.do(cmd.Cancel(reason="~r"), f"{i.incident_id}-T1")
    world.do(cmd.InformCaller(result="told"), i.incident_id)
    world.do(cmd.Close(disposition="unfounded"), i.incident_id).refused("reason_required")
    world.do(cmd.Close(disposition="unfounded", reason="~r"), i.incident_id).accepted("IncidentClosed")


def test_a_sensor_needs_no_telling_a_person_without_a_number_does(world: World) -> None:
    """Only machines called: nobody is to be told. A voice without a number is recorded as such first."""
    machine = world.call("fire.vegetation", channel="sensor", anonymous=True)
    voice = world.call("fire.vegetation", point=east(9000), anonymous=True)
    for i in (machine, voice):
        world.do(cmd.Complete(result="~r"), f"{i.incident_id}-T1")
    world.do(cmd.Close(), machine.incident_id).accepted("IncidentClosed")
    world.do(cmd.Close(), voice.incident_id).refused("caller_not_told")
    world.do(cmd.InformCaller(result="anonymous"), voice.incident_id)
    world.do(cmd.Close(), voice.incident_id).accepted("IncidentClosed")


def test_reopening_needs_a_reason_and_a_closed_incident(world: World) -> None:
    """reason_required, illegal_step while open, then open again, the caller to be told anew."""
    i = world.call()
    world.do(cmd.Reopen(reason="~r"), i.incident_id).refused("illegal_step")
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    world.do(cmd.Reopen(), i.incident_id).refused("reason_required")
    world.do(cmd.Reopen(reason="~r"), i.incident_id).accepted("IncidentReopened")
    world.do(cmd.Close(), i.incident_id).refused("caller_not_told")


def test_not_solved_opens_a_second_round_once_one_level_up(world: World) -> None:
    """The follow-up: illegal before the work is done; not solved: the command centre leads round 2; no third round."""
    i = world.call("service.urban", line="12345")
    follow = cmd.FollowUp(solved=False, satisfied=False)
    world.do(follow, i.incident_id).refused("illegal_step")
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    world.do(follow, i.incident_id).accepted("FollowedUp", "IncidentReopened", "TaskRouted")
    second = i.tasks[f"{i.incident_id}-T2"]
    assert (second.agency, second.round, second.cause, i.state) == ("nanxian-command", 2, "round", "open")
    world.do(follow, i.incident_id).refused("illegal_step")
    finish(world, i)
    world.do(follow, i.incident_id)
    assert world.types() == ["FollowedUp"]
    world.do(follow, i.incident_id).refused("illegal_step")


def test_what_is_reopened_is_not_forgotten(world: World) -> None:
    """Reopened by a person, nobody is at work on it: it waits for one, with the limit of all that waits."""
    i = world.call("service.urban", line="12345")
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    world.do(cmd.Reopen(reason="~r"), i.incident_id).accepted("IncidentReopened", "ReviewRequested", "ClockStarted")
    assert i.review == ["reopened"]
    world.do(cmd.Route(agency="nanxian-urban", role="lead"), i.incident_id).accepted("TaskRouted", "ReviewEnded")
    assert not i.review


def test_solved_at_the_follow_up_changes_nothing_more(world: World) -> None:
    """Solved: one event, once."""
    i = world.call("service.urban", line="12345")
    finish(world, i)
    world.do(cmd.FollowUp(solved=True, satisfied=True), i.incident_id)
    assert world.types() == ["FollowedUp"]
    world.do(cmd.FollowUp(solved=True), i.incident_id).refused("illegal_step")


@pytest.mark.parametrize(
    ("by", "fine"),
    [
        (person("hotline"), True), (person("commander"), True), (of("nanxian-hotline"), True),
        (of("nanxian-command"), True), (of("nanxian-urban"), False), (of("nanxian-water"), False),
        (person("call_taker"), False), (person("ems_dispatcher"), False), (person("supervisor"), False),
        (person("crew", "nanxian-urban"), False),
    ],
)  # fmt: skip
def test_nobody_judges_their_own_work(world: World, by: Actor, fine: bool) -> None:
    """The follow-up of an order is the hotline's or the command centre's; who worked on it does not say it is solved.

    Nor does another that was called beside it, nor the desk of another line.
    """
    i = world.call("service.urban", line="12345")
    world.do(cmd.Route(agency="nanxian-water"), i.incident_id)
    finish(world, i)
    world.do(cmd.FollowUp(solved=True, satisfied=True), i.incident_id, by)
    if fine:
        world.accepted("FollowedUp")
    else:
        world.refused("not_your_task")
        assert len(world.last[0].data.detail) > 20, "refused without a reason in words"


def test_a_first_receiver_that_did_the_work_itself_leaves_the_follow_up_to_its_desk(world: World) -> None:
    """The hotline's own account worked on it: it does not judge itself; on 110 the police are bound alike."""
    i = world.call("service.urban", line="12345")
    world.do(cmd.Transfer(to="nanxian-hotline"), f"{i.incident_id}-T1", of("nanxian-urban"))
    world.do(cmd.Accept(), f"{i.incident_id}-T1", of("nanxian-hotline")).accepted("TaskTransferred")
    j = world.call("crime.reported", line="110")
    for one, mine in ((i, "nanxian-hotline"), (j, "nanxian-police")):
        finish(world, one)
        world.do(cmd.FollowUp(solved=True), one.incident_id, of(mine)).refused("not_your_task")
    world.do(cmd.FollowUp(solved=True), j.incident_id, person("call_taker")).accepted("FollowedUp")
    world.do(cmd.FollowUp(solved=True), i.incident_id, person("hotline")).accepted("FollowedUp")


def test_notes_supervision_and_revealed_numbers(world: World) -> None:
    """Each an event; each refused without its words."""
    i = world.call()
    world.do(cmd.Note(text=""), i.incident_id).refused("reason_required")
    world.do(cmd.Note(text="~t"), i.incident_id).accepted("NoteAdded")
    world.do(cmd.Supervise(reason=""), i.incident_id).refused("reason_required")
    world.do(cmd.Supervise(reason="~r"), i.incident_id, person("supervisor")).accepted("SupervisionOrdered")
    assert i.supervised
    world.do(cmd.RevealNumber(call_id="c1", reason=""), "c1").refused("reason_required")
    world.do(cmd.RevealNumber(call_id="nobody", reason="~r"), "c1").refused("unknown_call")
    world.do(cmd.RevealNumber(call_id="c1", reason="~r"), "c1").accepted("NumberRevealed")


@pytest.mark.parametrize(
    "data", [cmd.Note(text="~t"), cmd.InformCaller(result="told"), cmd.Route(agency="nanxian-gas")]
)
def test_who_may_act_on_an_incident(world: World, data: cmd.Act) -> None:
    """A dispatcher with a task here may; one without is refused; an auditor only reads."""
    i = world.call()
    world.do(data, i.incident_id, of("nanxian-market")).refused("not_your_task")
    world.do(data, i.incident_id, Actor(subject="a", role="auditor")).refused("not_allowed")
    world.do(data, i.incident_id, of("nanxian-police")).accepted()


def test_route_adds_an_agency_once(world: World) -> None:
    """TaskRouted with its limits; unknown_agency; illegal_step while it has an open task, or the incident is closed.

    Routed as lead it is the only one.
    """
    i = world.call()
    world.do(cmd.Route(agency="nanxian-nobody"), i.incident_id).refused("unknown_agency")
    world.do(cmd.Route(agency="nanxian-fire"), i.incident_id).refused("illegal_step")
    world.do(cmd.Route(agency="nanxian-gas"), i.incident_id).accepted("TaskRouted", "ClockStarted")
    assert [t.cause for t in i.tasks.values() if t.agency == "nanxian-gas"] == ["person"]
    world.do(cmd.Route(agency="nanxian-power", role="lead"), i.incident_id).accepted("TaskRouted", "RoleChanged")
    assert [t.agency for t in i.tasks.values() if t.role == "lead"] == ["nanxian-power"]
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    world.do(cmd.Route(agency="nanxian-water"), i.incident_id).refused("illegal_step")


def test_reclassifying_adds_the_new_plan_and_withdraws_nobody(world: World) -> None:
    """A scrape that is a burning car: fire added, priority raised, everyone told, the review ended."""
    i = world.call("unknown", line="122", human=True)
    world.do(cmd.Reclassify(kind="fire.vehicle"), i.incident_id).refused("reason_required")
    world.do(cmd.Reclassify(kind="fire.nothing", reason="~r"), i.incident_id).refused("unknown_kind")
    world.do(cmd.Reclassify(kind="fire.vehicle", reason="~r"), i.incident_id)
    world.accepted("Reclassified", "PriorityChanged", "TaskRouted", "TaskAlerted", "ReviewEnded", "ClockMet")
    assert {t.agency for t in i.tasks.values()} == {"nanxian-command", "nanxian-traffic", "nanxian-fire"}
    assert (i.kind, i.priority, i.review) == ("fire.vehicle", 1, [])
    world.do(cmd.Reclassify(kind="fire.vehicle", reason="~r"), i.incident_id).refused("illegal_step")


def test_an_incident_has_one_lead_whatever_it_became(world: World) -> None:
    """The new kind's agency leads; who led works on beside it, and nobody is withdrawn."""
    i = world.call("traffic.damage", line="122")
    world.do(cmd.Accept(), f"{i.incident_id}-T1", of("nanxian-traffic"))
    world.do(cmd.Reclassify(kind="crime.reported", reason="~a thief's car"), i.incident_id)
    world.accepted("Reclassified", "TaskRouted", "RoleChanged")
    assert {t.agency: t.role for t in i.tasks.values()} == {"nanxian-traffic": "joint", "nanxian-police": "lead"}
    world.do(cmd.Reclassify(kind="traffic.damage", reason="~after all"), i.incident_id)
    assert [t.agency for t in i.tasks.values() if t.role == "lead"] == ["nanxian-traffic"]


def test_a_lowered_priority_withdraws_nobody_a_raised_one_is_heard(world: World) -> None:
    """1 to 4 with a reason; lowered: one event; raised: alerts, and the urgent lane."""
    i = world.call("service.urban", line="12345")
    world.do(cmd.SetPriority(priority=2), i.incident_id).refused("reason_required")
    world.do(cmd.SetPriority(priority=5, reason="~r"), i.incident_id).refused("illegal_step")
    world.do(cmd.SetPriority(priority=4, reason="~r"), i.incident_id).refused("illegal_step")
    world.do(cmd.SetPriority(priority=1, reason="~r"), i.incident_id).accepted("PriorityChanged", "TaskAlerted")
    assert i.lane == "urgent"
    tasks = len(i.tasks)
    world.do(cmd.SetPriority(priority=3, reason="~r"), i.incident_id)
    assert world.types() == ["PriorityChanged"]
    assert len(i.tasks) == tasks
    assert i.lane == "urgent"


def test_a_corrected_place_is_heard_and_found_by_later_calls(world: World) -> None:
    """With a reason; who is on the way hears; a call at the new place is linked, one at the old is not."""
    i = world.call()
    there = cmd.GivenLocation(point=east(5000))
    world.do(cmd.CorrectLocation(location=there), i.incident_id).refused("reason_required")
    world.do(cmd.CorrectLocation(location=cmd.GivenLocation(), reason="~r"), i.incident_id).refused("illegal_step")
    world.do(cmd.CorrectLocation(location=there, reason="~r"), i.incident_id).accepted(
        "LocationCorrected", "TaskAlerted"
    )
    assert world.call(point=east(5010), after=MIN) is i


def test_a_place_that_cannot_be_found_waits_for_a_person(world: World) -> None:
    """A correction to words nobody knows leaves an urgent incident nowhere: that is said, and looked at."""
    i = world.call()
    nowhere = i.place.__class__(region=REGION, source="seat")
    world.do(cmd.CorrectLocation(location=cmd.GivenLocation(address="~a"), place=nowhere, reason="~r"), i.incident_id)
    world.accepted("LocationCorrected", "TaskAlerted", "ReviewRequested", "ClockStarted")
    assert i.review == ["place_missing"]
    again = cmd.CorrectLocation(location=cmd.GivenLocation(address="~b"), place=nowhere, reason="~r")
    world.do(again, i.incident_id).accepted("LocationCorrected")
    assert world.said("ReviewRequested") == []
    world.do(cmd.CorrectLocation(location=cmd.GivenLocation(point=east(9)), reason="~r"), i.incident_id)
    world.accepted("LocationCorrected", "ReviewEnded")
    assert not i.review


def test_a_place_across_the_border_adds_mutual_aid(world: World) -> None:
    """The incident keeps its region and id; the command centre is added."""
    i = world.call()
    place = i.place.__class__(region="430623", point=east(20_000), source="point")
    world.do(
        cmd.CorrectLocation(location=cmd.GivenLocation(point=east(20_000)), place=place, reason="~r"), i.incident_id
    )
    world.accepted("LocationCorrected", "TaskRouted")
    assert "nanxian-command" in {t.agency for t in i.tasks.values()}
    assert i.region == "430921"
