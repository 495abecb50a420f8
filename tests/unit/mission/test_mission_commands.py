"""Given / when / then for every command of the 120 centre: accepted, refused with that very code, no-op."""

import re
from pathlib import Path
from typing import Any

import pytest

import tocsin.mission
from tests.unit.mission.world import INCIDENT, M1, M2, TASK, World, crew, north
from tocsin.envelope import Actor, Command
from tocsin.incident.commands import ActivatePolicy, Note
from tocsin.mission import commands as cmd
from tocsin.mission.decide import rescue
from tocsin.mission.refusals import CODES
from tocsin.mission.values import HospitalSeed, UnitSeed
from tocsin.place import Place

OTHER = f"{INCIDENT[:-2]}18"
CHAIN: tuple[tuple[Any, str, str, str], ...] = (
    (cmd.AcknowledgeMission(), "MissionAcknowledged", "acknowledged", "assigned"),
    (cmd.DepartForScene(), "UnitDeparted", "departed", "departed"),
    (cmd.ArriveAtScene(), "UnitArrived", "on_scene", "on_scene"),
    (cmd.ReachPatient(), "PatientReached", "with_patient", "with_patient"),
    (cmd.LeaveScene(), "SceneLeft", "transporting", "transporting"),
    (cmd.ArriveAtHospital(), "HospitalReached", "at_hospital", "at_hospital"),
)


def opened() -> World:
    """Given: units a, b, c at 1, 2 and 3 km; a is assigned."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2), c=("ALS", 3))
    world.open()
    assert world.mission().unit_id == "a"
    return world


def at(step: int) -> World:
    """Given: the chain driven so far."""
    world = opened()
    for data, *_ in CHAIN[:step]:
        world.later(60).act(data, M1)
    return world


@pytest.mark.parametrize("n", range(len(CHAIN)))
def test_each_step_is_accepted_in_its_order(n: int) -> None:
    """The step is stated, mission and unit move on, the time is stamped, nothing is flagged."""
    world = at(n)
    data, event, state, unit_state = CHAIN[n]
    assert world.later(60).types(data, M1, actor=crew("a")) == [event]
    assert (world.mission().state, world.unit("a").state) == (state, unit_state)
    assert world.now in world.mission().times.values()
    assert world.mission().flags == []


@pytest.mark.parametrize("n", range(len(CHAIN)))
def test_a_repeated_step_changes_nothing(n: int) -> None:
    """The same step again, in the state it led to, is noted: a crew taps twice."""
    world = at(n + 1)
    assert world.noted(CHAIN[n][0], M1) == "already_so"


@pytest.mark.parametrize("n", range(len(CHAIN) - 1))
def test_no_step_is_taken_back(n: int) -> None:
    """A step that was taken is refused once the mission is past it."""
    assert at(len(CHAIN)).refused(CHAIN[n][0], M1) == "illegal_step"


@pytest.mark.parametrize("data", [c[0] for c in CHAIN] + [cmd.HandOverPatient()])
def test_no_step_without_a_unit(data: Any) -> None:
    """A waiting mission and one that has ended take no steps."""
    world = World().fleet()
    world.open()
    assert world.mission().state == "waiting"
    assert world.refused(data, M1) == "illegal_step"
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    assert world.refused(data, M1) == "illegal_step"


def test_hand_over_ends_the_mission() -> None:
    """Handed over: outcome transported, the unit on its way back, every time stamped."""
    world = at(6)
    assert world.types(cmd.HandOverPatient(), M1) == ["PatientHandedOver", "MissionEnded"]
    assert (world.mission().outcome, world.unit("a").state) == ("transported", "returning")
    assert len(world.mission().times) == 8


@pytest.mark.parametrize("n", range(5))
def test_hand_over_needs_a_hospital(n: int) -> None:
    """Before the unit has left for a hospital there is nobody to hand over to."""
    assert at(n).refused(cmd.HandOverPatient(), M1) == "illegal_step"


def test_a_skipped_step_is_kept_and_flagged_and_may_come_late() -> None:
    """Arriving without having departed is taken; the departure entered later stands with its time and a flag."""
    world = opened()
    world.later(300).act(cmd.ArriveAtScene(), M1)
    assert "step_skipped" in world.mission().flags
    departed_at = world.now - 240_000
    (late,) = world.act(cmd.DepartForScene(at=departed_at), M1)
    assert late.flags == ["step_late"]
    assert (world.mission().state, world.mission().times["departed"]) == ("on_scene", departed_at)


def test_an_impossible_order_of_times_is_kept_and_flagged() -> None:
    """Real logs contain it: earlier than the step before, or in the future."""
    world = at(2)
    (arrived,) = world.act(cmd.ArriveAtScene(at=world.now - 3_600_000), M1)
    assert arrived.flags == ["time_before_last_step"]
    (reached,) = world.act(cmd.ReachPatient(at=world.now + 60_000), M1)
    assert reached.flags == ["time_in_future"]
    assert world.mission().times["patient_contact"] == world.now + 60_000


def test_leave_names_a_hospital_or_lets_the_rule() -> None:
    """A person's hospital stands, flagged with what speaks against it; an unknown one is refused."""
    world = at(4)
    assert world.refused(cmd.LeaveScene(hospital_id="nowhere"), M1) == "unknown_hospital"
    world.act(cmd.DivertHospital(), "near")
    (left,) = world.act(cmd.LeaveScene(hospital_id="near", reason="最近"), M1)
    assert (left.decided_by, left.flags) == ("person", ["hospital_diverted"])


def test_crew_acts_on_its_own_mission_alone() -> None:
    """not_your_mission for another crew, for a crew without a unit, and for assigning at all; the centre may any."""
    world = opened()
    assert world.refused(cmd.AcknowledgeMission(), M1, actor=crew("b")) == "not_your_mission"
    assert world.refused(cmd.AcknowledgeMission(), M1, actor=crew("")) == "not_your_mission"
    assert world.refused(cmd.ReassignMission(), M1, actor=crew("a")) == "not_your_mission"
    for role in ("ems_dispatcher", "commander", "admin"):
        assert opened().types(cmd.AcknowledgeMission(), M1, actor=Actor(role=role)) == ["MissionAcknowledged"]


def test_expected_version_conflicts_with_acts_of_people_only() -> None:
    """A clock's event between does not make a conflict; a person's act does; a version not yet reached does."""
    world = opened()
    seen = world.mission().version
    world.act(cmd.TriagePatient(triage="I", reason="看"), M1)
    assert world.refused(cmd.AcknowledgeMission(), M1, expected=seen) == "version_conflict"
    assert world.refused(cmd.AcknowledgeMission(), M1, expected=99) == "version_conflict"
    assert world.refused(cmd.HandOverPatient(), M1) == "illegal_step"
    seen = world.mission().version
    world.act(cmd.UpdateScene(incident_id=INCIDENT, call_id="x"), "", actor=Actor())
    assert world.mission().version > seen
    assert world.types(cmd.AcknowledgeMission(), M1, expected=seen) == ["MissionAcknowledged"]


def test_assign_a_waiting_mission() -> None:
    """By name, by rule, or no_unit; an unknown, busy or unavailable unit is refused with its code."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2))
    world.open()
    world.open(OTHER)
    third = f"{INCIDENT[:-2]}19"
    world.open(third)
    waiting = f"{third}-M1"
    assert world.refused(cmd.AssignUnit(), waiting) == "no_unit"
    assert world.refused(cmd.AssignUnit(unit_id="a"), waiting) == "unit_busy"
    assert world.refused(cmd.AssignUnit(unit_id="z"), waiting) == "unknown_unit"
    world.fleet(late=("BLS", 5))
    assert (world.mission(waiting).unit_id, world.mission(waiting).assigned_by) == ("late", "rule")
    world.act(cmd.RefuseMission(), waiting)
    assert world.mission(waiting).state == "waiting"
    assert world.types(cmd.AssignUnit(unit_id="late"), waiting) == ["UnitAssigned"]
    assert world.mission(waiting).assigned_by == "person"


def test_assign_by_a_person_goes_before_a_rules_choice_once() -> None:
    """A rule's choice nobody acknowledged gives way to a person's; that one to reassign alone."""
    world = opened()
    assert world.noted(cmd.AssignUnit(unit_id="a"), M1) == "already_assigned"
    assert world.types(cmd.AssignUnit(unit_id="c"), M1) == ["UnitWithdrawn", "UnitAssigned"]
    assert (world.mission().unit_id, world.unit("a").state) == ("c", "available")
    assert world.refused(cmd.AssignUnit(unit_id="b"), M1) == "illegal_step"
    world.act(cmd.PutOffDuty(), "b")
    assert world.refused(cmd.ReassignMission(unit_id="b"), M1) == "unit_unavailable"


def test_reassign() -> None:
    """The next unit by rule or the one named; with the patient aboard only with a reason; not to itself."""
    world = opened()
    assert world.refused(cmd.ReassignMission(unit_id="a"), M1) == "illegal_step"
    assert world.types(cmd.ReassignMission(), M1) == ["UnitWithdrawn", "UnitAssigned"]
    assert world.mission().unit_id == "b"
    driven = at(4)
    assert driven.refused(cmd.ReassignMission(unit_id="b"), M1) == "reason_required"
    assert driven.types(cmd.ReassignMission(unit_id="b", reason="故障"), M1) == ["UnitWithdrawn", "UnitAssigned"]
    assert (driven.unit("a").state, driven.mission().times.keys()) == ("returning", {"assigned"})
    waiting = World().fleet()
    waiting.open()
    assert waiting.refused(cmd.ReassignMission(), M1) == "illegal_step"


def test_refuse() -> None:
    """The next unit goes and the one that refused is not sent again; at the scene it is too late to refuse."""
    world = opened()
    assert world.types(cmd.RefuseMission(reason="无司机"), M1, actor=crew("a")) == ["AssignmentRefused", "UnitAssigned"]
    assert world.mission().unit_id == "b"
    assert world.mission().tried == {"a": "refused"}
    assert at(3).refused(cmd.RefuseMission(), M1) == "illegal_step"


def test_the_acknowledgement_clock() -> None:
    """Refused before its time; then the next unit goes; obsolete once acknowledged or for an earlier attempt."""
    world = opened()
    clock = cmd.MissionClock(mission_id=M1, attempt=1, due_at=world.now + 30_000)
    assert world.later(29.999).refused(clock, M1) == "too_early"
    assert world.later(0.001).types(clock, M1, actor=Actor()) == ["AcknowledgementMissed", "UnitAssigned"]
    assert (world.mission().unit_id, world.mission().attempt) == ("b", 2)
    assert world.noted(clock, M1) == "clock_obsolete"
    acknowledged = at(1)
    assert acknowledged.later(99).noted(clock, M1) == "clock_obsolete"
    assert acknowledged.refused(cmd.MissionClock(mission_id="x", attempt=1, due_at=0), "x") == "unknown_mission"


def test_when_nobody_acknowledges_the_mission_waits_and_says_so() -> None:
    """Each unit is tried once; then the centre is told; a crew that shows itself is sent again."""
    world = opened()
    for attempt in (1, 2, 3):
        clock = cmd.MissionClock(mission_id=M1, attempt=attempt, due_at=0)
        last = world.later(31).act(clock, M1)[-1]
    assert (type(last).__name__, last.cause) == ("MissionQueued", "nobody_acknowledged")
    assert world.mission().state == "waiting"
    world.act(cmd.TakeOutOfService(), "b")
    assert world.types(cmd.MakeAvailable(), "b") == ["UnitStateChanged", "UnitAssigned"]
    assert world.mission().unit_id == "b"


def test_triage_from_answers() -> None:
    """The most urgent answer decides and is explained; the same again changes nothing; an unknown one is refused."""
    world = opened()
    (t,) = world.act(cmd.TriagePatient(answers={"breathing": "difficult", "walking": "yes"}), M1)
    assert (t.triage, t.former, t.decided_by, t.needs_als) == ("I", "III", "rule", True)
    assert t.reasons == ["answer:breathing=difficult"]
    assert world.noted(cmd.TriagePatient(answers={"walking": "yes"}), M1) == "already_so"
    assert world.refused(cmd.TriagePatient(answers={"mood": "bad"}), M1) == "answer_unknown"
    assert world.refused(cmd.TriagePatient(answers={"breathing": "maybe"}), M1) == "answer_unknown"


def test_triage_overridden_by_a_person_needs_a_reason() -> None:
    """A level by judgement needs its reason, and answers do not lower it afterwards."""
    world = opened()
    assert world.refused(cmd.TriagePatient(triage="I"), M1) == "reason_required"
    (t,) = world.act(cmd.TriagePatient(triage="I", reason="面色灰白"), M1)
    assert (t.triage, t.decided_by) == ("I", "person")
    world.act(cmd.TriagePatient(answers={"walking": "yes"}), M1)
    assert world.mission().triage == "I"
    assert world.noted(cmd.TriagePatient(triage="I"), M1) == "already_so"
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    assert world.refused(cmd.TriagePatient(triage="II", reason="x"), M1) == "illegal_step"


ENDS = [
    ("cancelled_before", 0, "available"), ("cancelled_before", 1, "available"), ("cancelled_enroute", 2, "returning"),
    ("no_patient", 3, "returning"), ("refused", 3, "returning"), ("self_left", 3, "returning"),
    ("treated_refused", 4, "returning"), ("dead_on_scene", 4, "returning"), ("transported", 6, "returning"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "step", "unit_state"), ENDS)
def test_every_outcome_ends_a_mission_from_its_states(outcome: Any, step: int, unit_state: str) -> None:
    """Ended with that outcome; the unit is free; a mission ends once: the same end again is refused like another."""
    world = at(step)
    assert world.types(cmd.EndMission(outcome=outcome), M1)[-1] == "MissionEnded"
    assert (world.mission().outcome, world.unit("a").state, world.unit("a").mission_id) == (outcome, unit_state, "")
    assert world.refused(cmd.EndMission(outcome=outcome), M1) == "illegal_step"
    other: Any = "no_patient" if outcome != "no_patient" else "refused"
    assert world.refused(cmd.EndMission(outcome=other), M1) == "illegal_step"


@pytest.mark.parametrize(
    ("outcome", "step"), [("transported", 3), ("dead_on_scene", 1), ("cancelled_before", 3), ("no_patient", 5)]
)
def test_an_outcome_that_cannot_be_is_refused(outcome: Any, step: int) -> None:
    """Nobody is dead on a scene that nobody reached."""
    assert at(step).refused(cmd.EndMission(outcome=outcome), M1) == "illegal_step"


def test_open_mission_once_for_a_task() -> None:
    """One patient, one mission; the same task again finds it; after its end it is not opened anew."""
    world = opened()
    assert list(world.state.missions) == [M1]
    world.open()
    assert list(world.state.missions) == [M1]
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    assert [type(e).__name__ for e in world.open()] == ["CommandNoted"]


def test_several_victims_are_several_missions_and_a_mass_casualty() -> None:
    """Three victims: three missions, three units, the flag on each; a fourth found later gets one more."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2), c=("ALS", 3))
    kinds = [type(e).__name__ for e in world.open(victims=3)]
    assert kinds.count("MissionOpened") == 3
    assert kinds.count("MassCasualtyDeclared") == 1
    assert {m.unit_id for m in world.state.missions.values()} == {"a", "b", "c"}
    more = cmd.UpdateScene(incident_id=INCIDENT, victims=4, call_id="c9")
    assert "MissionOpened" in world.types(more)
    fourth = world.mission(f"{INCIDENT}-M4")
    assert (fourth.state, fourth.flags, fourth.patients) == ("waiting", ["mass_casualty"], 4)
    assert world.mission(M1).call_ids == ["c9"]
    assert "MissionOpened" not in world.types(more)


def test_missions_of_one_incident_are_bounded() -> None:
    """A call that names ten thousand victims does not open ten thousand missions."""
    world = World().fleet(a=("BLS", 1))
    world.open(victims=10_000)
    assert len(world.state.missions) == world.policy.ems.missions_max


def test_update_scene() -> None:
    """A corrected place reaches the mission; news of nothing is noted; an incident without missions is noted."""
    world = opened()
    place = Place(region="430921", point=north(5), source="person")
    assert world.types(cmd.UpdateScene(incident_id=INCIDENT, place=place)) == ["SceneUpdated"]
    assert world.mission().place == place
    assert world.noted(cmd.UpdateScene(incident_id=INCIDENT, place=place)) == "nothing_to_do"
    assert world.noted(cmd.UpdateScene(incident_id=OTHER)) == "no_running_mission"


def test_what_is_heard_later_raises_the_triage() -> None:
    """A fall of level III; the second caller says that he does not answer: I, an advanced unit, eight minutes."""
    world = World().fleet(a=("BLS", 1))
    world.open(kind="medical.other", priority=2)
    assert world.mission().triage == "III"
    told = cmd.UpdateScene(incident_id=INCIDENT, call_id="c2", priority=1, raises=["unconscious"])
    assert world.types(told) == ["SceneUpdated", "MissionTriaged"]
    m = world.mission()
    assert (m.triage, m.triage_by, m.needs_als, m.raises) == ("I", "rule", True, ["unconscious"])
    assert "raise:unconscious" in m.triage_reasons
    assert world.noted(told) == "nothing_to_do"


def test_what_is_heard_later_lowers_no_triage_and_overrules_no_judgement() -> None:
    """A milder kind lowers nothing; words heard before do not undo a person's level; a crew at his side knows."""
    world = World().fleet(a=("ALS", 1))
    world.open(kind="medical.cardiac", priority=1)
    assert world.types(cmd.UpdateScene(incident_id=INCIDENT, kind="medical.other", priority=2)) == ["SceneUpdated"]
    assert world.mission().triage == "I"
    world = opened()
    world.act(cmd.UpdateScene(incident_id=INCIDENT, raises=["unconscious"]))
    world.act(cmd.TriagePatient(triage="III", reason="awake again, talks"), M1)
    assert world.types(cmd.UpdateScene(incident_id=INCIDENT, call_id="c3", raises=["unconscious"])) == ["SceneUpdated"]
    assert world.mission().triage == "III"
    beside = at(4)
    assert beside.types(cmd.UpdateScene(incident_id=INCIDENT, raises=["unconscious"])) == ["SceneUpdated"]


@pytest.mark.parametrize(
    ("step", "outcome"), [(0, "cancelled_before"), (1, "cancelled_before"), (2, "cancelled_enroute"), (4, "")]
)
def test_a_cancelled_task_ends_what_has_not_reached_its_patient(step: int, outcome: str) -> None:
    """Before the patient the mission ends; with the patient the crew goes on and it is noted."""
    world = at(step)
    world.act(cmd.CancelMissions(incident_id=INCIDENT, task_id=TASK, cause="task_cancelled"))
    assert world.mission().outcome == outcome
    assert ("task_cancelled" in world.mission().flags) == (outcome == "")
    if outcome:
        assert world.noted(cmd.CancelMissions(incident_id=INCIDENT)) == "no_running_mission"


def test_waiting_missions_are_served_by_triage_then_age_live_before_exercise() -> None:
    """The unit that becomes free goes to the highest triage, then the oldest; an exercise after every live one."""
    world = World().fleet()
    world.open(f"{INCIDENT[:-2]}01", kind="medical.cardiac", exercise=True)
    world.later(1).open(f"{INCIDENT[:-2]}02")
    world.later(1).open(f"{INCIDENT[:-2]}03", kind="medical.cardiac")
    world.later(1).open(f"{INCIDENT[:-2]}04", kind="medical.cardiac")
    order = []
    for n in range(4):
        world.fleet(**{f"u{n}": ("ALS", 1)})
        order.append(world.unit(f"u{n}").mission_id[-5:-3])
    assert order == ["03", "04", "02", "01"]


def test_units_on_and_off_duty() -> None:
    """on_duty, off_duty, available, out_of_service: each accepted, refused from where it cannot be, or a no-op."""
    world = World().fleet(u=("BLS", 1))
    assert world.noted(cmd.PutOnDuty(), "u") == "already_so"
    assert world.types(cmd.PutOffDuty(), "u") == ["UnitStateChanged"]
    assert world.noted(cmd.PutOffDuty(), "u") == "already_so"
    assert world.refused(cmd.MakeAvailable(), "u") == "illegal_step"
    assert world.types(cmd.PutOnDuty(), "u") == ["UnitStateChanged"]
    assert world.types(cmd.TakeOutOfService(reason="爆胎"), "u") == ["UnitStateChanged"]
    assert world.noted(cmd.TakeOutOfService(), "u") == "already_so"
    assert world.types(cmd.MakeAvailable(), "u") == ["UnitStateChanged"]
    assert world.noted(cmd.MakeAvailable(), "u") == "already_so"
    assert world.refused(cmd.PutOnDuty(), "nobody") == "unknown_unit"
    assert world.refused(cmd.PutOffDuty(), "u", actor=crew("other")) == "not_your_unit"


def test_a_unit_on_a_mission_does_not_go_off_duty_and_a_broken_one_hands_over() -> None:
    """off_duty and available are unit_busy; out_of_service gives the mission to the next unit."""
    world = opened()
    assert world.refused(cmd.PutOffDuty(), "a") == "unit_busy"
    assert world.refused(cmd.MakeAvailable(), "a") == "unit_busy"
    broken = world.types(cmd.TakeOutOfService(reason="爆胎"), "a")
    assert broken == ["UnitWithdrawn", "UnitStateChanged", "UnitAssigned"]
    assert (world.unit("a").state, world.mission().unit_id) == ("out_of_service", "b")


def test_returning_units_are_assignable() -> None:
    """A unit on its way home is the nearest and goes."""
    world = at(6)
    world.act(cmd.HandOverPatient(), M1)
    assert world.unit("a").state == "returning"
    world.open(OTHER)
    assert world.mission(f"{OTHER}-M1").unit_id == "a"
    world.act(cmd.EndMission(outcome="cancelled_before"), f"{OTHER}-M1")
    assert world.unit("a").state == "returning"


def test_register_units_and_hospitals() -> None:
    """New, changed, the same again; one of another region is refused."""
    world = World().fleet(u=("BLS", 1))
    same = cmd.RegisterUnit(label="u", unit_type="BLS", point=north(1), state="available")
    assert world.noted(same, "u") == "already_so"
    (changed,) = world.act(cmd.RegisterUnit(label="u", unit_type="ALS", point=north(1)), "u")
    assert (changed.new, world.unit("u").unit_type, world.unit("u").state) == (False, "ALS", "available")
    hospital = cmd.RegisterHospital(label="近", capabilities=["trauma"], beds=2, point=north(1))
    assert world.noted(hospital, "near") == "already_so"
    assert world.types(cmd.RegisterHospital(label="新", point=north(1)), "new") == ["HospitalRegistered"]
    world.state.units["u"].region = world.state.hospitals["near"].region = "430623"
    assert world.refused(same, "u") == "cross_region"
    assert world.refused(hospital, "near") == "cross_region"


def test_seed_fleet_brings_only_what_is_missing() -> None:
    """Seeding twice, or after an admin's change, leaves what is known as it is."""
    world = World()
    seed = cmd.SeedFleet(
        policy="sha256:1",
        units=[UnitSeed(unit_id="a", label="a", unit_type="ALS", station="s", point=north(1))],
        hospitals=[HospitalSeed(hospital_id="h", label="h", point=north(1))],
    )
    assert world.types(seed) == ["HospitalRegistered", "UnitRegistered", "FleetSeeded"]
    assert world.unit("a").state == "available"
    assert world.noted(seed) == "fleet_known"


def test_hospital_commands() -> None:
    """divert, undivert and set_beds: accepted, no-op, unknown."""
    world = World().fleet()
    for data, event in (
        (cmd.DivertHospital(), "HospitalDiverted"), (cmd.UndivertHospital(), "HospitalReopened"),
        (cmd.SetBeds(beds=7), "BedsReported"),
    ):  # fmt: skip
        assert world.types(data, "near") == [event]
        assert world.noted(data, "near") == "already_so"
        assert world.refused(data, "nowhere") == "unknown_hospital"


def test_a_policy_is_activated_once() -> None:
    """The event names the former policy; the same again changes nothing."""
    world = World()
    assert world.types(ActivatePolicy(policy="sha256:2")) == ["PolicyActivated"]
    assert world.noted(ActivatePolicy(policy="sha256:2")) == "policy_in_force"


def test_commands_that_are_not_ours_and_rules_that_fail_leave_a_refusal() -> None:
    """A command of the incident's on our topic is refused; a crash of the rules is a refusal a person finds."""
    world = World()
    assert world.refused(Note(text="x")) == "illegal_step"
    failed = Command(command_id="x", region="430921", data=cmd.PutOnDuty(), target="u")
    (draft,) = rescue(world.state, failed, "boom")
    assert (draft.data.code, draft.data.detail) == ("rules_failed", "boom")


def test_a_task_that_crashes_the_rules_still_becomes_a_waiting_patient() -> None:
    """The mission waits for a person with its raw fields, once; the next decision may send it a unit."""
    data = cmd.OpenMission(task_id=TASK, incident_id=INCIDENT, kind="?", priority=1, place=Place(region="430921"))
    opened_, queued = rescue(World().state, Command(command_id="x", region="430921", data=data), "boom")
    assert (opened_.subject, opened_.data.triage, queued.data.cause) == (M1, "I", "rules_failed")
    known = rescue(opened().state, Command(command_id="x", region="430921", data=data), "boom")
    assert [type(d.data).__name__ for d in known] == ["CommandRefused"]


def test_old_missions_leave_the_state_and_their_numbers_are_not_given_again() -> None:
    """Past the policy's days an ended mission is archived; a late call on its incident gets the next number."""
    world = opened()
    world.act(cmd.EndMission(outcome="cancelled_before"), M1)
    world.later(41 * 86_400).open(OTHER)
    assert M1 not in world.state.missions
    world.open(task_id=f"{INCIDENT}-T2")
    assert M2 in world.state.missions


def test_every_refusal_code_used_is_documented() -> None:
    """The codes raised in the rules are those of the documented list."""
    folder = Path(tocsin.mission.__file__).parent
    used = {c for f in folder.glob("*.py") for c in re.findall(r'Refusal\(\s*"(\w+)"', f.read_text())}
    assert used | {"rules_failed"} == set(CODES)
