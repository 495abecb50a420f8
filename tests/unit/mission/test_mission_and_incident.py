"""Incidents and ambulances together: what the relays carry between them, in any history of acts on either side.

The incident side decides which patients 120 has to serve, the 120 centre who drives. After each act and all it causes
on both sides: nobody drives for nothing, no open medical task is without a mission, exercises stay apart.
"""

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.router.causes import Causes
from tests.unit.incident.world import MIN, REGION, World, east, of, person, policy
from tests.unit.mission.world import World as Centre
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import decode_command, encode_event
from tocsin.incident import commands as cmd
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.state import Incident, Task
from tocsin.log.port import Record
from tocsin.log.topics import INCIDENT_EVENTS
from tocsin.mission import commands as crew
from tocsin.mission.reports import report_of
from tocsin.runtime.clock import Clock

RECORD = Record(INCIDENT_EVENTS.name, 0, 1, None, b"", (), 0)
CALLS = (
    ("120", "medical.trauma"), ("120", "medical.cardiac"), ("119", "fire.building"), ("122", "traffic.injury"),
    ("122", "traffic.damage"),
)  # fmt: skip
OUTCOMES = ("no_patient", "refused", "cancelled_enroute", "cancelled_before", "treated_refused")
WITH_PATIENT = ("with_patient", "transporting", "at_hospital")
ROUNDS_MAX = 50


class Both:
    """A county's incidents and its 120 centre, with the relays of both."""

    def __init__(self, seed: int) -> None:
        self.pick, self.world, self.centre = random.Random(seed), World(), Centre()
        self.centre.now = self.world.now
        self.centre.fleet(u1=("ALS", 1), u2=("BLS", 2), u3=("BLS", 3))
        self.causes = Causes(6, policy, Clock())
        self.relayed, self.reported = 0, len(self.centre.log)

    def step(self) -> None:
        """One act, all that it causes, and what must hold then."""
        self._act()
        self.relay()
        self.holds()

    def relay(self) -> None:
        """Both ways, in order, until nothing is left to carry."""
        for _ in range(ROUNDS_MAX):
            if not (self._down() or self._up()):
                return
        raise AssertionError("the two sides never come to rest")

    def _down(self) -> bool:
        before = self.relayed
        for e in self.world.events[before:]:
            self.relayed += 1
            self.centre.now = self.world.now
            for sent in self.causes.ambulances(self.world.state, EventHead(encode_event(e)), RECORD):
                c = decode_command(sent.value or b"")
                self.centre.act(c.data, c.target, actor=c.actor, exercise=self.world.incident(e.subject).exercise)
        return self.relayed > before

    def _up(self) -> bool:
        before = self.reported
        for e in self.centre.log[before:]:
            self.reported += 1
            report = report_of(e)
            if report is not None:
                self.world.do(report.data, report.target)
        return self.reported > before

    def holds(self) -> None:
        """Each running mission has a task that wants it, each open medical task a mission that runs."""
        region = self.world.state.regions.get(REGION)
        here = list(region.incidents.values()) if region is not None else []
        tasks = {t.task_id: (i, t) for i in here for t in i.tasks.values() if t.agency_class == "medical"}
        running = [m for m in self.centre.state.missions.values() if m.state != "ended"]
        for m in running:
            i, task = tasks[m.task_id]
            assert task.state not in ENDED or m.state in WITH_PATIENT, f"{m.mission_id} is {m.state} for nobody"
            assert i.exercise == m.exercise, "an exercise's ambulance for a live matter, or the other way round"
        driven = {m.task_id for m in running}
        for task_id, (i, task) in tasks.items():
            waits = task.state not in ENDED and i.state == "open"
            assert not waits or task_id in driven, f"{task_id} is {task.state}, and nobody comes"

    def _act(self) -> None:
        pick, region = self.pick, self.world.state.regions.get(REGION)
        what = pick.random()
        if region is None or what < 0.2:
            line, kind = pick.choice(CALLS)
            self.world.call(
                kind, line=line, point=east(pick.choice((0, 30, 3000, 6000)), pick.choice((0, 4000))),
                after=pick.choice((0, 5000, MIN)), victims=pick.choice((None, None, 1, 2, 3)),
                exercise=pick.random() < 0.1,
            )  # fmt: skip
            return
        all_ = list(region.incidents.values())
        open_ = [i for i in all_ if i.state == "open"] or all_
        i, other = pick.choice(open_), pick.choice(open_)
        if what < 0.5:
            self._crews()
        elif what < 0.7:
            self.world.do(self._put_together(i, other), i.incident_id, after=pick.choice((0, 1000)))
        elif what < 0.9:
            self._on_task(list(i.tasks.values()))
        else:
            acts: list[Any] = [
                cmd.Reclassify(kind=pick.choice(("fire.building", "traffic.injury", "medical.trauma")), reason="~r"),
                cmd.SetPriority(priority=1, reason="~r"), cmd.Route(agency="nanxian-120"), cmd.Close(),
                cmd.InformCaller(result="told"), cmd.Reopen(reason="~r"),
            ]  # fmt: skip
            self.world.do(pick.choice(acts), i.incident_id)

    def _put_together(self, i: Incident, other: Incident) -> Any:
        pick = self.pick
        came: dict[str, list[str]] = {}
        for name, link in i.links.items():
            came.setdefault(link.former, []).append(name)
        call = pick.choice(list(i.links) or ["x"])
        return pick.choice([
            cmd.Merge(into=other.incident_id), cmd.Merge(into=other.incident_id), cmd.UnlinkCall(call_id=call),
            cmd.Split(call_ids=pick.choice(list(came.values()) or [["x"]])), cmd.Split(call_ids=[call]),
            cmd.LinkCall(call_id=pick.choice(list(other.links) or ["x"])),
        ])  # fmt: skip

    def _on_task(self, tasks: list[Task]) -> None:
        if not tasks:
            return
        t = self.pick.choice([t for t in tasks if t.agency_class == "medical"] or tasks)
        act = self.pick.choice([
            cmd.Cancel(reason="~r"), cmd.Complete(result="~r"), cmd.Transfer(to="nanxian-redcross"), cmd.Accept(),
            cmd.Return(code="area"), cmd.GrantReturn(), cmd.RefuseReturn(reason="~r"),
        ])  # fmt: skip
        self.world.do(act, t.task_id, self.pick.choice((person(), of(t.offered_to or t.held_by))))

    def _crews(self) -> None:
        pick, state = self.pick, self.centre.state
        self.world.now += pick.choice((0, 1000, 31_000))
        self.centre.now = self.world.now
        missions = [m for m in state.missions.values() if m.state != "ended"]
        if missions:
            m = pick.choice(missions)
            acts: list[Any] = [
                crew.AcknowledgeMission(), crew.DepartForScene(), crew.ArriveAtScene(), crew.ReachPatient(),
                crew.LeaveScene(), crew.HandOverPatient(), crew.HandOverPatient(), crew.RefuseMission(),
                crew.EndMission(outcome=pick.choice(OUTCOMES)),
                crew.MissionClock(mission_id=m.mission_id, attempt=m.attempt, due_at=0),
            ]  # fmt: skip
            self.centre.act(pick.choice(acts), m.mission_id, exercise=m.exercise)
        for u in list(state.units.values()):
            if u.state == "returning" and pick.random() < 0.3:
                self.centre.act(crew.MakeAvailable(), u.unit_id)


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whoever_needs_an_ambulance_has_one_and_nobody_else(seed: int) -> None:
    """Forty acts of callers, desks, agencies and crews: see the module."""
    both = Both(seed)
    for _ in range(40):
        both.step()
