"""Random histories: the invariants hold whatever people, crews, clocks and relays do, and in whatever order."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.mission.world import CENTRE, INCIDENT, SCENE, World, crew, north
from tocsin.codec.wire import decode_event, encode_event
from tocsin.envelope import Actor, Command
from tocsin.mission import commands as cmd
from tocsin.mission.decide import decide
from tocsin.mission.digest import digest
from tocsin.mission.evolve import evolve
from tocsin.mission.state import EmsState, Facts
from tocsin.mission.values import Position
from tocsin.place import Place

UNITS = ("u1", "u2", "u3")
INCIDENTS = tuple(f"{INCIDENT[:-2]}{n:02d}" for n in range(1, 4))
DRILL = INCIDENTS[2]
"""Always an exercise."""
MISSIONS = tuple(f"{i}-M{n}" for i in INCIDENTS for n in (1, 2))
REST: Any = st.sampled_from([
    cmd.AcknowledgeMission(), cmd.DepartForScene(), cmd.ArriveAtScene(), cmd.ReachPatient(), cmd.LeaveScene(),
    cmd.ArriveAtHospital(), cmd.HandOverPatient(), cmd.RefuseMission(), cmd.ReassignMission(reason="x"),
    cmd.AssignUnit(),
    cmd.EndMission(outcome="cancelled_before"), cmd.EndMission(outcome="cancelled_enroute"),
    cmd.EndMission(outcome="no_patient"), cmd.TriagePatient(answers={"breathing": "no"}),
    cmd.TriagePatient(triage="IV", reason="x"),
])  # fmt: skip
FLEET: Any = st.sampled_from([
    cmd.PutOnDuty(), cmd.PutOffDuty(), cmd.MakeAvailable(), cmd.TakeOutOfService(),
    cmd.RegisterUnit(unit_type="ALS", point=north(4), state="available"),
])  # fmt: skip
unit, mission, incident = st.sampled_from(UNITS), st.sampled_from(MISSIONS), st.sampled_from(INCIDENTS)
OPEN: Any = st.builds(
    lambda i, victims, kind: cmd.OpenMission(
        task_id=f"{i}-T1", incident_id=i, kind=kind, priority=2, victims=victims,
        place=Place(region="430921", point=SCENE, source="point"),
    ),
    incident, st.sampled_from([None, 1, 2]), st.sampled_from(["medical.other", "medical.cardiac"]),
)  # fmt: skip
STEPS: Any = st.one_of(
    st.tuples(OPEN, st.just("")),
    st.tuples(REST, mission),
    st.tuples(FLEET, unit),
    st.tuples(st.builds(lambda u: cmd.AssignUnit(unit_id=u), unit), mission),
    st.tuples(st.builds(lambda u: cmd.ReassignMission(unit_id=u, reason="x"), unit), mission),
    st.tuples(st.builds(lambda i: cmd.CancelMissions(incident_id=i), incident), st.just("")),
    st.tuples(
        st.builds(lambda i, v: cmd.UpdateScene(incident_id=i, victims=v), incident, st.integers(1, 2)), st.just("")
    ),
    st.tuples(
        st.builds(lambda m, a: cmd.MissionClock(mission_id=m, attempt=a, due_at=0), mission, st.integers(1, 3)),
        st.just(""),
    ),
)
WHO: Any = st.sampled_from([CENTRE, crew("u1"), crew("u2"), Actor()])
HISTORY: Any = st.lists(st.tuples(STEPS, WHO, st.sampled_from([0, 1, 31, 400])), min_size=5, max_size=60)
_SLOW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def played(history: list[Any]) -> World:
    """A world after this history; two units are given, and two incidents with three patients."""
    world = World().fleet(u1=("ALS", 1), u2=("BLS", 2))
    world.open(INCIDENTS[0], victims=2)
    world.open(INCIDENTS[1])
    for (data, target), who, seconds in history:
        world.later(seconds)
        world.positions["u1"] = Position(unit_id="u1", point=north(seconds % 7), at=world.now)
        about = getattr(data, "incident_id", "") or target
        world.act(data, target, actor=who, exercise=about.startswith(DRILL))
        consistent(world)
    return world


def consistent(world: World) -> None:
    """Units and missions agree: a unit's mission has that unit, an active mission's unit has that mission."""
    active = [m for m in world.state.missions.values() if m.state not in ("waiting", "ended")]
    held = [m.unit_id for m in active]
    assert len(held) == len(set(held)), "one unit on two active missions"
    for m in active:
        assert world.unit(m.unit_id).mission_id == m.mission_id
    for u in world.state.units.values():
        busy = u.state not in ("off_duty", "available", "returning", "out_of_service")
        assert bool(u.mission_id) == busy, f"{u.unit_id} is {u.state} with mission {u.mission_id!r}"
        assert not u.mission_id or world.mission(u.mission_id).unit_id == u.unit_id
    for m in world.state.missions.values():
        assert (m.state == "waiting") == (m.mission_id in world.state.waiting)
    assert all(h.inbound >= 0 and h.beds >= 0 for h in world.state.hospitals.values())


@_SLOW
@given(HISTORY)
def test_i5_never_one_unit_on_two_active_missions(history: list[Any]) -> None:
    """After every single event of any history, read from the events alone, a unit has one mission at most."""
    world = played(history)
    on: dict[str, str] = {}
    for event in world.log:
        if event.type == "UnitAssigned":
            assert event.data.unit_id not in on, "assigned while on another mission"
            assert event.subject not in on.values(), "a mission with two units"
            on[event.data.unit_id] = event.subject
        elif event.type in ("AcknowledgementMissed", "AssignmentRefused", "UnitWithdrawn", "MissionEnded"):
            on.pop(event.data.unit_id, None)


@_SLOW
@given(HISTORY)
def test_invariant_5_replay_equals_live(history: list[Any]) -> None:
    """The events folded anew, whole or through their bytes, give the same hash; mappings' order does not matter."""
    world = played(history)
    again, shuffled = EmsState(), EmsState()
    for event in world.log:
        evolve(again, event)
        evolve(shuffled, decode_event(encode_event(event)))
    assert digest(again) == digest(world.state)
    shuffled.missions = dict(reversed(shuffled.missions.items()))
    shuffled.units = dict(reversed(shuffled.units.items()))
    assert digest(shuffled) == digest(world.state)


@_SLOW
@given(HISTORY)
def test_nobody_waits_while_a_suitable_unit_stands_idle(history: list[Any]) -> None:
    """Where a mission waits, no unit that was not already tried for it is free, nor at an exercise where it is live."""
    world = played(history)
    free = {u.unit_id for u in world.state.units.values() if u.state in ("available", "returning")}
    for mission_id in world.state.waiting:
        assert free <= set(world.mission(mission_id).tried), f"{mission_id} waits while {free} are free"
    drills = {m.unit_id for m in world.state.missions.values() if m.exercise and m.unit_id and m.state != "ended"}
    for mission_id in world.state.waiting:
        m = world.mission(mission_id)
        assert m.exercise or drills <= set(m.tried), f"{mission_id} waits while {drills} are at an exercise"


@_SLOW
@given(HISTORY)
def test_invariant_4_decide_changes_nothing_and_gives_the_same_twice(history: list[Any]) -> None:
    """Deciding leaves the state as it was; the same state, command and facts give the same events."""
    world = played(history[:-1])
    (data, target), who, _ = history[-1]
    command = Command(command_id="last", region="430921", data=data, target=target, actor=who)
    facts = Facts(recorded_at=world.now, policy=world.policy, positions=world.positions)
    before = digest(world.state)
    first = decide(world.state, command, facts)
    assert digest(world.state) == before
    assert decide(world.state, command, facts) == first
