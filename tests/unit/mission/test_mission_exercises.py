"""Exercises and live patients: an exercise borrows ambulances, a live patient never waits for one (invariant 10)."""

import pytest

from tests.unit.mission.world import INCIDENT, M1, World
from tocsin.mission import commands as cmd
from tocsin.mission import events as ev
from tocsin.outcomes import CommandRefused

DRILL = f"{INCIDENT[:-2]}18"
SECOND = f"{INCIDENT[:-2]}19"
D1, S1 = f"{DRILL}-M1", f"{SECOND}-M1"
STEPS = (
    cmd.AcknowledgeMission(), cmd.DepartForScene(), cmd.ArriveAtScene(), cmd.ReachPatient(), cmd.LeaveScene(),
    cmd.ArriveAtHospital(),
)  # fmt: skip


def drilling(world: World, steps: int = 0) -> World:
    """Given: an exercise whose mission has the unit that is nearest, so many steps on."""
    world.open(DRILL, exercise=True)
    for step in STEPS[:steps]:
        world.act(step, D1)
    return world


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_a_live_patient_never_waits_for_an_exercise(steps: int) -> None:
    """The only ambulance is at an exercise, however far that is: it leaves it, with a reason, and goes."""
    world = drilling(World().fleet(a=("BLS", 1)), steps)
    said = world.open()
    assert [type(d).__name__ for d in said] == ["MissionOpened", "UnitWithdrawn", "UnitAssigned", "MissionQueued"]
    withdrawn, assigned, queued = said[1:]
    assert (withdrawn.unit_id, withdrawn.cause) == ("a", "live_call")
    assert "from_exercise" in assigned.flags
    assert (world.unit("a").mission_id, world.mission().state) == (M1, "assigned")
    assert (world.mission(D1).state, queued.task_id) == ("waiting", f"{DRILL}-T1"), "the exercise is told"


def test_an_exercise_that_was_called_off_ends_where_its_unit_leaves() -> None:
    """It went on with its patient only; nobody waits for another unit for it."""
    world = drilling(World().fleet(a=("BLS", 1)), 4)
    world.act(cmd.CancelMissions(incident_id=DRILL, task_id=f"{DRILL}-T1", cause="person"))
    said = world.open()
    assert [type(d).__name__ for d in said] == ["MissionOpened", "UnitWithdrawn", "MissionEnded", "UnitAssigned"]
    assert (world.mission(D1).state, world.mission().unit_id) == ("ended", "a")


def test_the_nearest_goes_to_the_patient_though_it_is_at_an_exercise() -> None:
    """A farther one is free: the exercise gets that, the patient the nearer, both in one decision."""
    world = drilling(World().fleet(near=("BLS", 1), far=("BLS", 9)))
    assert world.mission(D1).unit_id == "near"
    world.open()
    assert (world.mission().unit_id, world.mission(D1).unit_id) == ("near", "far")
    assert {c.unit_id: c.excluded_because for c in world.mission().candidates} == {"near": "", "far": "farther"}


def test_of_two_as_near_the_one_without_an_exercise_goes() -> None:
    """Within the policy's tie nobody is taken from anything."""
    world = drilling(World().fleet(a=("BLS", 2), b=("BLS", 2.2)))
    at_exercise = world.mission(D1).unit_id
    assert "UnitWithdrawn" not in [type(d).__name__ for d in world.open()]
    assert world.mission(D1).unit_id == at_exercise


def test_an_exercise_yields_the_als_unit_a_patient_needs() -> None:
    """A BLS one stands free; the patient needs ALS, which is at an exercise."""
    world = World().fleet(als=("ALS", 1))
    drilling(world)
    world.fleet(bls=("BLS", 1))
    world.open(kind="medical.cardiac")
    assert (world.mission().unit_id, world.mission(D1).unit_id) == ("als", "bls")


def test_several_patients_take_every_unit_of_an_exercise_and_are_served_first() -> None:
    """Three patients, three units, two of them at an exercise: the exercise waits, nobody else."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2), c=("BLS", 3))
    world.open(DRILL, exercise=True, victims=2)
    world.open(victims=3)
    assert {world.mission(f"{INCIDENT}-M{n}").state for n in (1, 2, 3)} == {"assigned"}
    assert {world.mission(f"{DRILL}-M{n}").state for n in (1, 2)} == {"waiting"}


def test_a_person_sends_a_unit_that_is_at_an_exercise() -> None:
    """`assign` and `reassign` name it as any other; an exercise itself gets `unit_busy` for a live one."""
    world = drilling(World().fleet(a=("BLS", 1), b=("BLS", 9)))
    world.act(cmd.AcknowledgeMission(), D1)
    world.open()
    world.act(cmd.ReassignMission(unit_id="b", reason="~r"), M1)
    assert (world.mission().unit_id, world.mission(D1).unit_id) == ("b", "a")
    world.act(cmd.ReassignMission(unit_id="a", reason="~r"), M1)
    assert (world.mission().unit_id, world.mission(D1).unit_id) == ("a", "b")
    world.open(SECOND)
    assert world.refused(cmd.AssignUnit(unit_id="a", reason="~r"), D1) == "unit_busy"


def test_an_exercise_takes_nothing_from_anybody() -> None:
    """Neither from a patient nor from another exercise: it waits."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2))
    world.open()
    world.open(SECOND, exercise=True)
    world.open(DRILL, exercise=True)
    assert (world.mission().unit_id, world.mission(S1).unit_id, world.mission(D1).state) == ("a", "b", "waiting")
    assert isinstance(world.act(cmd.AssignUnit(unit_id="b"), D1)[0], CommandRefused)


def test_a_waiting_patient_gets_a_unit_from_an_exercise_once_it_may() -> None:
    """A unit that let the call pass shows itself at an exercise: it goes to who waits, not on with the exercise."""
    world = World().fleet(a=("BLS", 1))
    world.open()
    world.later(31).act(cmd.MissionClock(mission_id=M1, attempt=1, due_at=0), M1)
    assert world.mission().state == "waiting"
    world.open(DRILL, exercise=True)
    assert world.mission(D1).unit_id == "a"
    world.act(cmd.EndMission(outcome="cancelled_before"), D1)
    assert world.mission().unit_id == "a"


def test_silence_at_an_exercise_is_not_held_against_a_crew() -> None:
    """Who let an exercise's assignment pass is still the nearest for a patient; a patient's silence is remembered."""
    world = drilling(World().fleet(a=("BLS", 1), b=("BLS", 5), c=("BLS", 9)))
    world.later(31).act(cmd.MissionClock(mission_id=D1, attempt=1, due_at=0), D1)
    assert world.mission(D1).unit_id == "b"
    world.open()
    assert world.mission().unit_id == "a"
    world.later(31).act(cmd.MissionClock(mission_id=M1, attempt=1, due_at=0), M1)
    world.open(SECOND)
    assert {c.unit_id: c.excluded_because for c in world.mission(S1).candidates}["a"] == "not_acknowledged"


def test_an_exercise_holds_no_bed() -> None:
    """Its patient is none: neither on the way nor handed over does it count against a hospital's beds."""
    world = drilling(World().fleet(a=("BLS", 1), b=("BLS", 2)), 5)
    hospital = world.state.hospitals[world.mission(D1).hospital_id]
    assert (hospital.inbound, hospital.beds) == (0, 2)
    assert "no_bed" in world.mission(D1).flags
    world.act(cmd.HandOverPatient(), D1)
    assert (hospital.inbound, hospital.beds) == (0, 2)


def test_an_exercise_taken_off_at_its_hospital_leaves_the_live_beds_alone() -> None:
    """A live patient is on the way there too: the exercise's end takes nothing from their bed."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2))
    world.open()
    drilling(world, 6)
    for step in STEPS[:5]:
        world.act(step, M1)
    hospital = world.state.hospitals[world.mission().hospital_id]
    assert hospital.inbound == 1
    world.act(cmd.ReassignMission(reason="~r"), D1)
    assert hospital.inbound == 1


def test_what_was_recorded_of_an_exercise_before_folds_as_it_did() -> None:
    """An old log's exercise took a bed; without the flag its fold is the same as ever."""
    world = drilling(World().fleet(a=("BLS", 1)), 4)
    hospital = world.state.hospitals["near"]
    old = ev.SceneLeft(unit_id="a", task_id=f"{DRILL}-T1", hospital_id="near")
    world.recorded(D1, old)
    assert hospital.inbound == 1
    world.act(cmd.HandOverPatient(), D1)
    assert (hospital.inbound, hospital.beds) == (0, 1)
