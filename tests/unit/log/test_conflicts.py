"""A known id with another body, exercises, and what a router keeps of the policy put in force."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from services.router.app import Router
from services.router.causes import Causes
from services.router.kernel import RouterKernel
from services.router.orders import orders
from services.router.policies import Policies
from tests.unit.incident.world import MIN, World, east
from tests.unit.log.test_router_kernel import HOME, NOON, REGION, County
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import decode_command, decode_value, encode_command, encode_event
from tocsin.envelope import Command, Draft, Source
from tocsin.incident import commands as cmd
from tocsin.incident.commands import ActivatePolicy
from tocsin.incident.events import NoteAdded
from tocsin.incident.show import MEDICAL_HIDDEN
from tocsin.incident.state import is_exercise
from tocsin.incident.view import Dispatch
from tocsin.log.decider import Decider
from tocsin.log.fold import Fold
from tocsin.log.ledger import Head
from tocsin.log.port import Record
from tocsin.log.stamp import Origin, stamp
from tocsin.log.topics import INCIDENT_EVENTS
from tocsin.mission.commands import CancelMissions, UpdateScene
from tocsin.outcomes import CommandRepeated
from tocsin.policy.activate import Active, keep_policy, mark_active, marked_active
from tocsin.policy.load import load_policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings
from tocsin.runtime.web import create_app
from tocsin.text.model import MANIFEST, WEIGHTS, Trained, open_model, save_model
from tocsin.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    """Made once: sealing a day of calls takes a while."""
    return County(tmp_path_factory.mktemp("conflicts"))


def other_body(record: Record, offset: int) -> Record:
    """The same call id, told otherwise."""
    command = decode_command(record.value or b"")
    call = msgspec.structs.replace(command.data.call, body_hash="another")
    data = msgspec.structs.replace(command.data, call=call)
    return record._replace(offset=offset, value=encode_command(msgspec.structs.replace(command, data=data)))


@pytest.mark.parametrize("together", [True, False])
def test_invariant_2_a_known_call_id_with_another_body_is_for_a_person(county: County, together: bool) -> None:
    """CallConflict and a review, in one batch or two; an equal body is a repeat; all events have ids of their own."""
    first = county.records[0]
    records = [first, other_body(first, 900), first._replace(offset=901)]
    fold = Fold(county.kernel, HOME)
    decider = Decider(county.kernel, fold, partitions=6, trust_clock=False, poisoned={})
    outs = [decider.decide(records)] if together else [decider.decide([r]) for r in records]
    events = [e for out in outs for e in out.events]
    types = [e.type for e in events]
    waits = types[types.index("CallConflict") :]
    assert waits in (
        ["CallConflict", "ReviewRequested", "ClockStarted", "CommandRepeated"], ["CallConflict", "CommandRepeated"],
    )  # fmt: skip
    assert isinstance(events[-1].data, CommandRepeated)
    assert len({e.event_id for e in events}) == len(events)
    incident = fold.state.regions[events[0].region].incidents[events[0].subject]
    assert "call_conflict" in incident.review
    assert not [s for out in outs for s in out.stages]


def test_invariant_10_events_of_an_exercise_say_so_whatever_the_command_said() -> None:
    """What is known of the subject holds over the command's word, both ways; without a subject the command's word."""
    origin = Origin(command_id="c", region="430921", source=Source(), recorded_at=1, policy="", exercise=False)
    drafts = [Draft(subject=s, data=NoteAdded(text="n")) for s in ("drill", "live", "")]
    known = {"drill": True, "live": False}
    stamped, _ = stamp(origin, drafts, Head(), lambda _: 0, lambda d: known.get(d.subject))
    assert [s.event.exercise for s in stamped] == [True, False, False]
    drilled = msgspec.structs.replace(origin, exercise=True)
    stamped, _ = stamp(drilled, drafts, Head(), lambda _: 0, lambda d: known.get(d.subject))
    assert [s.event.exercise for s in stamped] == [True, False, True]


def test_invariant_10_the_state_says_which_incident_is_an_exercise(county: County) -> None:
    """Every event of the seeded day's exercise carries the mark; no live one does."""
    fold, decided = county.decide(50)
    for out in decided:
        for event in out.events:
            if event.subject:
                draft = Draft(subject=event.subject, data=event.data)
                assert event.exercise == is_exercise(fold.state, draft)


def changed(folder: Path) -> Path:
    """The sample policy, named otherwise."""
    shutil.copytree(Settings(policy_dir=None).policy_path, folder)
    main = folder / "policy.toml"
    main.write_text(main.read_text(encoding="utf-8").replace('version = "', 'version = "changed-'), encoding="utf-8")
    return folder


def test_a_policy_put_in_force_survives_a_restart_until_the_settings_change(tmp_path: Path) -> None:
    """The committed event marks it; a new process goes by it; another policy in the settings ends that."""
    sample, kept = Settings(policy_dir=None).policy_path, tmp_path / "policies"
    other = load_policy(changed(tmp_path / "other"))
    policies = Policies(kept, sample)
    settled = policies.present.hash
    shutil.copytree(tmp_path / "other", kept / other.hash.removeprefix("sha256:"))
    policies.activated(other.hash)
    assert policies.present.hash == other.hash
    assert Policies(kept, sample).present.hash == other.hash
    assert marked_active(kept) == Active(policy=other.hash, over=settled)
    assert Policies(kept, tmp_path / "other").present.hash == other.hash
    assert Policies(kept, sample).present.hash == settled


def test_a_policy_nobody_kept_here_is_refused_and_the_old_one_stands(tmp_path: Path, county: County) -> None:
    """Asked for from a machine whose copies this router does not see: refused aloud, not put in force by name alone.

    Once it is kept here, the same is accepted.
    """
    sample, kept = Settings(policy_dir=None).policy_path, tmp_path / "policies"
    policies = Policies(kept, sample)
    kernel = RouterKernel(policies, county.keyring, lambda _: county.enricher)
    other = load_policy(changed(tmp_path / "other"))
    state = kernel.initial()
    command = Command(command_id="policy:1", region=REGION, data=ActivatePolicy(policy=other.hash))

    def decided() -> Any:
        [facts] = kernel.prepare(state, [(command, NOON)])
        return kernel.decide(state, command, facts)[0].data

    refused = decided()
    assert (type(refused).__name__, refused.code) == ("CommandRefused", "policy_unknown")
    assert policies.get(other.hash).hash == policies.present.hash
    keep_policy(tmp_path / "other", other, tmp_path)
    assert type(decided()).__name__ == "PolicyActivated"
    assert policies.get(other.hash).hash == other.hash


def test_a_marker_for_a_policy_that_is_not_kept_changes_nothing(tmp_path: Path) -> None:
    """The settings' policy stays in force; so it does under a marker that cannot be read."""
    sample, kept = Settings(policy_dir=None).policy_path, tmp_path / "policies"
    settled = Policies(kept, sample).present.hash
    mark_active(kept, Active(policy="sha256:gone", over=settled))
    assert Policies(kept, sample).present.hash == settled
    (kept / "active").write_text("garbage")
    assert Policies(kept, sample).present.hash == settled


async def test_a_corrupt_model_leaves_the_lexicon_and_readiness_says_why(tmp_path: Path, county: County) -> None:
    """No model, a warning in readiness, and ready all the same: a model must not stop calls."""
    (tmp_path / "manifest.json").write_text("{")
    model, fault = open_model(tmp_path, county.policies.present)
    assert model is None
    assert "lexicon alone" in fault
    app = create_app("router", secret=b"s" * 32, ready=[lambda: None], warn=[lambda: fault, lambda: None])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://router") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "reasons": [], "warnings": [fault]}


def test_orders_to_others_than_120_hold_no_patients_words(county: County) -> None:
    """A 120 call on a crash: the ambulance's order has its words, traffic's on its own topic has not."""
    world = World()
    crash = world.call("traffic.injury", line="122")
    assert world.call("medical.trauma", line="120", after=1000) is crash
    county.keyring.ensure_now(["p"])
    sealed = county.keyring.seal("p", json.dumps({"text": "心脏病史"}))
    calls = world.state.regions["430921"].calls
    record = msgspec.structs.replace(calls["c2"].record, private=sealed)
    calls["c2"] = msgspec.structs.replace(calls["c2"], record=record)
    sent = orders(world.state, world.last, world.policy.kinds, county.keyring.unseal)
    told = {o.agency: o.incident.calls[1].text for o in (decode_value(Dispatch, a.value or b"") for a in sent)}
    assert told == {"nanxian-120": "心脏病史", "nanxian-traffic": MEDICAL_HIDDEN}


async def test_the_router_itself_warns_of_a_model_of_another_version(tmp_path: Path) -> None:
    """Settings → router → /readyz: the lexicon alone decides from the start, and the reason is under warnings."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / MANIFEST).write_text('{"format": 2}')
    (tmp_path / "model" / WEIGHTS).write_bytes(b"of an earlier version")
    router = Router(Settings(data_dir=tmp_path / "data", model_dir=tmp_path / "model"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=router.app()), base_url="http://router") as client:
        said = (await client.get("/readyz")).json()
    router.keyring.close()
    assert len(said["warnings"]) == 1
    assert "lexicon alone" in said["warnings"][0]
    assert "another version (format 2); this Tocsin reads format 3" in said["warnings"][0]
    assert "tocsin train FILE" in said["warnings"][0]
    assert (said["policy"], said["model"]) == (router.policies.present.hash, None)


async def test_readiness_says_which_policy_and_model_are_in_force(tmp_path: Path) -> None:
    """So that whoever trained one sees that it is asked."""
    vocabulary = Vocabulary.known(np.arange(100, 200, dtype=np.uint32), np.ones(100))
    weights = np.zeros((len(vocabulary.keys), 2), np.float32)
    trained = Trained(["fire.building", "service.urban"], vocabulary, weights, np.zeros(2, np.float32), 1.0, 2)
    version = save_model(trained, tmp_path / "model")
    router = Router(Settings(data_dir=tmp_path / "data", model_dir=tmp_path / "model"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=router.app()), base_url="http://router") as client:
        said = (await client.get("/readyz")).json()
    router.keyring.close()
    assert (said["warnings"], said["model"]) == ([], version)


def test_an_agency_whose_task_joined_another_incident_is_told(county: County) -> None:
    """After a merge the order names the incident the task now serves, by the event that moved it."""
    world = World()
    one = world.call("fire.building")
    other = world.call("medical.cardiac", line="120", point=east(3000))
    world.do(cmd.Merge(into=one.incident_id, reason="~same"), other.incident_id).accepted(
        "TaskJoined", "IncidentMerged"
    )
    joined = {e.data.task_id: e for e in world.last if e.type == "TaskJoined"}
    sent = orders(world.state, world.last, world.policy.kinds, county.keyring.unseal)
    told = {o.task_id: o for o in (decode_value(Dispatch, a.value or b"") for a in sent)}
    assert joined
    for task_id, event in joined.items():
        order = told[task_id]
        assert (order.action, order.incident_id, order.event_id) == ("update", one.incident_id, event.event_id)


@pytest.mark.parametrize(
    ("kind", "line", "marked", "hidden"),
    [("crime.domestic", "110", False, True), ("medical.trauma", "12345", True, True),
     ("medical.trauma", "12345", False, False), ("medical.trauma", "120", True, False)],
)  # fmt: skip
def test_a_mission_is_told_whether_its_caller_is_confidential(
    county: County, kind: str, line: str, marked: bool, hidden: bool
) -> None:
    """Marked, or by the kind; never hidden from 120 where 120 itself took the call."""
    world = World()
    i = world.call(kind, line=line, raises=["injured"] if kind.startswith("crime") else [])
    call = world.state.regions["430921"].calls["c1"]
    call.record = msgspec.structs.replace(call.record, private="~x", confidential=marked)
    causes = Causes(6, lambda: county.policies.present, Clock())
    record = Record(INCIDENT_EVENTS.name, HOME, 1, None, b"", (), 0)
    routed = [e for e in world.events if e.type == "TaskRouted" and e.data.agency_class == "medical"]
    sent = [a for e in routed for a in causes.ambulances(world.state, EventHead(encode_event(e)), record)]
    opened = [decode_command(a.value or b"").data for a in sent]
    assert [o.confidential for o in opened] == [hidden], i.kind


def told_to_120(world: World, county: County) -> list[object]:
    """What the 120 centre is sent for the last command's events."""
    causes = Causes(6, lambda: county.policies.present, Clock())
    record = Record(INCIDENT_EVENTS.name, HOME, 1, None, b"", (), 0)
    sent = [a for e in world.last for a in causes.ambulances(world.state, EventHead(encode_event(e)), record)]
    return [decode_command(a.value or b"").data for a in sent]


def test_the_centre_hears_what_a_further_call_says_of_the_patient(county: County) -> None:
    """The second caller's words go along with the new priority: the triage is made of both."""
    world = World()
    world.call("medical.other", line="120", caller="k-one", priority=2)
    world.call("medical.other", line="120", caller="k-one", priority=1, raises=["unconscious"], after=MIN)
    told = [d for d in told_to_120(world, county) if isinstance(d, UpdateScene)]
    assert told
    assert {(d.priority, *d.raises) for d in told} == {(1, "unconscious")}


def test_a_persons_relation_across_a_border_is_sent_there_once(county: County) -> None:
    """As an answer to a probe is, but by a person; what comes of it there is not sent back, nor one within a region."""
    world, there = World(), "430623-20260408-000001"
    one, other = world.call(), world.call("service.urban", line="12345")
    causes, record = (
        Causes(6, lambda: county.policies.present, Clock()),
        Record(INCIDENT_EVENTS.name, HOME, 1, None, b"", (), 0),
    )

    def sent() -> list[object]:
        found = [a for e in world.last for a in causes.borders(world.state, EventHead(encode_event(e)), record)]
        return [(c.region, c.exercise, c.data) for c in (decode_command(a.value or b"") for a in found)]

    world.do(cmd.Relate(to=there, reason="~r"), one.incident_id).accepted("IncidentsRelated")
    told = cmd.SuggestRelation(incident_id=there, to=one.incident_id, score=1.0, by_person=True)
    assert sent() == [("430623", False, told)]
    world.do(cmd.Relate(to=other.incident_id), one.incident_id).accepted("IncidentsRelated")
    assert sent() == []
    world.do(msgspec.structs.replace(told, incident_id=other.incident_id, to=there)).accepted("IncidentsRelated")
    assert sent() == []


def test_who_was_called_off_hears_no_more_of_a_task_that_a_split_moves(county: County) -> None:
    """Called off in the survivor, then the merge is undone: no order takes the withdrawal back; who works is told."""
    world = World()
    a, b = world.call(), world.call("crime.reported", line="110", point=east(3000))
    water = f"{b.incident_id}-T2"
    world.do(cmd.Route(agency="nanxian-water"), b.incident_id).accepted("TaskRouted")
    world.do(cmd.Merge(into=a.incident_id), b.incident_id)
    world.do(cmd.Cancel(reason="~r"), water).accepted("TaskCancelled")
    world.do(cmd.Split(call_ids=["c2"]), a.incident_id).accepted("TaskJoined")
    assert b.tasks[water].state == "cancelled"
    sent = [
        decode_value(Dispatch, x.value or b"")
        for x in orders(world.state, world.last, county.policies.present.kinds, lambda _: None)
    ]
    assert water not in {o.task_id for o in sent}
    assert {o.action for o in sent if o.incident_id == b.incident_id} <= {"route", "update"}
    assert {o.agency for o in sent if o.incident_id == b.incident_id} == {"nanxian-police"}


def test_a_merge_takes_no_mission_out_of_reach(county: County) -> None:
    """The crew of a patient whose incident went into another hears of a corrected place, and is called off.

    The 120 centre knows a mission by the incident it was opened for, whatever incident its task serves by now.
    """
    world = World()
    one = world.call("fire.building")
    other = world.call("medical.cardiac", line="120", point=east(3000))
    world.do(cmd.Merge(into=one.incident_id), other.incident_id)
    moved = f"{other.incident_id}-T1"
    world.do(
        cmd.CorrectLocation(location=cmd.GivenLocation(point=east(500)), reason="~r", place=other.place),
        one.incident_id,
    ).accepted("LocationCorrected")
    scenes = {s.task_id: s for s in told_to_120(world, county) if isinstance(s, UpdateScene)}
    assert scenes[moved].incident_id == other.incident_id
    assert scenes[moved].victims is None, "the survivor's victims would be counted as this patient's"
    assert scenes[f"{one.incident_id}-T3"].incident_id == one.incident_id
    world.do(cmd.Cancel(reason="~r"), moved).accepted("TaskCancelled")
    assert told_to_120(world, county) == [CancelMissions(incident_id=other.incident_id, task_id=moved, cause="person")]


def test_a_merge_sends_no_second_ambulance_to_the_same_patients(county: County) -> None:
    """Three hurt, each with a mission, go into an incident with one: its own task is not told of those three.

    What a further call adds beyond them is told.
    """
    world = World()
    one = world.call("fire.building", victims=1)
    other = world.call("medical.trauma", line="120", point=east(3000), victims=3)
    moved, own = f"{other.incident_id}-T1", f"{one.incident_id}-T3"
    for n in range(3):
        world.do(cmd.ReportMission(mission_id=f"m{n}", step="acknowledged"), moved)
    world.do(cmd.Merge(into=one.incident_id), other.incident_id)
    assert one.victims == 3
    told = [s.victims for s in told_to_120(world, county) if isinstance(s, UpdateScene) and s.task_id == own]
    assert set(told) == {None}, "three ambulances more for three patients who have theirs"
    assert world.call("fire.building", victims=5, after=MIN) is one
    told = [s.victims for s in told_to_120(world, county) if isinstance(s, UpdateScene) and s.task_id == own]
    assert set(told) == {2}


def test_a_medical_task_that_a_person_ends_sends_nobody(county: County) -> None:
    """Its missions that have no patient yet end; a task that its missions ended calls nobody off."""
    world = World()
    i = world.call("medical.cardiac", line="120")
    task = f"{i.incident_id}-T1"
    world.do(cmd.Complete(result="~r"), task).accepted("TaskCompleted")
    assert [type(s) for s in told_to_120(world, county)] == [CancelMissions]
    again = world.call("medical.cardiac", line="120", point=east(5000))
    report = cmd.ReportMission(mission_id="m1", step="completed", outcome="transported", all_ended=True)
    world.do(report, f"{again.incident_id}-T1").accepted("TaskCompleted")
    assert told_to_120(world, county) == []
