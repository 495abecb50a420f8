"""110 and 12345: three-way where it is unclear, the first receiver acts, and what came of it flows back."""

import pytest

from tests.unit.incident.world import World, of, person
from tocsin.incident import commands as cmd
from tocsin.incident.state import Incident

UNCLEAR = {"crime.reported": 0.41, "service.civil": 0.39}


def unclear(world: World, line: str = "12345") -> Incident:
    """A call that may be either side's."""
    return world.call("unknown", line=line, alternatives=UNCLEAR, human=True, confidence=0.3)


def task_of(incident: Incident, agency: str) -> str:
    """The open task of an agency."""
    return next(t.task_id for t in incident.tasks.values() if t.held_by == agency and t.state != "transferred")


@pytest.mark.parametrize(
    ("line", "first", "other"),
    [("12345", "nanxian-hotline", "nanxian-police"), ("110", "nanxian-police", "nanxian-hotline")],
)
def test_an_unclear_call_joins_both_sides_at_once(world: World, line: str, first: str, other: str) -> None:
    """Readings of both sides: both have a task at once, each with its limit; who received the call is bound to act."""
    i = unclear(world, line)
    world.accepted("IncidentOpened", "ThreeWayOpened")
    opened = world.said("ThreeWayOpened")[0]
    assert (opened.first, opened.other, opened.cause) == (first, other, "unclear")
    assert {first, other} <= {t.held_by for t in i.tasks.values()}
    assert {c.agency for c in i.clocks.values() if c.clock == "acknowledge"} >= {first, other}


@pytest.mark.parametrize(
    ("line", "kind", "whose"),
    [("110", "service.urban", "nanxian-urban"), ("12345", "crime.reported", "nanxian-police"),
     ("12345", "traffic.obstruct", "nanxian-traffic"), ("110", "utility.water", "nanxian-water")],
)  # fmt: skip
def test_what_is_clearly_the_others_goes_there_at_once(world: World, line: str, kind: str, whose: str) -> None:
    """Rung on the wrong line, understood for sure: whose it is has the task, nobody is joined, nobody is asked."""
    i = world.call(kind, line=line)
    assert [(t.held_by, t.role) for t in i.tasks.values()] == [(whose, "lead")]
    assert not i.three_way
    assert not i.review
    assert i.first_receiver == world.policy.first_receivers[line]


@pytest.mark.parametrize(
    "likely", [{}, {"crime.reported": 0.5}, {"crime.reported": 0.5, "order.dispute": 0.4, "service.civil": 0.1}]
)
def test_no_three_way_where_one_side_is_likely(world: World, likely: dict[str, float]) -> None:
    """The two likeliest readings are of one side, or there is none: the plan for what is unknown, and no more."""
    i = world.call("unknown", line="110", alternatives=likely, human=True)
    assert not world.said("ThreeWayOpened")
    assert {t.agency for t in i.tasks.values()} == {"nanxian-command", "nanxian-police"}


def test_the_desk_brings_the_other_side_in(world: World) -> None:
    """three_way on a matter of the hotline: 110 joins, the first receiver gets the task it lacked; only once."""
    i = world.call("order.dispute", line="12345")
    world.do(cmd.ThreeWay(), i.incident_id, of("nanxian-water")).refused("not_your_task")
    world.do(cmd.ThreeWay(to="nobody"), i.incident_id).refused("unknown_agency")
    world.do(cmd.ThreeWay(to="nanxian-hotline"), i.incident_id).refused("illegal_step")
    world.do(cmd.ThreeWay(reason="~both say it is the other's"), i.incident_id, person("hotline"))
    world.accepted("ThreeWayOpened", "TaskRouted")
    routed = world.said("TaskRouted")
    assert [(t.agency, t.role, t.cause) for t in routed] == [("nanxian-hotline", "joint", "three_way")]
    world.do(cmd.ThreeWay(), i.incident_id).refused("illegal_step")


def test_the_first_receiver_acts_until_it_is_agreed(world: World) -> None:
    """Unsettled: it neither transfers nor returns its task; acknowledging and going out stay open to it."""
    i = unclear(world)
    mine = task_of(i, "nanxian-hotline")
    world.do(cmd.Transfer(to="nanxian-police"), mine, of("nanxian-hotline")).refused("illegal_step")
    world.do(cmd.Return(code="function"), mine, of("nanxian-hotline")).refused("illegal_step")
    world.do(cmd.Accept(), mine, of("nanxian-hotline")).accepted("TaskAccepted")


def test_settling_needs_the_taker_itself(world: World) -> None:
    """Left with the first receiver by either; with the other only once it has taken its task, or says so itself."""
    i = unclear(world)
    world.do(cmd.Settle(agency="nanxian-fire"), i.incident_id).refused("illegal_step")
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id, of("nanxian-water")).refused("not_your_task")
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id, person("hotline")).refused("illegal_step")
    police = task_of(i, "nanxian-police")
    hotline = task_of(i, "nanxian-hotline")
    world.do(cmd.Accept(), police, of("nanxian-police"))
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id, of("nanxian-hotline"))
    world.accepted("ThreeWaySettled", "TaskTransferred", "ClockStopped")
    assert i.tasks[hotline].state == "transferred"
    assert i.three_way == []
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id).refused("illegal_step")


def test_the_other_takes_it_in_one_act(world: World) -> None:
    """110 says it is 110's: its task is accepted, the hotline's joined to it."""
    i = unclear(world)
    world.do(cmd.Settle(agency="nanxian-police"), i.incident_id, person("call_taker"))
    world.accepted("ThreeWaySettled", "TaskAcknowledged", "TaskAccepted", "TaskTransferred")


def test_settled_beside_a_patient_one_leads(world: World) -> None:
    """The other side takes a matter whose medical task, still the patient's, led: that works on as joint."""
    i = world.call("medical.trauma", line="120")
    world.do(cmd.ThreeWay(), i.incident_id)
    world.do(cmd.Settle(agency="nanxian-hotline"), i.incident_id)
    world.accepted("ThreeWaySettled", "RoleChanged")
    assert {t.held_by: t.role for t in i.tasks.values()} == {"nanxian-120": "joint", "nanxian-hotline": "lead"}


def test_still_unclear_it_is_the_first_receivers(world: World) -> None:
    """The other leaves it there, bindingly; work that has begun is not taken from anybody."""
    i = unclear(world)
    police = task_of(i, "nanxian-police")
    world.do(cmd.DispatchUnit(unit_ids=["p1"]), police, of("nanxian-police"))
    world.do(cmd.Settle(agency="nanxian-hotline"), i.incident_id, of("nanxian-police"))
    world.accepted("ThreeWaySettled", "TaskAccepted")
    assert i.tasks[police].state == "dispatched", "units on their way are not called off by a settlement"


@pytest.mark.parametrize(
    ("kind", "line", "agency", "first"),
    [
        ("crime.reported", "12345", "nanxian-police", "nanxian-hotline"),
        ("service.urban", "110", "nanxian-urban", "nanxian-police"),
    ],
)
def test_the_outcome_flows_back_to_the_first_receiver(
    world: World, kind: str, line: str, agency: str, first: str
) -> None:
    """Both ways: who received the call and has no task of its own is told the disposition and the result."""
    i = world.call(kind, line=line)
    world.do(cmd.Complete(result="~done", disposition="referred"), task_of(i, agency), of(agency))
    world.accepted("TaskCompleted", "OutcomeReturned")
    told = world.said("OutcomeReturned")[0]
    assert (told.to, told.agency, told.disposition, told.result) == (first, agency, "referred", "~done")


def test_a_transferred_matter_comes_back_to_the_giver(world: World) -> None:
    """One-key transfer: the police take the hotline's task over; the hotline hears what came of it."""
    i = unclear(world)
    world.do(cmd.Settle(agency="nanxian-hotline"), i.incident_id)
    task = task_of(i, "nanxian-hotline")
    world.do(cmd.Transfer(to="nanxian-police"), task, of("nanxian-hotline")).accepted("TransferOffered")
    assert i.tasks[task].held_by == "nanxian-hotline", "the giver answers for it until the taker accepts"
    world.do(cmd.Accept(), task, of("nanxian-police")).accepted("TaskTransferred", "TaskRouted")
    new = list(i.tasks)[-1]
    world.do(cmd.Complete(result="~r"), new, of("nanxian-police"))
    assert [o.to for o in world.said("OutcomeReturned")] == ["nanxian-hotline"]


def test_no_outcome_is_sent_to_whoever_did_the_work(world: World) -> None:
    """The fire brigade answered 119 and put the fire out; a patient's outcome is not told to the police either."""
    i = world.call()
    world.do(cmd.Complete(result="~out"), f"{i.incident_id}-T2")
    assert not world.said("OutcomeReturned")
    j = world.call("medical.birth", line="110")
    world.do(cmd.Complete(result="~a girl"), f"{j.incident_id}-T1")
    assert [o.result for o in world.said("OutcomeReturned")] == [""]
