"""What each event makes of the state. Pure, total, in place; reads no policy and no clock (invariants 4 and 5)."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tocsin.envelope import Event, Ms
from tocsin.mission import events as ev
from tocsin.mission.state import Board, Hospital, IncidentMissions, Mission, Unit
from tocsin.mission.values import CALLED_OFF, LIVE_CALL, NO_BED, MissionState, Step, UnitState
from tocsin.outcomes import CommandNoted, CommandRefused, CommandRepeated, PolicyActivated
from tocsin.place import Point


class On(NamedTuple):
    """What an event is about and when: `at` is when it was recorded."""

    subject: str
    region: str
    occurred_at: Ms
    at: Ms


QUIET = (CommandRefused, CommandRepeated, CommandNoted)
"""Outcomes that changed nothing: they count as events of their subject, but never as an act that conflicts."""

Apply = Callable[[Board, Any, On], None]


def evolve(state: Board, event: Event[Any]) -> None:
    """Takes one event into the state: its content, then its subject's version (which counts every event of it)."""
    apply(state, event.data, On(event.subject, event.region, event.occurred_at, event.recorded_at))
    held = state.missions.get(event.subject) or state.units.get(event.subject) or state.hospitals.get(event.subject)
    if held is not None:
        held.version = event.version
        held.updated_at = event.recorded_at
        if event.actor.counts and not isinstance(event.data, QUIET):
            held.act_version = event.version


def apply(state: Board, data: Any, on: On) -> None:
    """An event's content alone: what `decide` uses to look ahead. Outcomes that change nothing pass."""
    found = _APPLY.get(type(data))
    if found is not None:
        found(state, data, on)


def version(state: Board, subject: str) -> int:
    """The present version of a mission, unit or hospital; 0 where there is none."""
    held = state.missions.get(subject) or state.units.get(subject) or state.hospitals.get(subject)
    return held.version if held is not None else 0


def _opened(state: Board, d: ev.MissionOpened, on: On) -> None:
    state.missions[on.subject] = Mission(
        mission_id=on.subject, task_id=d.task_id, incident_id=d.incident_id, region=on.region, kind=d.kind,
        priority=d.priority, place=d.place, address=d.address, opened_at=on.at, updated_at=on.at, triage=d.triage,
        triage_reasons=list(d.triage_reasons), needs_als=d.needs_als, als_by_kind=d.als_by_kind, patient=d.patient,
        patients=d.patients, raises=list(d.raises), call_ids=list(d.call_ids), private=d.private, lane=d.lane,
        exercise=d.exercise, flags=list(d.flags),
    )  # fmt: skip
    held = state.incidents.get(d.incident_id) or IncidentMissions()
    held.missions.append(on.subject)
    held.count += 1
    state.incidents[d.incident_id] = held
    if held.mass_casualty:
        state.missions[on.subject].flags.append("mass_casualty")
    for mission_id in held.missions:
        if mission_id in state.missions:
            state.missions[mission_id].patients = max(held.count, d.patients)
    state.waiting[on.subject] = on.region


def _mass(state: Board, d: ev.MassCasualtyDeclared, _: On) -> None:
    held = state.incidents[d.incident_id]
    held.mass_casualty = True
    for mission_id in held.missions:
        if mission_id in state.missions and "mass_casualty" not in state.missions[mission_id].flags:
            state.missions[mission_id].flags.append("mass_casualty")


def _scene(state: Board, d: ev.SceneUpdated, on: On) -> None:
    mission = state.missions[on.subject]
    if d.call_id and d.call_id not in mission.call_ids:
        mission.call_ids.append(d.call_id)
    mission.place = d.place or mission.place
    mission.address = d.address or mission.address
    mission.kind = d.kind or mission.kind
    mission.priority = d.priority if d.priority is not None else mission.priority
    mission.raises.extend(d.raises)


def _triaged(state: Board, d: ev.MissionTriaged, on: On) -> None:
    mission = state.missions[on.subject]
    mission.triage, mission.triage_by, mission.needs_als = d.triage, d.decided_by, d.needs_als
    mission.triage_reasons = list(d.reasons)
    mission.answers = {**mission.answers, **d.answers}


def _assigned(state: Board, d: ev.UnitAssigned, on: On) -> None:
    mission, unit = state.missions[on.subject], state.units[d.unit_id]
    mission.unit_before = "returning" if unit.state == "returning" else "available"
    mission.state, mission.unit_id, mission.assigned_by = "assigned", d.unit_id, d.decided_by
    mission.attempt, mission.acknowledge_due_at, mission.eta_s = d.attempt, d.acknowledge_due_at, d.eta_s
    mission.times, mission.hospital_id, mission.hospital_eta_s = {"assigned": on.occurred_at}, "", None
    mission.candidates, mission.hospital_candidates = d.candidates, []
    for flag in d.flags:
        _flag(mission, flag)
    unit.state, unit.mission_id, unit.last_assigned_at, unit.updated_at = "assigned", on.subject, on.at, on.at
    unit.missions += 1
    state.waiting.pop(on.subject, None)


def _queued(state: Board, d: ev.MissionQueued, on: On) -> None:
    mission = state.missions[on.subject]
    mission.candidates = d.candidates
    mission.state, mission.unit_id, mission.acknowledge_due_at, mission.eta_s = "waiting", "", None, None
    state.waiting[on.subject] = on.region


def _step(step: Step, reached: MissionState, unit_state: UnitState | None) -> Apply:
    order = list(RANK)

    def change(state: Board, d: Any, on: On) -> None:
        mission, unit = state.missions[on.subject], state.units[d.unit_id]
        mission.times[step] = on.occurred_at
        mission.acknowledge_due_at, unit.silent_at, unit.silent_live_at = None, None, None
        for flag in d.flags:
            _flag(mission, flag)
        if order.index(reached) > order.index(mission.state):
            mission.state = reached
            if unit_state is not None:
                unit.state, unit.updated_at = unit_state, on.at
            if unit_state in ("on_scene", "with_patient") and mission.place.point is not None:
                _put(unit, mission.place.point, on.at, "scene")

    return change


def _left(state: Board, d: ev.SceneLeft, on: On) -> None:
    mission = state.missions[on.subject]
    _step("left", "transporting", "transporting")(state, d, on)
    mission.hospital_id, mission.hospital_eta_s = d.hospital_id, d.eta_s
    mission.hospital_candidates = d.candidates
    if d.hospital_id in state.hospitals and NO_BED not in mission.flags:
        state.hospitals[d.hospital_id].inbound += 1


def _reached(state: Board, d: ev.HospitalReached, on: On) -> None:
    _step("at_hospital", "at_hospital", "at_hospital")(state, d, on)
    hospital = state.hospitals.get(d.hospital_id)
    if hospital is not None:
        _put(state.units[d.unit_id], hospital.point, on.at, "hospital")


def _handed(state: Board, d: ev.PatientHandedOver, on: On) -> None:
    _step("handed_over", "at_hospital", "at_hospital")(state, d, on)
    hospital = state.hospitals.get(d.hospital_id)
    if hospital is not None:
        if NO_BED not in state.missions[on.subject].flags:
            hospital.beds = max(0, hospital.beds - 1)
        _put(state.units[d.unit_id], hospital.point, on.at, "hospital")


def _taken_off(reason: str) -> Apply:
    def change(state: Board, d: Any, on: On) -> None:
        mission = state.missions[on.subject]
        if getattr(d, "cause", "") != LIVE_CALL:
            mission.tried[d.unit_id] = reason
        unit = state.units.get(d.unit_id)
        if unit is not None:
            silent = on.at if reason == "not_acknowledged" else None
            unit.silent_at = silent
            if silent is None or not mission.exercise:
                unit.silent_live_at = silent
        _free(state, mission, on.at)
        mission.state, mission.unit_id, mission.acknowledge_due_at, mission.eta_s = "waiting", "", None, None
        state.waiting[on.subject] = on.region

    return change


def _ended(state: Board, d: ev.MissionEnded, on: On) -> None:
    mission = state.missions[on.subject]
    unit_id = mission.unit_id
    _free(state, mission, on.at)
    mission.state, mission.outcome = "ended", d.outcome
    mission.ended_at, mission.acknowledge_due_at = on.occurred_at, None
    for flag in d.flags:
        _flag(mission, flag)
    state.waiting.pop(on.subject, None)
    state.ended[on.subject] = on.at
    _alive(state, unit_id)


def _free(state: Board, mission: Mission, at: Ms) -> None:
    """Its unit is without a mission: back where it was if it never left, else on its way home."""
    held = mission.state in ("transporting", "at_hospital") and NO_BED not in mission.flags
    if held and mission.hospital_id in state.hospitals:
        hospital = state.hospitals[mission.hospital_id]
        hospital.inbound = max(0, hospital.inbound - 1)
    unit = state.units.get(mission.unit_id)
    if unit is None or unit.mission_id != mission.mission_id:
        return
    unit.mission_id, unit.updated_at = "", at
    unit.state = mission.unit_before if mission.state in ("assigned", "acknowledged") else "returning"


def _alive(state: Board, unit_id: str) -> None:
    """The crew showed itself: missions that wait may be offered to it again, unless it refused them."""
    for mission_id in state.waiting:
        if state.missions[mission_id].tried.get(unit_id) in ("not_acknowledged", "withdrawn"):
            del state.missions[mission_id].tried[unit_id]


def _archived(state: Board, _: ev.MissionArchived, on: On) -> None:
    mission = state.missions.pop(on.subject)
    state.ended.pop(on.subject, None)
    held = state.incidents.get(mission.incident_id)
    if held is not None:
        held.missions.remove(on.subject)  # the count stays: a mission's number is never given twice


def _unit(state: Board, d: ev.UnitRegistered, on: On) -> None:
    known = state.units.get(on.subject)
    if known is None:
        state.units[on.subject] = Unit(
            unit_id=on.subject, region=on.region, label=d.label, unit_type=d.unit_type, station=d.station, home=d.point,
            point=d.point, point_at=on.at, updated_at=on.at, state=d.state,
        )  # fmt: skip
        return
    known.label, known.unit_type, known.station, known.home = d.label, d.unit_type, d.station, d.point
    if known.point_source == "station":
        _put(known, d.point, on.at, "station")


def _unit_state(state: Board, d: ev.UnitStateChanged, on: On) -> None:
    unit = state.units[on.subject]
    unit.state, unit.updated_at, unit.silent_at, unit.silent_live_at = d.state, on.at, None, None
    if d.state == "available":
        _put(unit, unit.home, on.at, "station")
        _alive(state, on.subject)


def _put(unit: Unit, point: Point, at: Ms, source: str) -> None:
    unit.point, unit.point_at, unit.point_source = point, at, source


def _hospital(state: Board, d: ev.HospitalRegistered, on: On) -> None:
    known = state.hospitals.get(on.subject)
    if known is None:
        state.hospitals[on.subject] = Hospital(
            hospital_id=on.subject, region=on.region, label=d.label, capabilities=list(d.capabilities), beds=d.beds,
            point=d.point, updated_at=on.at,
        )  # fmt: skip
        return
    known.label, known.capabilities, known.beds, known.point = d.label, list(d.capabilities), d.beds, d.point


def _diverted(value: bool) -> Apply:
    def change(state: Board, _: Any, on: On) -> None:
        state.hospitals[on.subject].diverted = value

    return change


def _beds(state: Board, d: ev.BedsReported, on: On) -> None:
    state.hospitals[on.subject].beds = d.beds


def _seeded(state: Board, d: ev.FleetSeeded, on: On) -> None:
    state.seeded[on.region] = d.policy


def _policy(state: Board, d: PolicyActivated, on: On) -> None:
    state.policies[on.region] = d.policy


def _cancel_noted(state: Board, _: ev.CancellationNoted, on: On) -> None:
    _flag(state.missions[on.subject], CALLED_OFF)


def _taken_over(state: Board, d: ev.MissionTakenOver, on: On) -> None:
    mission = state.missions[on.subject]
    mission.task_id = d.task_id
    mission.flags = [f for f in mission.flags if f != CALLED_OFF]


def _flag(mission: Mission, flag: str) -> None:
    if flag not in mission.flags:
        mission.flags.append(flag)


RANK: tuple[MissionState, ...] = (
    "waiting", "assigned", "acknowledged", "departed", "on_scene", "with_patient", "transporting", "at_hospital",
    "ended",
)  # fmt: skip

_APPLY: dict[type, Apply] = {
    ev.MissionOpened: _opened,
    ev.MassCasualtyDeclared: _mass,
    ev.SceneUpdated: _scene,
    ev.MissionTriaged: _triaged,
    ev.UnitAssigned: _assigned,
    ev.MissionQueued: _queued,
    ev.MissionAcknowledged: _step("acknowledged", "acknowledged", None),
    ev.UnitDeparted: _step("departed", "departed", "departed"),
    ev.UnitArrived: _step("arrived", "on_scene", "on_scene"),
    ev.PatientReached: _step("patient_contact", "with_patient", "with_patient"),
    ev.SceneLeft: _left,
    ev.HospitalReached: _reached,
    ev.PatientHandedOver: _handed,
    ev.AcknowledgementMissed: _taken_off("not_acknowledged"),
    ev.AssignmentRefused: _taken_off("refused"),
    ev.UnitWithdrawn: _taken_off("withdrawn"),
    ev.CancellationNoted: _cancel_noted,
    ev.MissionTakenOver: _taken_over,
    ev.MissionEnded: _ended,
    ev.MissionArchived: _archived,
    ev.UnitRegistered: _unit,
    ev.UnitStateChanged: _unit_state,
    ev.HospitalRegistered: _hospital,
    ev.HospitalDiverted: _diverted(True),
    ev.HospitalReopened: _diverted(False),
    ev.BedsReported: _beds,
    ev.FleetSeeded: _seeded,
    PolicyActivated: _policy,
}
