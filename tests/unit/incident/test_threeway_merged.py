"""A three-way that is not settled yet, and its incident merged, split or closed: it never ends without a word."""

from tests.unit.incident.test_threeway import task_of, unclear
from tests.unit.incident.world import MIN, World, east, finish, of, person
from tocsin.incident import commands as cmd
from tocsin.incident.state import Incident

PAIR = ["nanxian-hotline", "nanxian-police"]


def alerted(world: World) -> set[str]:
    """Whom the last command told that the question goes on here."""
    return {a.agency for a in world.said("TaskAlerted") if a.cause == "three_way"}


def test_a_merge_takes_the_question_along(world: World) -> None:
    """Both sides are told, the first receiver is bound there, and it is settled there."""
    other = world.call("order.dispute", line="110", point=east(3000))
    i = unclear(world)
    world.do(cmd.Merge(into=other.incident_id, reason="~same"), i.incident_id).accepted("ThreeWayOpened")
    (moved,), (opened,) = world.said("ThreeWayMoved"), world.said("ThreeWayOpened")
    assert (moved.to, moved.cause) == (other.incident_id, "merged")
    assert ([opened.first, opened.other], opened.cause, opened.former) == (PAIR, "merged", i.incident_id)
    assert (i.three_way, other.three_way) == ([], PAIR)
    assert alerted(world) == set(PAIR)
    hotline = task_of(other, "nanxian-hotline")
    world.do(cmd.Transfer(to="nanxian-urban"), hotline, person("hotline")).refused("illegal_step")
    world.do(cmd.Settle(agency="nanxian-police"), other.incident_id, of("nanxian-police")).accepted("ThreeWaySettled")
    assert other.three_way == []


def test_a_split_gives_the_question_back(world: World) -> None:
    """Unsettled still: it is the former incident's again, and the other's no more, which never was unclear."""
    other = world.call("order.dispute", line="110", point=east(3000))
    i = unclear(world)
    world.do(cmd.Merge(into=other.incident_id), i.incident_id)
    world.do(cmd.Split(call_ids=["c2"]), other.incident_id).accepted("ThreeWayMoved", "ThreeWayOpened")
    assert (i.three_way, other.three_way) == (PAIR, [])
    world.do(cmd.Settle(agency="nanxian-hotline"), i.incident_id).accepted("ThreeWaySettled")


def test_what_was_settled_while_merged_stays_settled(world: World) -> None:
    """The split brings no question back that has its answer."""
    other = world.call("order.dispute", line="110", point=east(3000))
    i = unclear(world)
    world.do(cmd.Merge(into=other.incident_id), i.incident_id)
    world.do(cmd.Settle(agency="nanxian-hotline"), other.incident_id).accepted("ThreeWaySettled")
    world.do(cmd.Split(call_ids=["c2"]), other.incident_id).accepted("IncidentReopened")
    assert (i.three_way, other.three_way, world.said("ThreeWayOpened")) == ([], [], [])


def test_two_questions_of_the_same_two_are_one(world: World) -> None:
    """Both unclear: the survivor's goes on for both; split, each has its own again."""
    other, i = unclear(world), None
    i = world.call(
        "unknown", line="110", alternatives={"crime.reported": 0.41, "service.civil": 0.39}, human=True,
        point=east(3000),
    )  # fmt: skip
    assert (other.three_way, i.three_way) == (PAIR, PAIR[::-1])
    world.do(cmd.Merge(into=other.incident_id), i.incident_id).accepted("ThreeWayOpened")
    assert (other.three_way, alerted(world)) == (PAIR, set(PAIR))
    world.do(cmd.Split(call_ids=["c2"]), other.incident_id).accepted("ThreeWayMoved", "ThreeWayOpened")
    assert world.said("ThreeWayMoved")[0].stays is True
    assert (other.three_way, i.three_way) == (PAIR, PAIR[::-1])


def test_another_question_there_leaves_the_first_receiver_its_own(world: World) -> None:
    """Of other two, one of whom would have to be asked twice: still unclear, so the first receiver's, who is told."""
    other, i = unclear(world), world.call("service.urban", line="12345", point=east(3000))
    world.do(cmd.ThreeWay(to="nanxian-fire"), i.incident_id).accepted("ThreeWayOpened")
    world.do(cmd.Merge(into=other.incident_id), i.incident_id).accepted("ThreeWaySettled", "IncidentMerged")
    (settled,) = world.said("ThreeWaySettled")
    assert (settled.agency, settled.cause) == ("nanxian-hotline", "merged")
    assert (i.three_way, other.three_way) == ([], PAIR)
    assert alerted(world) == {"nanxian-hotline", "nanxian-fire"}


def test_the_question_goes_through_merge_after_merge(world: World) -> None:
    """Carried twice, given back once: it stands where its calls are, there alone."""
    third = world.call("order.dispute", line="110", point=east(6000))
    second = world.call("order.dispute", line="110", point=east(3000))
    i = unclear(world)
    world.do(cmd.Merge(into=second.incident_id), i.incident_id)
    world.do(cmd.Merge(into=third.incident_id), second.incident_id).accepted("ThreeWayOpened")
    assert [x.three_way for x in (i, second, third)] == [[], [], PAIR]
    world.do(cmd.Split(call_ids=["c2", "c3"]), third.incident_id).accepted("ThreeWayOpened")
    assert [x.three_way for x in (i, second, third)] == [[], PAIR, []]
    world.do(cmd.Split(call_ids=["c3"]), second.incident_id).accepted("ThreeWayOpened")
    assert [x.three_way for x in (i, second, third)] == [PAIR, [], []]


def test_an_answer_given_two_merges_on_is_an_answer_everywhere(world: World) -> None:
    """Settled in the third, split twice: no question comes back, though the second has one of its own by then."""
    third = world.call("order.dispute", line="110", point=east(6000))
    second = world.call("order.dispute", line="110", point=east(3000))
    i = unclear(world)
    world.do(cmd.Merge(into=second.incident_id), i.incident_id)
    world.do(cmd.Merge(into=third.incident_id), second.incident_id)
    world.do(cmd.Settle(agency="nanxian-hotline"), third.incident_id).accepted("ThreeWaySettled")
    world.do(cmd.Split(call_ids=["c2", "c3"]), third.incident_id).accepted("IncidentReopened")
    world.do(cmd.ThreeWay(), second.incident_id).accepted("ThreeWayOpened")
    world.do(cmd.Split(call_ids=["c3"]), second.incident_id).accepted("IncidentReopened")
    assert [bool(x.three_way) for x in (i, second, third)] == [False, True, False]


def ended(world: World) -> Incident:
    """An unclear matter that both have worked off without a word on whose it was."""
    i = unclear(world)
    for task in list(i.tasks.values()):
        world.do(cmd.Complete(result="~done"), task.task_id).accepted("TaskCompleted")
    return i


def test_a_question_whose_work_is_done_is_not_asked_on(world: World) -> None:
    """Merged after both were done: it was the first receiver's, which did it."""
    other, i = world.call("order.dispute", line="110", point=east(3000)), ended(world)
    world.do(cmd.Merge(into=other.incident_id), i.incident_id).accepted("ThreeWaySettled", "IncidentMerged")
    assert (world.said("ThreeWaySettled")[0].agency, other.three_way) == ("nanxian-hotline", [])


def test_closing_says_whose_it_was(world: World) -> None:
    """Who did it; opened again, nobody is bound by a question that was answered."""
    i = unclear(world)
    world.do(cmd.Cancel(reason="~r"), task_of(i, "nanxian-hotline"))
    finish(world, i)
    world.do(cmd.Close(), i.incident_id).accepted("ThreeWaySettled", "IncidentClosed")
    (settled,) = world.said("ThreeWaySettled")
    assert (settled.agency, settled.cause, i.three_way) == ("nanxian-police", "closed", [])


def test_a_call_that_was_none_leaves_no_question(world: World) -> None:
    """Closed without an incident: the question ends with it."""
    i = unclear(world)
    world.do(cmd.CloseCall(reason="nuisance"), "c1", after=MIN).accepted("ThreeWaySettled", "IncidentClosed")
    assert i.three_way == []
