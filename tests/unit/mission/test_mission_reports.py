"""What the 120 centre tells the incident: each step once, under an id made from the event's, no medical detail."""

from typing import Any

import pytest

from services.ems120.relay import reports
from tests.unit.mission.world import INCIDENT, M1, TASK, World
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import decode_command, encode_event
from tocsin.log.partition import partition_of
from tocsin.log.port import Record
from tocsin.log.topics import URGENT
from tocsin.mission import commands as cmd
from tocsin.mission.fleet import fleet_region
from tocsin.mission.reports import incident_of, report_of
from tocsin.mission.state import EmsState
from tocsin.runtime.clock import Clock


def driven() -> World:
    """Given: a mission driven from its opening to the hand-over."""
    world = World().fleet(a=("BLS", 1))
    world.open()
    for data in (
        cmd.AcknowledgeMission(), cmd.DepartForScene(), cmd.ArriveAtScene(), cmd.ReachPatient(), cmd.LeaveScene(),
        cmd.ArriveAtHospital(), cmd.HandOverPatient(),
    ):  # fmt: skip
        world.later(60).act(data, M1)
    return world


def test_each_step_is_reported_once_on_the_incidents_task() -> None:
    """Assigned … completed with its outcome; the ids repeat for the same events, so that a repeat is known as one."""
    world = driven()
    told = [r for e in world.log if (r := report_of(e)) is not None]
    steps = ["assigned", "acknowledged", "departed", "arrived", "feedback", "completed"]
    assert [r.data.step for r in told] == steps
    assert {(r.target, r.region, r.data.mission_id) for r in told} == {(TASK, "430921", M1)}
    assert (told[-1].data.outcome, told[-1].data.all_ended) == ("transported", True)
    assert len({r.command_id for r in told}) == len(told)
    again = [r for e in world.log if (r := report_of(e)) is not None]
    assert [r.command_id for r in again] == [r.command_id for r in told]


def test_an_arrival_below_the_patients_need_is_reported_as_such() -> None:
    """Given a BLS unit before a cardiac arrest, the incident is told that the suitable unit is still to come."""
    for unit, suitable in (("BLS", False), ("ALS", True)):
        world = World().fleet(a=(unit, 1))
        world.open(kind="medical.cardiac")
        world.act(cmd.ArriveAtScene(), M1)
        told = [r.data for e in world.log if (r := report_of(e)) is not None and r.data.step == "arrived"]
        assert [not r.unsuitable for r in told] == [suitable]


def test_120_called_again_has_the_crew_that_stayed_and_sends_for_who_was_left() -> None:
    """Three hurt, called off while one crew was with its patient, called again: that crew is its, two more are sent.

    The new task hears that they are there, and it ends with them.
    """
    world = World().fleet(a=("BLS", 1), b=("BLS", 2), c=("BLS", 3))
    world.open(victims=3)
    world.act(cmd.ReachPatient(), M1)
    world.act(cmd.CancelMissions(incident_id=INCIDENT, task_id=TASK, cause="person"))
    again = f"{INCIDENT}-T2"
    world.open(task_id=again, victims=3)
    running = {m.mission_id: m.task_id for m in world.state.missions.values() if m.state != "ended"}
    assert running == dict.fromkeys((M1, f"{INCIDENT}-M4", f"{INCIDENT}-M5"), again)
    told = [r for e in world.log if (r := report_of(e)) is not None and r.target == again]
    assert (told[0].data.mission_id, told[0].data.step) == (M1, "arrived")
    assert "task_cancelled" not in world.mission(M1).flags


def test_nobody_is_sent_for_a_task_that_was_called_off() -> None:
    """The crew that stayed hears of what is new; more victims are for whoever calls 120 again."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2))
    world.open()
    world.act(cmd.ReachPatient(), M1)
    world.act(cmd.CancelMissions(incident_id=INCIDENT, task_id=TASK, cause="person"))
    told = world.types(cmd.UpdateScene(incident_id=INCIDENT, victims=3, call_id="c9"))
    assert told == ["SceneUpdated"]
    world.open(task_id=f"{INCIDENT}-T2", victims=3)
    assert len([m for m in world.state.missions.values() if m.state != "ended"]) == 3


def test_120_called_again_for_one_whose_crew_stayed_sends_no_second() -> None:
    """One patient, with a crew: the new task has it, and ends with it."""
    world = World().fleet(a=("BLS", 1), b=("BLS", 2))
    world.open()
    world.act(cmd.ReachPatient(), M1)
    world.act(cmd.CancelMissions(incident_id=INCIDENT, task_id=TASK, cause="person"))
    again = f"{INCIDENT}-T2"
    assert [type(d).__name__ for d in world.open(task_id=again)] == ["MissionTakenOver"]
    world.act(cmd.EndMission(outcome="treated_refused"), M1)
    (ended,) = [r for e in world.log if (r := report_of(e)) is not None and r.data.step == "completed"]
    assert (ended.target, ended.data.all_ended) == (again, True)


def test_a_waiting_mission_is_reported_and_all_ended_counts_the_task() -> None:
    """no_unit for a mission that waits; only the last of a task's missions says that all have ended."""
    world = World().fleet()
    world.open(victims=2)
    assert [r.data.step for e in world.log if (r := report_of(e)) is not None] == ["no_unit", "no_unit"]
    world.act(cmd.CancelMissions(incident_id=INCIDENT))
    ended = [r.data.all_ended for e in world.log if (r := report_of(e)) is not None and r.data.step == "completed"]
    assert ended == [False, True]


def test_reports_go_to_the_partition_of_the_incidents_region() -> None:
    """A neighbour's incident is served by our fleet; its report goes back to where the incident is decided."""
    world = World().fleet(a=("BLS", 1))
    world.open("430623-20260405-000003")
    cause = reports(6, Clock())
    record: Any = Record("t", 0, 0, None, None, (), 0)
    sent = [a for e in world.log for a in cause(EmsState(), EventHead(encode_event(e)), record)]
    assert {(a.topic, a.partition, a.key) for a in sent} == {(URGENT.name, partition_of("430623", 6), b"430623")}
    assert decode_command(sent[0].value or b"").data.step == "assigned"


@pytest.mark.parametrize(
    ("region", "served"), [("430921", "430921"), ("430623", "430921"), ("000000", "430921"), ("999999", "430921")]
)
def test_every_region_has_a_fleet(region: str, served: str) -> None:
    """Our own, a neighbour's by who serves it, the command centre's and an unknown one by the default."""
    assert fleet_region(World().policy, region) == served


def test_a_missions_incident_is_in_its_id() -> None:
    """The id without its number."""
    assert incident_of(f"{INCIDENT}-M12") == INCIDENT
