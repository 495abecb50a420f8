"""Put together and taken apart by people; work moves along, nothing is cancelled silently."""

import msgspec

from tests.unit.incident.world import MIN, REGION, World, east, finish, of
from tocsin.incident import commands as cmd
from tocsin.incident.digest import digest


def test_merging_joins_equal_agencies_and_moves_the_rest(world: World) -> None:
    """Police and fire are joined to their tasks there; the second ambulance goes over under its own id and runs on."""
    a = world.call()
    b = world.call(point=east(2000), after=MIN)
    police = f"{b.incident_id}-T2"
    medical = f"{b.incident_id}-T3"
    world.do(cmd.DispatchUnit(unit_ids=["p9"]), police, of("nanxian-police"))
    world.do(cmd.Arrive(unit_id="amb"), medical)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.accepted(
        "CallLinked",
        "TaskTransferred",
        "ClockStopped",
        "TaskAlerted",
        "UnitsDispatched",
        "TaskJoined",
        "IncidentMerged",
    )
    assert (b.state, b.merged_into, set(a.links)) == ("merged", a.incident_id, {"c1", "c2"})
    assert "TaskCancelled" not in world.types()
    assert (a.tasks[f"{a.incident_id}-T2"].units, a.tasks[f"{a.incident_id}-T2"].state) == (["p9"], "dispatched")
    assert (a.tasks[medical].state, a.tasks[medical].units) == ("on_scene", ["amb"])
    assert sum(t.agency_class == "medical" for t in a.tasks.values()) == 2, "two patients shared a mission"
    world.do(cmd.Complete(result="~r"), medical).accepted("TaskCompleted")
    assert world.last[0].subject == a.incident_id
    assert world.state.regions[REGION].calls["c2"].incident_ids == [a.incident_id]
    world.do(cmd.Close(), b.incident_id).refused("illegal_step")


def test_a_joined_task_is_as_far_as_either_had_come_and_its_limits_are_met(world: World) -> None:
    """Police on scene for the one are on scene for both: the survivor's limits do not run on to a card."""
    a = world.call()
    b = world.call(point=east(2000), after=MIN)
    police = f"{a.incident_id}-T2"
    world.do(cmd.Arrive(unit_id="p9"), f"{b.incident_id}-T2", of("nanxian-police"))
    world.do(cmd.Accept(), f"{b.incident_id}-T1", of("nanxian-fire"))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    assert [a.tasks[f"{a.incident_id}-T{n}"].state for n in (1, 2)] == ["accepted", "on_scene"]
    clocks = {(c.task_id, c.clock): c.state for c in a.clocks.values() if c.task_id == police}
    assert clocks == {
        (police, "acknowledge"): "met", (police, "dispatch"): "met", (police, "arrive"): "met",
        (police, "feedback"): "running",
    }  # fmt: skip
    fire = {c.clock: c.state for c in a.clocks.values() if c.task_id == f"{a.incident_id}-T1"}
    assert fire == {"acknowledge": "met", "dispatch": "running", "arrive": "running"}


def test_a_task_that_was_joined_says_where_it_went(world: World) -> None:
    """A crew that acts on the number it was given is told the one that goes on, not that there is none."""
    a = world.call()
    b = world.call(point=east(2000), after=MIN)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Arrive(unit_id="p9"), f"{b.incident_id}-T2", of("nanxian-police")).refused("illegal_step")
    assert f"{a.incident_id}-T2" in world.last[0].data.detail


def test_clocks_go_over_with_their_tasks(world: World) -> None:
    """A merged task's running limit fires in the survivor under its old id."""
    a = world.call("crime.reported", line="110")
    b = world.call("medical.birth", line="120", point=east(3000))
    clock = f"{b.incident_id}-T1:acknowledge:1"
    due = b.clocks[clock].due_at
    world.do(cmd.Merge(into=a.incident_id), b.incident_id).accepted("PriorityChanged", "TaskJoined", "ClockStarted")
    world.now = due
    world.do(cmd.FireClock(incident_id=b.incident_id, clock="acknowledge", clock_id=clock, level="missed", due_at=due))
    world.accepted("ClockMissed")
    assert world.last[0].subject == a.incident_id


def test_merge_refusals(world: World) -> None:
    """cross_region, not_found, itself, closed, exercise with live (invariant 10)."""
    a = world.call()
    b = world.call(point=east(5000))
    drill = world.call(point=east(-5000), exercise=True)
    world.do(cmd.Merge(into="430721-20260408-000001"), a.incident_id).refused("cross_region")
    world.do(cmd.Merge(into="430921-20260408-000099"), a.incident_id).refused("not_found")
    world.do(cmd.Merge(into=a.incident_id), a.incident_id).refused("illegal_step")
    world.do(cmd.Merge(into=drill.incident_id), a.incident_id).refused("illegal_step")
    finish(world, b)
    world.do(cmd.Close(), b.incident_id)
    world.do(cmd.Merge(into=b.incident_id), a.incident_id).refused("illegal_step")


def test_link_call_takes_the_suggested_call_and_its_incident_along(world: World) -> None:
    """A confirmed suggestion: the call is linked by a person, its own incident goes into this one."""
    i = world.call()
    other = world.call(point=east(150), after=10 * MIN)
    world.do(cmd.LinkCall(call_id="c2"), i.incident_id).accepted("CallLinked", "IncidentMerged")
    assert (i.links["c2"].decided_by, i.suggestions, other.state) == ("person", {}, "merged")
    world.do(cmd.LinkCall(call_id="c2"), i.incident_id).refused("illegal_step")
    world.do(cmd.LinkCall(call_id="elsewhere"), i.incident_id).refused("cross_region")


def test_link_call_out_of_an_incident_with_others_only_moves_the_call(world: World) -> None:
    """The former incident goes on with its other calls."""
    i = world.call()
    other = world.call(point=east(4000))
    world.call(point=east(4010), after=MIN)
    world.do(cmd.LinkCall(call_id="c3"), i.incident_id).accepted("CallLinked", "CallUnlinked")
    assert (set(i.links), set(other.links), other.state) == ({"c1", "c3"}, {"c2"}, "open")


def test_an_exercises_call_is_never_linked_by_hand_either(world: World) -> None:
    """Invariant 10 holds for people too."""
    i = world.call()
    world.call(exercise=True)
    world.do(cmd.LinkCall(call_id="c2"), i.incident_id).refused("illegal_step")


def test_invariant_10_an_exercise_is_related_to_no_live_alarm(world: World) -> None:
    """Neither by hand, either way round, nor by a neighbour's answer; two exercises may be."""
    live, drill = world.call(), world.call(exercise=True)
    other = world.call(point=east(9000), exercise=True)
    world.do(cmd.Relate(to=drill.incident_id), live.incident_id).refused("illegal_step")
    world.do(cmd.Relate(to=live.incident_id), drill.incident_id).refused("illegal_step")
    assert (live.related, drill.related) == ({}, {})
    world.do(cmd.SuggestRelation(incident_id=drill.incident_id, to="430623-20260408-000001", score=0.8))
    assert (world.types(), drill.related) == (["CommandNoted"], {})
    world.do(cmd.Relate(to=other.incident_id), drill.incident_id).accepted("IncidentsRelated")


def test_invariant_10_across_a_border_too(world: World) -> None:
    """What intake knows of the incident over there counts; of another centre's, unknown here, nothing is known."""
    live, drill, there = world.call(), world.call(exercise=True), "430623-20260408-000001"
    for i, other in ((live, True), (drill, False)):
        world.do(cmd.Relate(to=there, to_exercise=other), i.incident_id).refused("illegal_step")
        assert i.related == {}
    world.do(cmd.Relate(to=there, to_exercise=False), live.incident_id).accepted("IncidentsRelated")
    world.do(cmd.Relate(to=there, to_exercise=True), drill.incident_id).accepted("IncidentsRelated")
    world.do(cmd.Relate(to="430721-20260408-000001"), live.incident_id).accepted("IncidentsRelated")


def test_a_persons_relation_across_a_border_is_told_over_there(world: World) -> None:
    """The other incident is related too, by that person; an exercise never; an incident nobody knows is refused."""
    i, there = world.call(), "430623-20260408-000001"
    told = cmd.SuggestRelation(incident_id=i.incident_id, to=there, score=1.0, by_person=True)
    world.do(told).accepted("IncidentsRelated")
    assert i.related[there].decided_by == "person"
    drill = world.call(exercise=True)
    world.do(msgspec.structs.replace(told, incident_id=drill.incident_id))
    assert (world.types(), drill.related) == (["CommandNoted"], {})


def test_invariant_10_an_exercises_call_never_meets_a_live_incident(world: World) -> None:
    """The same caller, place, minute and words, live and as an exercise: two incidents, nothing suggested."""
    for line, kind in (("119", "fire.building"), ("12345", "service.urban"), ("110", "invalid.silent")):
        live = world.call(kind, line=line, caller="k")
        drill = world.call(kind, line=line, caller="k", after=1000, exercise=True)
        again = world.call(kind, line=line, caller="k", after=1000, exercise=True)
        assert drill is not live, "an exercise was linked to a live alarm"
        assert again is not live, "a further call of the exercise was linked to a live alarm"
        assert (live.suggestions, live.related, len(live.links)) == ({}, {}, 1)


def test_unlink_call_gives_it_an_incident_of_its_own(world: World) -> None:
    """not_linked for others, illegal_step for the only call; the call is not linked here by rule again."""
    i = world.call()
    world.do(cmd.UnlinkCall(call_id="c9"), i.incident_id).refused("not_linked")
    world.do(cmd.UnlinkCall(call_id="c1"), i.incident_id).refused("illegal_step")
    world.call(after=MIN, line="110")
    world.do(cmd.UnlinkCall(call_id="c2"), i.incident_id).accepted("CallUnlinked", "IncidentOpened", "TaskRouted")
    new = world.incident(world.said("CallUnlinked")[0].to)
    assert (set(i.links), set(new.links), i.dismissed) == ({"c1"}, {"c2"}, ["c2"])


def test_split_takes_some_calls_out_into_one_new_incident(world: World) -> None:
    """Some, not none, not all, only linked ones of this region; then both go on with plans of their own."""
    i = world.call()
    world.call(after=MIN)
    world.call(after=MIN)
    world.do(cmd.Split(call_ids=[]), i.incident_id).refused("illegal_step")
    world.do(cmd.Split(call_ids=["c1", "c2", "c3"]), i.incident_id).refused("illegal_step")
    world.do(cmd.Split(call_ids=["c9"]), i.incident_id).refused("cross_region")
    world.call(point=east(3000))
    world.do(cmd.Split(call_ids=["c4"]), i.incident_id).refused("not_linked")
    world.do(cmd.Split(call_ids=["c2", "c3"]), i.incident_id).accepted("IncidentSplit", "IncidentOpened", "CallLinked")
    new = world.incident(world.said("IncidentSplit")[0].to)
    assert (set(i.links), set(new.links)) == ({"c1"}, {"c2", "c3"})
    assert new.tasks
    world.do(cmd.Merge(into=i.incident_id), new.incident_id).accepted("IncidentMerged")
    assert set(i.links) == {"c1", "c2", "c3"}, "split and merge are each other's way back"


def test_relate_within_and_across_regions(world: World) -> None:
    """Both files say so where both are ours; across the border only this one; twice is an illegal_step."""
    a, b = world.call(), world.call(point=east(5000))
    world.do(cmd.Relate(to=b.incident_id), a.incident_id).accepted("IncidentsRelated", "IncidentsRelated")
    assert (b.incident_id in a.related, a.incident_id in b.related) == (True, True)
    world.do(cmd.Relate(to=b.incident_id), a.incident_id).refused("illegal_step")
    world.do(cmd.Relate(to="430921-20260408-000077"), a.incident_id).refused("not_found")
    world.do(cmd.Relate(to="430721-20260408-000001"), a.incident_id).accepted("IncidentsRelated")


def test_splitting_a_merge_undoes_it(world: World) -> None:
    """The calls that came with a merge go out: their incident is open again, its moved tasks under their own ids."""
    a = world.call()
    b = world.call(point=east(2000), after=MIN)
    ambulance, brigade = f"{b.incident_id}-T3", f"{b.incident_id}-T1"
    world.do(cmd.Arrive(unit_id="amb"), ambulance)
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    tasks = set(a.tasks)
    world.do(cmd.Split(call_ids=["c2"], reason="~two fires"), a.incident_id)
    world.accepted("IncidentSplit", "IncidentReopened", "CallLinked", "TaskJoined", "TaskRouted")
    assert (b.state, b.merged_into, set(b.links), set(a.links)) == ("open", "", {"c2"}, {"c1"})
    assert "TaskCancelled" not in world.types()
    assert set(a.tasks) == tasks - {ambulance}
    assert (b.tasks[ambulance].state, b.tasks[ambulance].units) == ("on_scene", ["amb"])
    anew = {t.agency for t in b.tasks.values() if t.cause == "split"}
    assert anew == {"nanxian-fire", "nanxian-police"}, "whose task was joined to the survivor's works on there"
    assert b.tasks[brigade].state == "transferred"
    assert world.state.regions[REGION].calls["c2"].incident_ids == [b.incident_id]
    world.do(cmd.Complete(result="~r"), ambulance).accepted("TaskCompleted")
    assert world.last[0].subject == b.incident_id
    assert digest(world.refold()) == digest(world.state)


def test_unlinking_opens_an_incident_and_splitting_brings_back_the_former_one(world: World) -> None:
    """The contract's `unlink_call` always opens one; `split` undoes what took an incident along, leading as before."""
    a = world.call("order.dispute", line="110")
    b = world.call("crime.fraud", line="110", point=east(3000))
    own = dict(b.tasks)
    world.do(cmd.LinkCall(call_id="c2"), a.incident_id).accepted("CallLinked", "IncidentMerged")
    world.do(cmd.UnlinkCall(call_id="c2"), a.incident_id).accepted("CallUnlinked", "IncidentOpened")
    new = world.incident(world.said("CallUnlinked")[0].to)
    assert new.incident_id not in (a.incident_id, b.incident_id)
    world.do(cmd.Merge(into=b.incident_id), new.incident_id).refused("illegal_step")
    world.do(cmd.LinkCall(call_id="c2"), a.incident_id).accepted("CallLinked", "IncidentMerged")
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("IncidentSplit", "IncidentReopened")
    b, own = new, {t: new.tasks[t] for t in new.tasks}
    assert (b.state, set(b.links), set(a.links)) == ("open", {"c2"}, {"c1"})
    assert {t.agency for t in b.tasks.values() if t.state == "routed"} == {t.agency for t in own.values()}


def test_a_merge_of_merges_comes_apart_as_it_was_made(world: World) -> None:
    """Three patients, A into B, B into C: taken apart step by step each has its own ambulance's task again."""
    found = [world.call("medical.trauma", line="120", point=east(3000 * n), after=MIN) for n in range(3)]
    a, b, c = found
    world.do(cmd.Merge(into=b.incident_id), a.incident_id)
    world.do(cmd.Merge(into=c.incident_id), b.incident_id)
    medical = [t.task_id for t in c.tasks.values() if t.agency_class == "medical"]
    assert len(medical) == 3, "two patients shared a mission"
    world.do(cmd.Split(call_ids=["c1"]), c.incident_id)
    assert world.last[1].type == "IncidentOpened", "one call of several that came together opens an incident anew"
    world.do(cmd.Split(call_ids=["c2"]), c.incident_id)
    world.accepted("IncidentReopened", "TaskJoined")
    assert set(b.tasks) >= {f"{a.incident_id}-T1", f"{b.incident_id}-T1"}
    assert digest(world.refold()) == digest(world.state)


def test_a_limit_started_during_a_merge_fires_after_the_split(world: World) -> None:
    """Its task went back; supervision still names the incident in which it began."""
    a = world.call("order.dispute", line="110")
    b = world.call("medical.birth", line="120", point=east(3000))
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Arrive(unit_id="amb"), f"{b.incident_id}-T1")
    clock = next(c for c in a.clocks.values() if c.clock == "feedback")
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id)
    world.now = clock.due_at
    world.do(
        cmd.FireClock(
            incident_id=a.incident_id, clock="feedback", clock_id=clock.clock_id, level="missed", due_at=clock.due_at
        )
    )
    world.accepted("ClockMissed")
    assert world.last[0].subject == b.incident_id
