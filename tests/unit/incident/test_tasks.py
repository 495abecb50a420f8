"""The task chain, by the agency that holds the task: accepted, refused with that very code, repeated."""

import itertools

import pytest

from tests.unit.incident.world import MIN, WORKDAY, World, of, person
from tocsin.envelope import Actor
from tocsin.incident import commands as cmd
from tocsin.incident.commands import Act

STEPS: list[tuple[Act, str, str]] = [
    (cmd.Acknowledge(), "TaskAcknowledged", "acknowledged"),
    (cmd.Accept(), "TaskAccepted", "accepted"),
    (cmd.DispatchUnit(unit_ids=["u1"]), "UnitsDispatched", "dispatched"),
    (cmd.Arrive(unit_id="u1"), "TaskArrived", "on_scene"),
    (cmd.Complete(result="~done"), "TaskCompleted", "completed"),
]
FIRE = of("nanxian-fire")


def test_the_whole_chain_step_by_step_and_each_step_once(world: World) -> None:
    """From routed to completed; a repeated or earlier step is an illegal_step and changes nothing."""
    task = next(iter(world.call().tasks))
    for n, (step, event, state) in enumerate(STEPS):
        world.do(step, task, FIRE, after=1000).accepted(event)
        assert world.task(task).state == state
        for before, _, _ in STEPS[: n + 1]:
            world.do(before, task, FIRE).refused("illegal_step")
        assert world.task(task).state == state
    assert world.task(task).units == ["u1"]


@pytest.mark.parametrize(("step", "event"), [(s, e) for s, e, _ in STEPS])
def test_steps_may_be_skipped_forward(world: World, step: Act, event: str) -> None:
    """Any step may come first; acceptance and acknowledgement are stated with it, arrivals are not invented."""
    task = next(iter(world.call().tasks))
    world.do(step, task, FIRE).accepted(*dict.fromkeys(["TaskAcknowledged", event]))
    assert ("TaskAccepted" in world.types()) == (event != "TaskAcknowledged")
    assert ("TaskArrived" in world.types()) == (event == "TaskArrived")


@pytest.mark.parametrize(
    "step", [s for s, _, _ in STEPS] + [cmd.Feedback(), cmd.Return(code="area"), cmd.Transfer(to="nanxian-gas")]
)
def test_another_agencys_dispatcher_is_refused(world: World, step: Act) -> None:
    """not_your_task for a dispatcher of another agency, even one with a task in the same incident."""
    task = next(iter(world.call().tasks))
    world.do(step, task, of("nanxian-police")).refused("not_your_task")
    world.do(step, task, Actor(role="auditor", subject="a")).refused("not_allowed")
    assert world.task(task).state == "routed"


def test_the_desk_and_the_120_centre_act_for_the_services_behind_their_lines(world: World) -> None:
    """call_taker for police, fire and traffic; ems_dispatcher for medical; hotline for departments; never across."""
    fire, _, medical = world.call().tasks
    world.do(cmd.Acknowledge(), fire, person("call_taker")).accepted("TaskAcknowledged")
    world.do(cmd.Acknowledge(), medical, person("call_taker")).refused("not_your_task")
    world.do(cmd.Acknowledge(), medical, person("ems_dispatcher")).accepted("TaskAcknowledged")
    order = next(iter(world.call("service.urban", line="12345").tasks))
    world.do(cmd.Acknowledge(), order, person("ems_dispatcher")).refused("not_your_task")
    world.do(cmd.Acknowledge(), order, person("hotline")).accepted("TaskAcknowledged")


def test_nothing_completes_without_a_result(world: World) -> None:
    """result_required; with one it is done, and what was still owed is stopped."""
    i = world.call()
    task = next(iter(i.tasks))
    world.do(cmd.Complete(), task, FIRE).refused("result_required")
    world.do(cmd.Complete(result="~r", disposition="unfounded"), task, FIRE).accepted("TaskCompleted")
    assert not [c for c in i.clocks.values() if c.task_id == task and c.state == "running"]
    assert i.state == "open"


def test_further_units_may_follow_without_going_back(world: World) -> None:
    """A second unit at the scene keeps the state; the same unit again is an illegal_step."""
    task = next(iter(world.call().tasks))
    world.do(cmd.Arrive(unit_id="u1"), task, FIRE)
    world.do(cmd.DispatchUnit(unit_ids=["u2"]), task, FIRE).accepted("UnitsDispatched")
    assert (world.task(task).state, world.task(task).units) == ("on_scene", ["u1", "u2"])
    world.do(cmd.DispatchUnit(unit_ids=["u2"]), task, FIRE).refused("illegal_step")


def test_feedback_shows_that_the_task_was_seen(world: World) -> None:
    """A report acknowledges; after the end there is nothing to report on."""
    task = next(iter(world.call().tasks))
    world.do(cmd.Feedback(stage="progress", text="~t"), task, FIRE).accepted("TaskAcknowledged", "TaskFeedback")
    world.do(cmd.Feedback(stage="progress", text="~t"), task, FIRE)
    assert world.types() == ["TaskFeedback"]
    world.do(cmd.Complete(result="~r"), task, FIRE)
    world.do(cmd.Feedback(), task, FIRE).refused("illegal_step")


def test_cancel_needs_a_reason_and_a_task_that_runs(world: World) -> None:
    """reason_required, then TaskCancelled with its clocks stopped, then too_late."""
    i = world.call()
    task = next(iter(i.tasks))
    world.do(cmd.Cancel(), task).refused("reason_required")
    world.do(cmd.Cancel(reason="~r"), task).accepted("TaskCancelled", "ClockStopped")
    world.do(cmd.Cancel(reason="~r"), task).refused("too_late")
    assert {c.state for c in i.clocks.values() if c.task_id == task} == {"stopped"}


def test_a_task_nobody_knows_is_not_found(world: World) -> None:
    """not_found for an unknown task, incident or clock, in no incident's history."""
    i = world.call()
    for target in (f"{i.incident_id}-T9", "430921-20260101-000001-T1", "nonsense", ""):
        world.do(cmd.Accept(), target).refused("not_found")
    world.do(cmd.Note(text="~t"), "430921-20260101-000001").refused("not_found")
    assert world.last[0].subject == ""


def test_expected_version_counts_acts_of_people_only(world: World) -> None:
    """A version from before another's act, or of the future, conflicts; clocks and linked calls make no conflict."""
    i = world.call()
    task = next(iter(i.tasks))
    seen = i.version
    world.call(after=31_000)
    clock = f"{task}:acknowledge:1"
    world.do(cmd.FireClock(incident_id=i.incident_id, clock="acknowledge", clock_id=clock, level="missed", due_at=0))
    world.accepted("ClockMissed")
    world.do(cmd.Accept(), task, FIRE, expected=seen).accepted("TaskAccepted")
    world.do(cmd.Arrive(), task, FIRE, expected=seen).refused("version_conflict")
    world.do(cmd.Arrive(), task, FIRE, expected=i.version + 1).refused("version_conflict")
    world.do(cmd.Arrive(), task, FIRE, expected=i.version).accepted("TaskArrived")


def test_a_refusal_is_no_act(world: World) -> None:
    """A refused command stands in the incident's history and outdates nobody."""
    i = world.call()
    task = next(iter(i.tasks))
    seen = i.version
    world.do(cmd.Complete(), task, FIRE).refused("result_required")
    assert world.last[0].subject == i.incident_id
    world.do(cmd.Accept(), task, FIRE, expected=seen, after=MIN).accepted("TaskAccepted")


def test_transfer_the_giver_stays_responsible_until_the_taker_accepts(world: World) -> None:
    """Offer, decline, offer, accept: held by the giver throughout, then the work goes on in the taker's own task."""
    i = world.call("service.urban", line="12345")
    task, giver, taker = next(iter(i.tasks)), of("nanxian-urban"), of("nanxian-water")
    assert i.tasks[task].agency == "nanxian-urban"
    world.do(cmd.Transfer(to="nanxian-nobody"), task, giver).refused("unknown_agency")
    world.do(cmd.Transfer(to="nanxian-urban"), task, giver).refused("illegal_step")
    world.do(cmd.Decline(), task, taker).refused("illegal_step")
    world.do(cmd.Transfer(to="nanxian-water"), task, giver).accepted("TransferOffered")
    world.do(cmd.Transfer(to="nanxian-water"), task, giver).refused("illegal_step")
    assert (i.tasks[task].held_by, i.tasks[task].offered_to) == ("nanxian-urban", "nanxian-water")
    world.do(cmd.Decline(reason="~r"), task, giver).refused("not_your_task")
    world.do(cmd.Decline(reason="~r"), task, taker).accepted("TransferDeclined")
    world.do(cmd.Transfer(to="nanxian-water"), task, giver, after=MIN)
    promise = next(c for c in i.clocks.values() if c.clock == "complete")
    world.do(cmd.Accept(), task, taker).accepted("TaskTransferred", "TaskRouted", "ClockStarted", "TaskAccepted")
    new = i.tasks[f"{i.incident_id}-T2"]
    assert (i.tasks[task].state, new.state, new.agency, new.former_task) == (
        "transferred", "accepted", "nanxian-water", task,
    )  # fmt: skip
    carried = next(c for c in i.clocks.values() if c.task_id == new.task_id and c.clock == "complete")
    assert (carried.started_at, carried.due_at) == (promise.started_at, promise.due_at), "a hand-over bought time"
    world.do(cmd.Accept(), task, giver).refused("not_your_task")


def test_the_third_transfer_goes_to_the_command_centre_by_rule(world: World) -> None:
    """Urban → water → urban → anywhere: the command centre takes over, whoever was named."""
    i = world.call("service.urban", line="12345")
    agencies = ["nanxian-urban", "nanxian-water", "nanxian-urban"]
    for n, (giver, taker) in enumerate(itertools.pairwise(agencies), 1):
        world.do(cmd.Transfer(to=taker), f"{i.incident_id}-T{n}", of(giver)).accepted("TransferOffered")
        world.do(cmd.Accept(), f"{i.incident_id}-T{n}", of(taker)).accepted("TaskTransferred")
    world.do(cmd.Transfer(to="nanxian-gas"), f"{i.incident_id}-T3", of("nanxian-urban"))
    world.accepted("TransferOffered", "TaskTransferred", "TaskRouted")
    assert (world.said("TransferOffered")[0].to, world.said("TransferOffered")[0].by_rule) == ("nanxian-command", True)
    assert i.tasks[f"{i.incident_id}-T4"].held_by == "nanxian-command"


def test_whoever_is_given_a_task_unasked_has_to_acknowledge_it(world: World) -> None:
    """By the third transfer or a granted return it comes to who has not seen it: its limit runs, from now."""
    i = world.call("service.urban", line="12345")
    for n, (giver, taker) in enumerate((("nanxian-urban", "nanxian-water"), ("nanxian-water", "nanxian-urban")), 1):
        world.do(cmd.Transfer(to=taker), f"{i.incident_id}-T{n}", of(giver))
        world.do(cmd.Accept(), f"{i.incident_id}-T{n}", of(taker))
    assert not [c for c in i.clocks.values() if c.clock == "acknowledge" and c.task_id.endswith(("T2", "T3"))]
    world.do(cmd.Transfer(to="nanxian-gas"), f"{i.incident_id}-T3", of("nanxian-urban"), after=MIN)
    given = [(c.agency, c.started_at) for c in i.clocks.values() if c.clock == "acknowledge" and c.state == "running"]
    assert given == [("nanxian-command", world.now)]
    other = world.call("service.urban", line="12345", point=None)
    task = f"{other.incident_id}-T1"
    world.do(cmd.Return(code="function"), task, of("nanxian-urban"))
    world.do(cmd.GrantReturn(to="nanxian-water"), task, person("hotline"), after=MIN).accepted("ClockStarted")
    given = [c.agency for c in other.clocks.values() if c.clock == "acknowledge" and c.state == "running"]
    assert given == ["nanxian-water"]


def test_return_is_asked_for_soon_and_ruled_by_the_first_receiver(world: World) -> None:
    """A code (other needs words), ruled by the first receiver; a refusal needs a reason; a grant moves the work."""
    i = world.call("service.urban", line="12345")
    task, urban = next(iter(i.tasks)), of("nanxian-urban")
    world.do(cmd.GrantReturn(), task, person("hotline")).refused("illegal_step")
    world.do(cmd.Return(code="other"), task, urban).refused("reason_required")
    world.do(cmd.Return(code="function"), task, urban, after=MIN).accepted("ReturnRequested")
    world.do(cmd.Return(code="function"), task, urban).refused("illegal_step")
    world.do(cmd.GrantReturn(), task, urban).refused("not_your_task")
    world.do(cmd.RefuseReturn(), task, person("hotline")).refused("reason_required")
    world.do(cmd.RefuseReturn(reason="~r"), task, person("hotline")).accepted("ReturnRefused")
    world.do(cmd.Return(code="area"), task, urban).accepted("ReturnRequested")
    world.do(cmd.GrantReturn(), task, person("hotline")).refused("not_your_task")
    world.do(cmd.GrantReturn(to="nanxian-urban"), task).refused("illegal_step")
    world.do(cmd.GrantReturn(to="nanxian-water"), task).accepted("TaskReturned", "TaskRouted")
    new = i.tasks[f"{i.incident_id}-T2"]
    assert (i.tasks[task].state, new.agency, new.cause, new.returns) == ("returned", "nanxian-water", "return", 2)
    world.do(cmd.Return(code="area"), new.task_id, of("nanxian-water")).refused("illegal_step")


def test_a_granted_return_without_a_name_goes_to_the_command_centre(world: World) -> None:
    """The default of grant_return."""
    i = world.call("crime.reported", line="110")
    task = next(iter(i.tasks))
    world.do(cmd.Return(code="area"), task, of("nanxian-police"), after=1000)
    world.do(cmd.GrantReturn(), task, person("call_taker")).accepted("TaskReturned", "TaskRouted", "ClockStarted")
    assert i.tasks[f"{i.incident_id}-T2"].agency == "nanxian-command"


def test_a_return_after_its_time_is_too_late(world: World) -> None:
    """60 s for urgent tasks, one working day for routine ones; units on their way end it as well."""
    task = next(iter(world.call().tasks))
    world.do(cmd.Return(code="area"), task, FIRE, after=61_000).refused("too_late")
    other = next(iter(world.call(point=None, line="119").tasks))
    world.do(cmd.DispatchUnit(unit_ids=["u"]), other, FIRE)
    world.do(cmd.Return(code="area"), other, FIRE).refused("too_late")
    order = next(iter(world.call("service.urban", line="12345").tasks))
    world.do(cmd.Return(code="area"), order, of("nanxian-urban"), after=3 * 24 * 60 * MIN).refused("too_late")


def test_after_a_second_return_the_command_centre_rules_bindingly(world: World) -> None:
    """Returned twice along the chain: the hotline may not rule any more, the centre does, and nobody asks again."""
    i = world.call("service.urban", line="12345")
    first = f"{i.incident_id}-T1"
    world.do(cmd.Return(code="function"), first, of("nanxian-urban")).accepted("ReturnRequested")
    world.do(cmd.GrantReturn(to="nanxian-transport"), first, person("hotline")).accepted("TaskReturned", "TaskRouted")
    second = list(i.tasks)[-1]
    world.do(cmd.Return(code="ownership"), second, of("nanxian-transport")).accepted("ReturnRequested")
    world.do(cmd.GrantReturn(to="nanxian-urban"), second, person("hotline")).refused("not_your_task")
    world.do(cmd.GrantReturn(to="nanxian-urban"), second, of("nanxian-command")).accepted("TaskReturned", "TaskRouted")
    third = list(i.tasks)[-1]
    world.do(cmd.Return(code="function"), third, of("nanxian-urban")).refused("illegal_step")


@pytest.mark.parametrize(("hour", "officer"), [(10, "roster"), (23, "duty")])
def test_a_task_out_of_hours_goes_to_the_duty_officer(world: World, hour: int, officer: str) -> None:
    """By day the shift's name stands in the task, at night the agency's duty officer."""
    world.now = WORKDAY + (hour - 10) * 60 * MIN
    i = world.call("service.urban", line="12345")
    agency = world.policy.agencies["nanxian-urban"]
    wanted = {agency.duty} if officer == "duty" else {s.name for s in agency.roster}
    assert i.tasks[f"{i.incident_id}-T1"].duty in wanted
    assert agency.duty not in {s.name for s in agency.roster}


def test_public_enterprises_and_social_organisations_answer_like_offices(world: World) -> None:
    """公共企业、社会组织: the water company and the Red Cross hold, transfer and complete tasks as agencies do."""
    i = world.call("utility.water", line="12345")
    task = f"{i.incident_id}-T1"
    types = {a: world.policy.agencies[a].type for a in ("nanxian-water", "nanxian-redcross", "nanxian-town-maocaojie")}
    assert types == {
        "nanxian-water": "utility", "nanxian-redcross": "social", "nanxian-town-maocaojie": "township",
    }  # fmt: skip
    world.do(cmd.Transfer(to="nanxian-redcross"), task, of("nanxian-water")).accepted("TransferOffered")
    world.do(cmd.Accept(), task, of("nanxian-redcross")).accepted("TaskTransferred", "TaskRouted", "TaskAccepted")
    world.do(cmd.Complete(result="~given"), list(i.tasks)[-1], of("nanxian-redcross")).accepted("TaskCompleted")


def test_a_refusal_to_accept_is_told_with_its_reason(world: World) -> None:
    """A declined transfer keeps its words, and the giver goes on with its promise running."""
    i = world.call("service.urban", line="12345")
    task = f"{i.incident_id}-T1"
    world.do(cmd.Transfer(to="nanxian-transport"), task, of("nanxian-urban"))
    world.do(cmd.Decline(reason="~not a road of ours"), task, of("nanxian-transport")).accepted("TransferDeclined")
    assert world.said("TransferDeclined")[0].reason == "~not a road of ours"
    assert i.tasks[task].held_by == "nanxian-urban"
    assert [c.state for c in i.clocks.values() if c.clock == "complete"] == ["running"]
