"""Invariants over random histories: the fold replays, steps never go back, every call has a home."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.incident.world import MIN, World, east, of, person
from tocsin.envelope import Actor
from tocsin.incident import commands as cmd
from tocsin.incident.clocks import LIVE
from tocsin.incident.digest import digest, region_digest
from tocsin.incident.events import CallRecorded
from tocsin.incident.evolve import evolve
from tocsin.incident.fold import apply
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.state import Incident, PartitionState, RegionState

KINDS = [
    ("119", "fire.building"), ("122", "traffic.injury"), ("122", "traffic.damage"), ("120", "medical.trauma"),
    ("110", "order.dispute"), ("110", "invalid.silent"), ("12345", "service.urban"), ("12345", "unknown"),
]  # fmt: skip
ACTORS = [person(), person("call_taker"), person("hotline"), of("nanxian-fire"), of("nanxian-police"), Actor()]
LEVELS = ("warning", "missed", "red")


def act(world: World, pick: random.Random, region: str) -> None:
    """One random command: a call, or an act on something that is there (or is not)."""
    here = world.state.regions.get(region)
    incidents = list(here.incidents.values()) if here else []
    if not incidents or pick.random() < 0.3:
        line, kind = pick.choice(KINDS)
        world.call(
            kind, line=line, region=region,
            call_id=f"{region}-{len(world.events)}" if pick.random() < 0.95 else "again",
            point=east(pick.choice((0, 30, 150, 5000)), pick.choice((0, 4000))), after=pick.choice((0, 5000, 10 * MIN)),
            caller=pick.choice(("", "", "k")), exercise=pick.random() < 0.1, body=str(pick.random()),
            matters=["crime.reported"] if not kind.startswith("invalid") and pick.random() < 0.1 else [],
            human=pick.random() < 0.2,
        )  # fmt: skip
        return
    i = pick.choice(incidents)
    other = pick.choice(incidents).incident_id
    task = pick.choice([*i.tasks, f"{i.incident_id}-T9"])
    call = pick.choice([*here.calls, "none"]) if here else "none"
    clock = pick.choice([*i.clocks, "none"])
    agency = pick.choice(("nanxian-fire", "nanxian-police", "nanxian-gas", "nanxian-urban", "nowhere"))
    by_incident: list[Any] = [
        cmd.Note(text="~n"), cmd.InformCaller(result="told"), cmd.Close(), cmd.Reopen(reason="~r"),
        cmd.Merge(into=other),
        cmd.LinkCall(call_id=call), cmd.UnlinkCall(call_id=call), cmd.Split(call_ids=[call]), cmd.Relate(to=other),
        cmd.DismissSuggestion(call_id=call), cmd.Reclassify(kind="fire.vehicle", reason="~r"),
        cmd.Route(agency=agency, role=pick.choice(("lead", "joint"))),
        cmd.SetPriority(priority=pick.choice((1, 4)), reason="~r"), cmd.FollowUp(solved=pick.random() < 0.5),
        cmd.RequestInformation(missing=["x"]), cmd.ProvideInformation(), cmd.Supervise(reason="~r"),
        cmd.CorrectLocation(location=cmd.GivenLocation(point=east(pick.choice((0, 5000)))), reason="~r"),
        cmd.Merge(into=other), cmd.Split(call_ids=[n for n, x in i.links.items() if x.former]),
        cmd.UnlinkCall(call_id=next(reversed(i.links), "none")), cmd.ThreeWay(),
        cmd.Settle(agency=pick.choice(("nanxian-police", "nanxian-hotline"))),
    ]  # fmt: skip
    by_task: list[Any] = [
        cmd.Acknowledge(), cmd.Accept(), cmd.DispatchUnit(unit_ids=["u"]), cmd.Arrive(), cmd.Feedback(),
        cmd.Cancel(reason="~r"),
        cmd.Complete(result="~r"), cmd.Complete(result="~r"), cmd.Return(code="area"), cmd.GrantReturn(),
        cmd.Pause(reason="~r"),
        cmd.RefuseReturn(reason="~r"), cmd.Transfer(to=agency), cmd.Decline(), cmd.Resume(),
        cmd.ExtendDeadline(until=world.now + 10**9, reason="~r"),
        cmd.ReportMission(mission_id="m", step=pick.choice(("departed", "arrived", "completed")), all_ended=True),
    ]  # fmt: skip
    by_call: list[Any] = [cmd.CloseCall(reason="nuisance"), cmd.CallBack(result="answered"), cmd.Rate(score=4)]
    fired = cmd.FireClock(
        incident_id=i.incident_id, clock="arrive", clock_id=clock, level=pick.choice(LEVELS), due_at=0
    )
    group, target = pick.choice(((by_incident, i.incident_id), (by_task, task), (by_call, call), ([fired], "")))
    seen = pick.choice((None, None, None, i.version))
    after = pick.choice((0, 1000, 40_000, 90 * MIN))
    world.do(
        pick.choice(group), target, pick.choice(ACTORS[:1] * 4 + ACTORS), after=after, region=region, expected=seen
    )


def check(world: World) -> None:
    """What must hold after any history."""
    assert digest(world.refold()) == digest(world.state), "replay differs from live"
    versions: dict[str, int] = {}
    readers: dict[str, Incident] = {}
    ranks: dict[str, int] = {}
    for e in world.events:
        if not e.subject:
            continue
        assert e.version == versions.get(e.subject, 0) + 1, "versions have a gap"
        versions[e.subject] = e.version
        reader = readers[e.subject] = apply(readers.get(e.subject), e)
        for t in reader.tasks.values():
            rank = RANK.get(t.state, 9)
            assert rank >= ranks.get(t.task_id, 0), f"{t.task_id} went back"
            ranks[t.task_id] = rank
    for region in world.state.regions.values():
        for call_id, call in region.calls.items():
            assert call.incident_ids, f"{call_id} is in no incident"
            for incident_id in call.incident_ids:
                assert call_id in region.incidents[incident_id].links
        homes = [t for i in region.incidents.values() for t in i.tasks]
        assert len(homes) == len(set(homes)), "a task stands in two incidents"
        for incident_id, incident in region.incidents.items():
            running = [t.task_id for t in incident.tasks.values() if t.state not in ENDED]
            assert incident.state != "merged" or not running, "work was left behind in a merged incident"
            leads = [t for t in incident.tasks.values() if t.role == "lead" and t.state not in ENDED]
            assert len(leads) <= 1, leads
            assert incident == readers[incident_id], "a reader's fold differs from the owner's"
            drills = {region.calls[c].record.exercise for c in incident.links if c in region.calls}
            assert drills <= {incident.exercise}, "an exercise mixed with live (invariant 10)"
            near = [region.incidents[n] for n in incident.related if n in region.incidents]
            assert {i.exercise for i in near} <= {incident.exercise}, "an exercise related to live (invariant 10)"
            assert incident.state == "open" or not incident.three_way, "a three-way ended without a word"
            if incident.state != "merged":
                check_file(region, incident)


def check_file(region: RegionState, incident: Incident) -> None:
    """What must hold of an incident that stands by itself: nothing runs on without work, nothing waits unlimited."""
    for call_id in incident.links:
        assert incident.incident_id in region.calls[call_id].incident_ids, f"{call_id} has left and is still listed"
    for c in incident.clocks.values():
        owner = incident.tasks.get(c.task_id)
        over = c.task_id and (owner is None or owner.state in ENDED)
        assert c.state not in ("running", "paused") or not over, f"{c.clock_id} runs on without work"
    if incident.state == "closed":
        assert all(t.state in ENDED for t in incident.tasks.values()), "work goes on in a closed incident"
        return
    waits = {c.clock for c in incident.clocks.values() if c.state in LIVE and not c.task_id}
    assert not incident.review or "review" in waits, f"{incident.review} waits without a limit"
    calls = [region.calls[n] for n in incident.links]
    reached = {c.record.caller_token for c in calls if c.called_back}
    silent = [c for c in calls if c.understanding.kind in ("invalid.silent", "invalid.dropped")]
    owed = [c for c in silent if not c.called_back and not c.closed and c.record.caller_token not in reached]
    assert not owed or "callback" in waits, "a silent call waits without a limit"


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_invariant_5_replay_equals_live_for_any_history(seed: int) -> None:
    """Random commands on one region: replay, versions, steps, homes of calls, readers' folds, exercises."""
    world, pick = World(), random.Random(seed)
    for _ in range(60):
        act(world, pick, "430921")
    check(world)


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_invariant_5_regions_do_not_touch_each_other(seed: int) -> None:
    """Two regions' events folded interleaved, or one after the other: the same state of each, and of the partition."""
    world, pick = World(), random.Random(seed)
    for _ in range(60):
        act(world, pick, pick.choice(("430921", "430623")))
    check(world)
    apart = PartitionState()
    for region in ("430623", "430921"):
        for e in world.events:
            if e.region == region:
                evolve(apart, e)
    assert digest(apart) == digest(world.state)
    for name, region in world.state.regions.items():
        if region.incidents:
            assert region_digest(apart.regions[name]) == region_digest(region)


def test_invariant_2_every_command_leaves_at_least_one_event() -> None:
    """Over a long random history: no command without an event, and every call recorded exactly once."""
    world, pick = World(), random.Random(7)
    for _ in range(400):
        before = len(world.events)
        act(world, pick, "430921")
        assert len(world.events) > before
    recorded = [e.data.call.call_id for e in world.events if isinstance(e.data, CallRecorded)]
    assert len(recorded) == len(set(recorded))
    check(world)


_HASHES = """
import random
from tests.unit.incident.test_replay import act
from tests.unit.incident.world import World
from tocsin.incident.clocks import LIVE
from tocsin.incident.digest import digest
world, pick = World(), random.Random(11)
for _ in range(150):
    act(world, pick, "430921")
print(digest(world.state).hex())
"""


def test_invariant_4_decisions_do_not_depend_on_the_hash_seed() -> None:
    """The same history decided and folded under three PYTHONHASHSEEDs: one digest."""
    root = Path(__file__).parents[3]
    digests = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", _HASHES], cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        digests.add(done.stdout.strip())
    assert len(digests) == 1
