"""Sending units: by rule, by a person, again after silence or refusal; who waits is served when a unit is free. Pure.

I5: `_assign` is the only place that states `UnitAssigned`, and it refuses a unit that has a mission; one that an
exercise has it takes from that first, for a live patient alone.
"""

from tocsin.mission import commands as cmd
from tocsin.mission import events as ev
from tocsin.mission.choice import Choice, choose_unit, chosen_by_person
from tocsin.mission.state import Mission, Unit
from tocsin.mission.values import ASSIGNABLE, CALLED_OFF, LIVE_CALL, TRIAGE, Outcome
from tocsin.mission.work import Refusal, Work

WITH_PATIENT: frozenset[str] = frozenset({"with_patient", "transporting", "at_hospital"})


def mission_of(work: Work, mission_id: str) -> Mission:
    """The mission, or `unknown_mission`."""
    if mission_id not in work.missions or work.missions[mission_id].region != work.region:
        raise Refusal("unknown_mission", f"no mission {mission_id or 'without an id'} in region {work.region}")
    return work.missions[mission_id]


def running(work: Work, mission_id: str) -> Mission:
    """The mission with a unit on it, or `illegal_step`."""
    mission = mission_of(work, mission_id)
    if mission.state in ("waiting", "ended"):
        raise Refusal("illegal_step", f"the mission is {mission.state}: no unit is on it")
    return mission


def unit_of(work: Work, unit_id: str) -> Unit:
    """The unit, or `unknown_unit`."""
    if unit_id not in work.units or work.units[unit_id].region != work.region:
        raise Refusal("unknown_unit", f"no unit {unit_id or 'without an id'} in region {work.region}")
    return work.units[unit_id]


def free_unit(work: Work, unit_id: str, mission: Mission) -> Unit:
    """The unit where it can be sent on this mission: `unit_busy` or `unit_unavailable` where it cannot."""
    unit = unit_of(work, unit_id)
    if unit_id in _borrowed(work, mission):
        return unit
    if unit.mission_id:
        raise Refusal("unit_busy", f"{unit_id} is on {unit.mission_id}")
    if unit.state not in ASSIGNABLE:
        raise Refusal("unit_unavailable", f"{unit_id} is {unit.state}")
    return unit


def send(work: Work, mission_id: str, cause: str) -> None:
    """Sends the best unit by rule, or states that the mission waits and why."""
    mission = work.missions[mission_id]
    choice = choose_unit(mission, work.units_here(), work.facts, _borrowed(work, mission))
    if choice.unit_id is None:
        queued = ev.MissionQueued(cause=choice.cause, task_id=mission.task_id, candidates=choice.candidates)
        work.state(mission_id, queued)
    else:
        _assign(work, mission_id, choice, cause=cause, by_person=False)


def serve_waiting(work: Work) -> None:
    """Gives free units to the missions that wait: live before exercise, highest triage first, then the oldest.

    Units are asked first: in a storm hundreds wait for eight ambulances, and every decision comes through here. What an
    exercise has counts as free for a patient; whichever exercise lost its unit gets another last, or is told that it
    waits.
    """
    if _any_free(work) or work.at_exercises():
        here = [work.missions.seen(m) for m, region in work.waiting.items() if region == work.region]
        for mission in sorted(here, key=lambda m: (m.exercise, TRIAGE.index(m.triage), m.opened_at, m.mission_id)):
            borrowed = _borrowed(work, mission)
            if not (borrowed or _any_free(work)):
                break
            choice = choose_unit(mission, work.units_here(), work.facts, borrowed)
            if choice.unit_id is not None:
                _assign(work, mission.mission_id, choice, cause="waiting", by_person=False)
    for mission_id in work.bereft:
        if work.missions[mission_id].state == "waiting":
            send(work, mission_id, LIVE_CALL)


def _any_free(work: Work) -> bool:
    return any(u.state in ASSIGNABLE and not u.mission_id for u in work.units_here())


def _borrowed(work: Work, mission: Mission) -> frozenset[str]:
    """The units that this mission may take although they have one: a live patient's from any exercise."""
    return frozenset() if mission.exercise else work.at_exercises()


def assign(work: Work, data: cmd.AssignUnit) -> None:
    """A waiting mission gets the unit named or the best; a rule's choice not yet acknowledged yields to a person's."""
    mission = mission_of(work, work.command.target)
    if mission.state == "waiting":
        if data.unit_id:
            _by_person(work, mission, data.unit_id, data.reason)
            return
        choice = choose_unit(mission, work.units_here(), work.facts, _borrowed(work, mission))
        if choice.unit_id is None:
            raise Refusal("no_unit", "no unit can be sent by rule now")
        _assign(work, mission.mission_id, choice, cause="person", by_person=False)
        return
    if mission.state != "ended" and data.unit_id and data.unit_id == mission.unit_id:
        work.note(mission.mission_id, "already_assigned")
        return
    if mission.state != "assigned" or mission.assigned_by != "rule" or not data.unit_id:
        raise Refusal("illegal_step", f"the mission is {mission.state}; reassign gives it another unit")
    free_unit(work, data.unit_id, mission)
    work.state(mission.mission_id, ev.UnitWithdrawn(unit_id=mission.unit_id, cause="reassigned", reason=data.reason))
    _by_person(work, work.missions[mission.mission_id], data.unit_id, data.reason)


def reassign(work: Work, data: cmd.ReassignMission) -> None:
    """Another unit instead of the present one; the one taken off is not sent to this mission again by rule."""
    mission = running(work, work.command.target)
    if mission.state in WITH_PATIENT and not data.reason:
        raise Refusal("reason_required", "the crew is with the patient: say why another unit is sent")
    if data.unit_id == mission.unit_id:
        raise Refusal("illegal_step", f"{data.unit_id} is on this mission already")
    if data.unit_id:
        free_unit(work, data.unit_id, mission)
    work.state(mission.mission_id, ev.UnitWithdrawn(unit_id=mission.unit_id, cause="reassigned", reason=data.reason))
    if data.unit_id:
        _by_person(work, work.missions[mission.mission_id], data.unit_id, data.reason)
    else:
        send(work, mission.mission_id, "reassigned")


def refuse(work: Work, data: cmd.RefuseMission) -> None:
    """The crew cannot take it: the next unit goes. Once it is at the scene, `end` or `reassign` is the way."""
    mission = running(work, work.command.target)
    if mission.state not in ("assigned", "acknowledged", "departed"):
        raise Refusal("illegal_step", f"the crew is {mission.state}; end the mission with its outcome, or reassign it")
    work.state(mission.mission_id, ev.AssignmentRefused(unit_id=mission.unit_id, reason=data.reason))
    send(work, mission.mission_id, "refused")


def clock(work: Work, data: cmd.MissionClock) -> None:
    """Nobody acknowledged in time: the next unit goes and the centre is told (the event itself tells it)."""
    mission = mission_of(work, data.mission_id)
    if mission.state != "assigned" or mission.attempt != data.attempt or mission.acknowledge_due_at is None:
        work.note(mission.mission_id, "clock_obsolete")
        return
    if work.at < mission.acknowledge_due_at:
        raise Refusal("too_early", f"due {mission.acknowledge_due_at - work.at} ms later")
    missed = ev.AcknowledgementMissed(
        unit_id=mission.unit_id, attempt=mission.attempt, due_at=mission.acknowledge_due_at
    )
    work.state(mission.mission_id, missed)
    send(work, mission.mission_id, "not_acknowledged")


def end(work: Work, mission_id: str, outcome: Outcome, *, cause: str = "", flags: list[str], reason: str = "") -> None:
    """States a mission's end; who is free by it serves those who wait when the decision is finished."""
    mission = work.missions[mission_id]
    held = work.incidents.get(mission.incident_id)
    others = [work.missions[m] for m in held.missions if m != mission_id and m in work.missions] if held else []
    ended = ev.MissionEnded(
        outcome=outcome, task_id=mission.task_id, incident_id=mission.incident_id, unit_id=mission.unit_id, cause=cause,
        all_ended=all(m.state == "ended" for m in others if m.task_id == mission.task_id), flags=flags, reason=reason,
    )  # fmt: skip
    at = getattr(work.command.data, "at", None)
    work.state(mission_id, ended, at)


def _by_person(work: Work, mission: Mission, unit_id: str, reason: str) -> None:
    free_unit(work, unit_id, mission)
    choice = chosen_by_person(mission, unit_id, work.units_here(), work.facts, _borrowed(work, mission))
    _assign(work, mission.mission_id, choice, cause="person", by_person=True, reason=reason)


def _take_from(work: Work, unit: Unit) -> None:
    """The exercise that has the unit loses it, and gets another last; one that was called off ends with it."""
    drill = unit.mission_id
    work.state(drill, ev.UnitWithdrawn(unit_id=unit.unit_id, cause=LIVE_CALL))
    if CALLED_OFF in work.missions[drill].flags:
        end(work, drill, "cancelled_enroute", cause=LIVE_CALL, flags=[])
    else:
        work.bereft.append(drill)


def _assign(work: Work, mission_id: str, choice: Choice, *, cause: str, by_person: bool, reason: str = "") -> None:
    assert choice.unit_id is not None  # noqa: S101 - callers choose first; a broken rule must stop here, not on the road
    mission = work.missions[mission_id]
    unit = free_unit(work, choice.unit_id, mission)
    if unit.mission_id:
        _take_from(work, unit)
    assigned = ev.UnitAssigned(
        unit_id=unit.unit_id, task_id=mission.task_id, eta_s=choice.eta_s, decided_by="person" if by_person else "rule",
        attempt=mission.attempt + 1, cause=cause, candidates=choice.candidates, flags=choice.flags, reason=reason,
        acknowledge_due_at=work.at + work.facts.policy.ems.acknowledge_s * 1000,
    )  # fmt: skip
    work.state(mission_id, assigned)
