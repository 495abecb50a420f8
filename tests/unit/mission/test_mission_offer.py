"""Whom one could send now: the rules' own weighing at this moment, which decides nothing."""

from tests.unit.mission.world import INCIDENT, M1, World, north
from tocsin.mission import commands as cmd
from tocsin.mission.offer import Offer, offer
from tocsin.mission.state import Facts
from tocsin.mission.values import Position


def offered(world: World) -> Offer:
    """What stands to choose from for the first mission."""
    facts = Facts(recorded_at=world.now, policy=world.policy, positions=world.positions)
    state = world.state
    units, hospitals = list(state.units.values()), list(state.hospitals.values())
    return offer(world.mission(), units, hospitals, state.missions, facts)


def test_the_offer_is_of_now_and_the_missions_own_list_of_then() -> None:
    """A unit that came nearer since the assignment leads the offer; the one on the mission is busy; nothing changed."""
    world = World().fleet(near=("BLS", 1), mid=("BLS", 4), far=("BLS", 9))
    world.open()
    before = len(world.log)
    world.positions["far"] = Position(unit_id="far", point=north(2), at=world.now)
    shown = offered(world)
    assert (shown.unit_id, [c.unit_id for c in shown.units]) == ("far", ["far", "near", "mid"])
    assert {c.unit_id: c.excluded_because for c in shown.units} == {"far": "", "near": "busy", "mid": "farther"}
    assert [c.unit_id for c in world.mission(M1).candidates] == ["near", "mid", "far"]
    assert len(world.log) == before


def test_the_offer_says_what_the_rule_would_do() -> None:
    """The unit that leads it is the one a reassignment without a name sends."""
    world = World().fleet(one=("BLS", 1), two=("BLS", 3), three=("BLS", 5))
    world.open()
    best = offered(world).unit_id
    world.act(cmd.ReassignMission(), M1)
    assert world.mission().unit_id == best == "two"


def test_where_nobody_can_go_there_is_no_choice_of_the_rules() -> None:
    """Everyone is listed with the reason; hospitals are weighed all the same, none where none is known."""
    world = World().fleet(only=("BLS", 1))
    world.open()
    shown = offered(world)
    assert (shown.unit_id, [c.excluded_because for c in shown.units]) == (None, ["busy"])
    assert (shown.hospital_id is None) == (not world.state.hospitals)


def test_an_ambulance_at_an_exercise_is_offered_for_a_live_patient() -> None:
    """What `assign` would take from the exercise is no busy one; for another exercise it is."""
    drill = f"{INCIDENT[:-2]}18"
    world = World().fleet(a=("ALS", 1), b=("ALS", 2))
    world.open(drill, exercise=True)
    world.open()
    assert (world.mission(f"{drill}-M1").unit_id, world.mission().unit_id) == ("b", "a")
    shown = offered(world)
    assert (shown.unit_id, {c.unit_id: c.excluded_because for c in shown.units}) == ("b", {"a": "busy", "b": ""})
    world.mission().exercise = True
    shown = offered(world)
    assert (shown.unit_id, {c.excluded_because for c in shown.units}) == (None, {"busy"})
