"""The chain from the crew's acknowledgement to the hospital's door, and the mission's end. Pure.

Steps may be skipped forward and entered late; what is odd about a step is kept and flagged (real logs contain it). No
step is taken back.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tocsin.envelope import Ms
from tocsin.mission import commands as cmd
from tocsin.mission import events as ev
from tocsin.mission.assigning import end, mission_of, running
from tocsin.mission.choice import suitable, whereabouts
from tocsin.mission.evolve import RANK
from tocsin.mission.hospitals import choose_hospital
from tocsin.mission.state import Mission
from tocsin.mission.triage import bad_answers, first_level, level_of
from tocsin.mission.values import NO_BED, STEPS, TRIAGE, MissionState, Step, Triage
from tocsin.mission.work import Refusal, Work


class Rule(NamedTuple):
    """A step: its time's name, the state it leads to, and the states from which it may be taken."""

    step: Step
    reached: MissionState
    since: tuple[MissionState, ...]


_BEFORE_SCENE: tuple[MissionState, ...] = ("assigned", "acknowledged", "departed")

RULES: dict[type, Rule] = {
    cmd.AcknowledgeMission: Rule("acknowledged", "acknowledged", ("assigned",)),
    cmd.DepartForScene: Rule("departed", "departed", ("assigned", "acknowledged")),
    cmd.ArriveAtScene: Rule("arrived", "on_scene", _BEFORE_SCENE),
    cmd.ReachPatient: Rule("patient_contact", "with_patient", (*_BEFORE_SCENE, "on_scene")),
    cmd.LeaveScene: Rule("left", "transporting", ("on_scene", "with_patient")),
    cmd.ArriveAtHospital: Rule("at_hospital", "at_hospital", ("transporting",)),
    cmd.HandOverPatient: Rule("handed_over", "at_hospital", ("transporting", "at_hospital")),
}

END_FROM: dict[str, tuple[MissionState, ...]] = {
    "transported": ("transporting", "at_hospital"),
    "treated_refused": ("on_scene", "with_patient", "transporting"),
    "refused": ("on_scene", "with_patient"),
    "no_patient": ("departed", "on_scene"),
    "self_left": ("departed", "on_scene", "with_patient"),
    "cancelled_before": ("waiting", "assigned", "acknowledged"),
    "cancelled_enroute": ("acknowledged", "departed", "on_scene"),
    "dead_on_scene": ("on_scene", "with_patient"),
}
"""Outcome → the states in which a mission can end so."""


def step(work: Work, data: Any) -> None:
    """Any of the crew's steps: stated in order, or late; a repeat of the present one changes nothing."""
    mission = running(work, work.command.target)
    rule = RULES[type(data)]
    if rule.step in mission.times:
        if mission.state == rule.reached:
            work.note(mission.mission_id, "already_so")
            return
        raise Refusal(
            "illegal_step", f"{rule.step} is stamped and the mission is {mission.state}; no step is taken back"
        )
    late = RANK.index(mission.state) >= RANK.index(rule.reached) and rule.step != "handed_over"
    if late and rule.step in ("left", "at_hospital"):
        raise Refusal("illegal_step", f"the mission is {mission.state}")
    if not late and mission.state not in rule.since:
        raise Refusal(
            "illegal_step", f"the mission is {mission.state}; {rule.step} comes after {', '.join(rule.since)}"
        )
    flags = odd(mission, rule.step, data.at, work.at) + (["step_late"] if late else [])
    _STATED[type(data)](work, mission, data, flags)


def odd(mission: Mission, step_name: Step, at: Ms | None, recorded_at: Ms) -> list[str]:
    """What is impossible or unusual about a step's time: kept, flagged."""
    flags = []
    when = recorded_at if at is None else at
    before = [mission.times[s] for s in STEPS[: STEPS.index(step_name)] if s in mission.times]
    after = [mission.times[s] for s in STEPS[STEPS.index(step_name) + 1 :] if s in mission.times]
    if before and when < max(before):
        flags.append("time_before_last_step")
    if at is not None and after and when > min(after):
        flags.append("time_after_next_step")
    if when > recorded_at:
        flags.append("time_in_future")
    skipped = [s for s in STEPS[: STEPS.index(step_name)] if s not in mission.times]
    return [*flags, "step_skipped"] if skipped and not after else flags


def _acknowledged(work: Work, m: Mission, data: Any, flags: list[str]) -> None:
    work.state(m.mission_id, ev.MissionAcknowledged(unit_id=m.unit_id, task_id=m.task_id, flags=flags), data.at)


def _departed(work: Work, m: Mission, data: Any, flags: list[str]) -> None:
    work.state(m.mission_id, ev.UnitDeparted(unit_id=m.unit_id, task_id=m.task_id, flags=flags), data.at)


def _arrived(work: Work, m: Mission, data: Any, flags: list[str]) -> None:
    fits = suitable(m, work.units[m.unit_id])
    arrived = ev.UnitArrived(unit_id=m.unit_id, task_id=m.task_id, suitable=fits, flags=flags)
    work.state(m.mission_id, arrived, data.at)


def _reached(work: Work, m: Mission, data: Any, flags: list[str]) -> None:
    work.state(m.mission_id, ev.PatientReached(unit_id=m.unit_id, task_id=m.task_id, flags=flags), data.at)


def _left(work: Work, m: Mission, data: cmd.LeaveScene, flags: list[str]) -> None:
    hospitals = work.hospitals_here()
    if data.hospital_id and data.hospital_id not in {h.hospital_id for h in hospitals}:
        raise Refusal("unknown_hospital", f"no hospital {data.hospital_id} in region {work.region}")
    origin = m.place.point or whereabouts(work.units[m.unit_id], work.facts).point
    chosen, weighed, capability = choose_hospital(m, hospitals, origin, work.facts.policy.ems, data.hospital_id)
    if not chosen:
        raise Refusal("unknown_hospital", "no hospital is known in this region; register one, then leave")
    eta = next((c.eta_s for c in weighed if c.hospital_id == chosen), None)
    flags = [*flags, NO_BED] if m.exercise else flags
    odd_choice = next((c.excluded_because for c in weighed if c.hospital_id == chosen), "")
    left = ev.SceneLeft(
        unit_id=m.unit_id, task_id=m.task_id, hospital_id=chosen, eta_s=eta, capability=capability, candidates=weighed,
        decided_by="person" if data.hospital_id else "rule", reason=data.reason,
        flags=[*flags, f"hospital_{odd_choice}"] if odd_choice else flags,
    )  # fmt: skip
    work.state(m.mission_id, left, data.at)


def _at_hospital(work: Work, m: Mission, data: Any, flags: list[str]) -> None:
    reached = ev.HospitalReached(unit_id=m.unit_id, task_id=m.task_id, hospital_id=m.hospital_id, flags=flags)
    work.state(m.mission_id, reached, data.at)


def _handed(work: Work, m: Mission, data: cmd.HandOverPatient, flags: list[str]) -> None:
    handed = ev.PatientHandedOver(
        unit_id=m.unit_id, task_id=m.task_id, hospital_id=m.hospital_id, flags=flags, note=data.note
    )
    work.state(m.mission_id, handed, data.at)
    end(work, m.mission_id, "transported", cause="handed_over", flags=[])


def end_mission(work: Work, data: cmd.EndMission) -> None:
    """Ends a mission with an outcome that its state allows."""
    mission = mission_of(work, work.command.target)
    if mission.state == "ended":
        raise Refusal("illegal_step", f"the mission has ended: {mission.outcome}")
    if mission.state not in END_FROM[data.outcome]:
        allowed = ", ".join(END_FROM[data.outcome])
        raise Refusal("illegal_step", f"{data.outcome} ends a mission that is {allowed}; this one is {mission.state}")
    if data.outcome == "transported":
        _handed(work, mission, cmd.HandOverPatient(at=data.at), odd(mission, "handed_over", data.at, work.at))
        return
    flags = ["time_in_future"] if data.at is not None and data.at > work.at else []
    flags += ["time_before_last_step"] if _before_last(mission, data.at) else []
    end(work, mission.mission_id, data.outcome, cause="person", flags=flags, reason=data.reason)


def _before_last(mission: Mission, at: Ms | None) -> bool:
    return at is not None and bool(mission.times) and at < max(mission.times.values())


def triage(work: Work, data: cmd.TriagePatient) -> None:
    """The level by rule from the answers, or by a person with the reason; what neither changes is noted."""
    mission = mission_of(work, work.command.target)
    if mission.state == "ended":
        raise Refusal("illegal_step", "the mission has ended")
    wrong = bad_answers(data.answers)
    if wrong:
        raise Refusal("answer_unknown", "; ".join(wrong))
    by_person = bool(data.triage) and data.triage != mission.triage
    if by_person and not data.reason:
        raise Refusal("reason_required", "a level by judgement needs its reason")
    ems = work.facts.policy.ems
    level: Triage
    if data.triage:
        level, reasons = data.triage, ["person"]
    else:
        first, _ = first_level(mission.kind, mission.priority, mission.raises, ems)
        level, reasons = level_of(first, {**mission.answers, **data.answers}, ems)
        if mission.triage_by == "person" and TRIAGE.index(mission.triage) < TRIAGE.index(level):
            level, reasons = mission.triage, ["kept:person"]
    if level == mission.triage and all(mission.answers.get(q) == a for q, a in data.answers.items()):
        work.note(mission.mission_id, "already_so")
        return
    triaged = ev.MissionTriaged(
        triage=level, former=mission.triage, decided_by="person" if data.triage else "rule", answers=data.answers,
        needs_als=mission.als_by_kind or level == "I", reasons=reasons, reason=data.reason,
    )  # fmt: skip
    work.state(mission.mission_id, triaged)


_STATED: dict[type, Callable[[Work, Mission, Any, list[str]], None]] = {
    cmd.AcknowledgeMission: _acknowledged,
    cmd.DepartForScene: _departed,
    cmd.ArriveAtScene: _arrived,
    cmd.ReachPatient: _reached,
    cmd.LeaveScene: _left,
    cmd.ArriveAtHospital: _at_hospital,
    cmd.HandOverPatient: _handed,
}
