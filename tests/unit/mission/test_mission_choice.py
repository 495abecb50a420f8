"""Which unit and which hospital: golden cases, each with its explanation."""

import msgspec
import pytest

from tests.unit.mission.world import INCIDENT, M1, SCENE, World, north
from tocsin.mission import commands as cmd
from tocsin.mission.choice import choose_unit
from tocsin.mission.state import Facts
from tocsin.mission.travel import distance_m, eta_s
from tocsin.mission.values import Position
from tocsin.mission.view import mission_view
from tocsin.place import Place, Point


def reasons(world: World, mission: str = M1) -> dict[str, str]:
    """Unit → why it was passed over."""
    return {c.unit_id: c.excluded_because for c in world.mission(mission).candidates}


def test_travel_time_is_distance_by_road_factor_over_speed() -> None:
    """One kilometre at 45 km/h with a road factor of 1.35 is 108 s; the distance is that of the great circle."""
    world = World()
    assert distance_m(SCENE, north(1)) == pytest.approx(1000, rel=1e-4)
    assert eta_s(north(1), SCENE, world.policy.ems) == 108
    assert eta_s(None, SCENE, world.policy.ems) is None
    paris, london = Point(lon=2.3522, lat=48.8566), Point(lon=-0.1276, lat=51.5072)
    assert distance_m(paris, london) == pytest.approx(343_500, rel=0.002)


def test_the_nearest_free_unit_goes_and_the_others_say_why_not() -> None:
    """Golden: off duty, out of service, busy and farther units stand in the event with their times and reasons."""
    world = World().fleet(off=("BLS", 1), broken=("BLS", 1.5), near=("BLS", 2), far=("BLS", 8))
    world.act(cmd.PutOffDuty(), "off")
    world.act(cmd.TakeOutOfService(), "broken")
    world.open()
    assert world.mission().unit_id == "near"
    assert reasons(world) == {"near": "", "far": "farther", "off": "off_duty", "broken": "out_of_service"}
    assert {c.unit_id: c.eta_s for c in world.mission().candidates} == {
        "off": 108,
        "broken": 162,
        "near": 216,
        "far": 864,
    }
    world.open(f"{INCIDENT[:-2]}18")
    assert reasons(world, f"{INCIDENT[:-2]}18-M1")["near"] == "busy"


def test_als_for_triage_one_and_the_kinds_of_the_policy() -> None:
    """A cardiac arrest gets the ALS unit although a BLS one is nearer, and says so."""
    world = World().fleet(bls=("BLS", 1), als=("ALS", 6))
    world.open(kind="medical.cardiac")
    assert (world.mission().triage, world.mission().unit_id) == ("I", "als")
    assert reasons(world) == {"als": "", "bls": "not_als"}


def test_life_first_where_no_als_can_go() -> None:
    """Where every ALS unit is busy the BLS one goes, flagged, and its arrival does not count as suitable."""
    world = World().fleet(bls=("BLS", 1))
    world.open(kind="medical.cardiac")
    assert world.mission().unit_id == "bls"
    assert "below_required_level" in world.mission().flags
    (arrived,) = world.act(cmd.ArriveAtScene(), M1)
    assert arrived.suitable is False


def test_equally_near_units_take_turns() -> None:
    """Within the policy's tie the unit idle longest goes: two stations side by side share the work."""
    world = World().fleet(a=("BLS", 2), b=("BLS", 2.2))
    world.open()
    first = world.mission().unit_id
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    world.later(60).open(f"{INCIDENT[:-2]}18")
    second = world.mission(f"{INCIDENT[:-2]}18-M1").unit_id
    assert {first, second} == {"a", "b"}
    assert reasons(world, f"{INCIDENT[:-2]}18-M1")[first] == "less_idle"


def test_the_choice_does_not_depend_on_the_order_of_units() -> None:
    """The same units given in another order lead to the same choice and the same table."""
    world = World().fleet(a=("BLS", 2), b=("BLS", 2), c=("ALS", 2))
    world.open()
    facts = Facts(recorded_at=world.now, policy=world.policy)
    units = list(World().fleet(a=("BLS", 2), b=("BLS", 2), c=("ALS", 2)).state.units.values())
    mission = msgspec.structs.replace(world.mission(), tried={})
    assert choose_unit(mission, units, facts) == choose_unit(mission, units[::-1], facts)


def test_a_fresh_position_goes_before_the_station_and_a_stale_one_is_flagged() -> None:
    """GPS within the policy's age is used; older GPS only where nothing newer is known of the unit, and flagged."""
    world = World().fleet(home=("BLS", 2), moved=("BLS", 9))
    world.later(1000)
    world.positions["moved"] = Position(unit_id="moved", point=north(0.5), at=world.now - 60_000)
    world.open()
    chosen = next(c for c in world.mission().candidates if not c.excluded_because)
    assert (chosen.unit_id, chosen.position_source, chosen.eta_s) == ("moved", "gps", 54)
    assert "position_stale" not in world.mission().flags
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    world.later(200).open(f"{INCIDENT[:-2]}18")
    stale = world.mission(f"{INCIDENT[:-2]}18-M1")
    assert (stale.unit_id, stale.flags) == ("moved", ["position_stale"])


def test_a_position_from_before_the_last_known_place_is_not_used() -> None:
    """A GPS position older than the hand-over at the hospital gives way to the hospital."""
    world = World().fleet(u=("BLS", 2))
    world.positions["u"] = Position(unit_id="u", point=north(0.1), at=world.now)
    world.open()
    world.later(600)
    for step in (cmd.ArriveAtScene(), cmd.LeaveScene(hospital_id="far"), cmd.HandOverPatient()):
        world.act(step, M1)
    world.open(f"{INCIDENT[:-2]}18")
    used = world.mission(f"{INCIDENT[:-2]}18-M1").candidates[0]
    assert (used.position_source, used.eta_s) == ("hospital", 972)


def test_a_scene_without_a_point_still_gets_a_unit() -> None:
    """No coordinates: nobody's time is known, the unit idle longest goes, flagged."""
    world = World().fleet(a=("BLS", 2))
    world.open(place=Place(region="430921", source="seat"))
    assert world.mission().unit_id == "a"
    assert world.mission().eta_s is None
    assert "scene_unknown" in world.mission().flags


def test_a_silent_crew_goes_only_where_nobody_else_can() -> None:
    """After a missed acknowledgement others go first, for the policy's time or until the crew shows itself."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 5))
    world.open()
    world.later(30).act(cmd.MissionClock(mission_id=M1, attempt=1, due_at=0), M1)
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    second, third, fourth = (f"{INCIDENT[:-2]}{n}" for n in (18, 19, 20))
    world.open(second)
    assert reasons(world, f"{second}-M1") == {"b": "", "a": "not_acknowledged"}
    world.open(third)
    assert world.mission(f"{third}-M1").unit_id == "a", "life first: better a silent crew than none"
    for mission in (f"{second}-M1", f"{third}-M1"):
        world.act(cmd.EndMission(outcome="cancelled_before"), mission)
    assert world.types(cmd.MakeAvailable(), "a") == ["UnitStateChanged"]
    world.open(fourth)
    assert world.mission(f"{fourth}-M1").unit_id == "a"


def test_what_the_call_said_is_shown_with_its_number_masked() -> None:
    """The crew finds the address and the words; the number is masked; a destroyed key leaves them empty."""
    private = '{"caller":{"number":"13800001234","name":"张某"},"text":"晕倒了","address":"新颜路3号","times":{}}'
    world = World().fleet(a=("BLS", 1))
    world.open(private="~sealed")
    shown = mission_view(world.mission(), lambda _: private, world.policy.ems.arrival_s)
    assert (shown.location.address, shown.text, shown.caller.number) == ("新颜路3号", "晕倒了", "138****1234")
    gone = mission_view(world.mission(), lambda _: "[destroyed]", world.policy.ems.arrival_s)
    assert (gone.location.address, gone.text, gone.caller.number) == ("", "", "")


def test_a_confidential_caller_is_unseen_by_the_crew_too() -> None:
    """The words and the door are the crew's, who rang is the first receiver's alone."""
    private = '{"caller":{"number":"13800001234","name":"张某"},"text":"晕倒了","address":"新颜路3号","times":{}}'
    world = World().fleet(a=("BLS", 1))
    world.open(private="~sealed", confidential=True)
    shown = mission_view(world.mission(), lambda _: private, world.policy.ems.arrival_s)
    assert (shown.location.address, shown.text) == ("新颜路3号", "晕倒了")
    assert (shown.caller.number, shown.caller.name) == ("", "")
    assert "caller_confidential" in shown.flags


def test_the_promised_arrival_is_that_of_the_triage() -> None:
    """Level III has thirty minutes from the opening, I eight (domain, 120 arrival); who has arrived owes none."""
    world = World().fleet(a=("ALS", 1))
    world.open()
    promised = world.policy.ems.arrival_s

    def due_s() -> float | None:
        at = mission_view(world.mission(), str, promised).arrive_due_at
        return None if at is None else (at - world.mission().opened_at) / 1000

    assert (world.mission().triage, due_s()) == ("III", 1800)
    world.act(cmd.TriagePatient(answers={"conscious": "no"}), M1)
    assert (world.mission().triage, due_s()) == ("I", 480)
    for step in (cmd.AcknowledgeMission(), cmd.DepartForScene(), cmd.ArriveAtScene()):
        world.later(5).act(step, M1)
    assert due_s() is None


def leave(world: World, **more: object) -> dict[str, str]:
    """When: the crew leaves for a hospital; hospital → why not."""
    world.act(cmd.ArriveAtScene(), M1)
    world.act(cmd.LeaveScene(**more), M1)  # type: ignore[arg-type]  # the test's own keywords
    return {c.hospital_id: c.excluded_because for c in world.mission().hospital_candidates}


def test_the_nearest_hospital_that_can_treat_the_kind() -> None:
    """Chest pain goes to the farther hospital that treats it; anything goes to the nearer one."""
    world = World().fleet(u=("ALS", 2))
    world.open(kind="medical.cardiac")
    assert leave(world) == {"far": "", "near": "lacks_chest_pain"}
    other = World().fleet(u=("BLS", 2))
    other.open()
    assert leave(other) == {"near": "", "far": "farther"}


def test_diverted_and_full_hospitals_are_passed_over() -> None:
    """Diversion and beds count, those on the way too; where none suits the nearest open one is taken and flagged."""
    world = World().fleet(u=("BLS", 2))
    world.act(cmd.DivertHospital(), "near")
    world.open()
    assert leave(world) == {"far": "", "near": "diverted"}
    full = World().fleet(u=("BLS", 2))
    full.act(cmd.SetBeds(beds=0), "near")
    full.open()
    assert leave(full) == {"far": "", "near": "no_beds"}
    none = World().fleet(u=("BLS", 2))
    none.act(cmd.SetBeds(beds=0), "near")
    none.act(cmd.DivertHospital(), "far")
    none.open()
    assert leave(none) == {"near": "no_beds", "far": "diverted"}
    assert none.mission().hospital_id == "near"
    assert "hospital_no_beds" in none.mission().flags


def test_children_go_where_children_are_treated() -> None:
    """The answer on age decides the capability before the kind does."""
    world = World().fleet(u=("BLS", 2))
    world.open()
    world.act(cmd.TriagePatient(answers={"age_group": "child"}), M1)
    assert leave(world) == {"far": "", "near": "lacks_children"}


def test_beds_are_counted_down_until_the_hospital_says_anew() -> None:
    """A patient on the way holds a bed, a handed-over one has it; the hospital's own count goes before ours."""
    world = World().fleet(u=("BLS", 2))
    world.open()
    leave(world)
    assert (world.state.hospitals["near"].beds, world.state.hospitals["near"].inbound) == (2, 1)
    world.act(cmd.HandOverPatient(), M1)
    assert (world.state.hospitals["near"].beds, world.state.hospitals["near"].inbound) == (1, 0)
    world.act(cmd.SetBeds(beds=5), "near")
    assert world.state.hospitals["near"].beds == 5
