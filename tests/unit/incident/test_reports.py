"""Facts from elsewhere: missions, border probes, policies; and what is left when the rules fail."""

from tests.unit.incident.world import MIN, REGION, World, east, policy
from tocsin.envelope import Command
from tocsin.incident import commands as cmd
from tocsin.incident.evolve import evolve
from tocsin.incident.ledger import stamp
from tocsin.incident.rescue import rescue
from tocsin.incident.state import PartitionState
from tocsin.incident.values import CallRecord
from tocsin.place import Place, Point


def report(step: str, **more: object) -> cmd.ReportMission:
    """What ems120 reports of its first mission."""
    return cmd.ReportMission(mission_id="M1", step=step, unit_id="amb-1", **more)


def test_missions_carry_the_medical_task_forward_as_facts(world: World) -> None:
    """From assigned to completed: the task follows; nobody's version is outdated by it."""
    i = world.call("medical.cardiac", line="120")
    task = f"{i.incident_id}-T1"
    acts = i.act_version
    states = []
    for step in ("assigned", "acknowledged", "departed", "arrived", "feedback"):
        world.do(report(step), task, after=1000).accepted("TaskFeedback")
        states.append(i.tasks[task].state)
    assert states == ["routed", "accepted", "dispatched", "on_scene", "on_scene"]
    world.do(report("completed", outcome="transported", all_ended=True), task).accepted("TaskFeedback", "TaskCompleted")
    assert (i.tasks[task].units, i.tasks[task].state, i.act_version) == (["amb-1"], "completed", acts)
    world.do(report("departed"), task)
    assert world.types() == ["CommandNoted"]


def test_arrival_counts_only_with_the_suitable_unit(world: World) -> None:
    """A unit below the patient's need is there, and seen to be; the arrival limit runs until the right one is."""
    i = world.call("medical.cardiac", line="120")
    task = f"{i.incident_id}-T1"
    world.do(report("departed"), task, after=MIN)
    world.do(report("arrived", unsuitable=True), task, after=MIN).accepted("TaskArrived", "ClockStarted")
    arrive = next(c for c in i.clocks.values() if c.clock == "arrive")
    assert (i.tasks[task].state, arrive.state) == ("on_scene", "running")
    world.do(report("arrived"), task, after=MIN).accepted("TaskFeedback", "ClockMet")
    assert (arrive.state, world.said("ClockMet")[0].late) == ("met", False)
    world.do(report("arrived"), task, after=MIN)
    assert world.types() == ["TaskFeedback"]


def test_the_task_ends_with_its_last_mission(world: World) -> None:
    """One of two missions ended: the task goes on. No unit free: a person looks."""
    i = world.call("medical.trauma", line="120")
    task = f"{i.incident_id}-T1"
    world.do(report("no_unit"), task).accepted("TaskFeedback", "ReviewRequested")
    assert i.review == ["no_unit"]
    world.do(report("completed", outcome="no_patient"), task)
    assert i.tasks[task].state == "routed"
    world.do(report("completed", outcome="no_patient", all_ended=True), task)
    assert world.said("TaskCompleted")[0].disposition == "unfounded"
    world.do(report("assigned"), "430921-20260101-000001-T1").refused("not_found")


def probe(point: Point, at: int, kind: str = "traffic.injury") -> cmd.ProbeBorder:
    """A neighbour's question."""
    place = Place(region="430623", point=point, accuracy_m=20, source="point")
    return cmd.ProbeBorder(incident_id="430623-20260408-000001", kind=kind, priority=1, place=place, opened_at=at)


def test_a_probe_may_only_suggest(world: World) -> None:
    """A match is said of our incident and changes nothing in it; no match is noted."""
    i = world.call("traffic.injury", line="122")
    tasks, links = len(i.tasks), len(i.links)
    world.do(probe(east(50), world.now)).accepted("RelationProbed")
    assert (world.last[0].subject, world.said("RelationProbed")[0].asking_incident) == (
        i.incident_id, "430623-20260408-000001",
    )  # fmt: skip
    assert (len(i.tasks), len(i.links), i.related) == (tasks, links, {})
    for other in (probe(east(4000), world.now), probe(east(50), world.now, "service.labour"), probe(east(50), 0)):
        world.do(other)
        assert world.types() == ["CommandNoted"]


def test_the_answer_to_a_probe_is_a_suggestion_by_rule(world: World) -> None:
    """IncidentsRelated decided by rule, once."""
    i = world.call("traffic.injury", line="122")
    answer = cmd.SuggestRelation(incident_id=i.incident_id, to="430623-20260408-000001", score=0.8)
    world.do(answer).accepted("IncidentsRelated")
    assert i.related["430623-20260408-000001"].decided_by == "rule"
    world.do(answer)
    assert world.types() == ["CommandNoted"]


def test_a_policy_takes_effect_by_an_event(world: World) -> None:
    """PolicyActivated once; the same again is noted; an empty one refused."""
    world.do(cmd.ActivatePolicy(policy="sha256:a")).accepted("PolicyActivated")
    assert world.state.regions[REGION].policy == "sha256:a"
    world.do(cmd.ActivatePolicy(policy="sha256:a"))
    assert world.types() == ["CommandNoted"]
    world.do(cmd.ActivatePolicy(policy="")).refused("reason_required")


def test_invariant_1_a_call_that_crashes_the_rules_is_an_unknown_urgent_human_incident() -> None:
    """From raw fields alone, with and without a policy, even with a place no rule can compute with."""
    for known in (policy(), None):
        state = PartitionState()
        place = Place(region=REGION, point=Point(lon=float("nan"), lat=0))
        call = CallRecord(call_id="bad", line="119", region=REGION, place=place)
        command = Command(command_id="call:bad", region=REGION, data=cmd.RecordCall(call=call))
        drafts = rescue(state, command, 1_775_613_600_000, "ValueError: …", known)
        for event in stamp(state, command, drafts, 1_775_613_600_000, 1):
            evolve(state, event)
        (incident,) = state.regions[REGION].incidents.values()
        assert (incident.kind, incident.lane, incident.review) == ("unknown", "urgent", ["rules_failed"])
        assert {t.agency for t in incident.tasks.values()} == ({"nanxian-command", "nanxian-fire"} if known else set())
        assert state.regions[REGION].calls["bad"].incident_ids == [incident.incident_id]
        again = rescue(state, command, 1_775_613_600_000 + MIN, "again", known)
        assert [d.data.code for d in again] == ["rule_failed"]


def test_any_other_command_that_crashes_is_refused_aloud(world: World) -> None:
    """rule_failed, in the incident's history."""
    i = world.call()
    command = Command(command_id="n", region=REGION, target=f"{i.incident_id}-T1", data=cmd.Accept())
    (draft,) = rescue(world.state, command, world.now, "KeyError", policy())
    assert (draft.subject, draft.data.code) == (i.incident_id, "rule_failed")
