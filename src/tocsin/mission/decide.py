"""The rules of the 120 centre: state, command, facts → events. Pure (invariant 4); at least one event a command."""

from collections.abc import Callable
from typing import Any

from tocsin.envelope import Command, Draft
from tocsin.incident.commands import ActivatePolicy
from tocsin.mission import assigning, fleet, opening, steps
from tocsin.mission import commands as cmd
from tocsin.mission import events as ev
from tocsin.mission.assigning import mission_of, serve_waiting, unit_of
from tocsin.mission.state import EmsState, Facts
from tocsin.mission.values import CONFIDENTIAL
from tocsin.mission.work import Refusal, Work
from tocsin.outcomes import CommandRefused, PolicyActivated

Handler = Callable[[Work, Any], None]


def decide(state: EmsState, command: Command[Any], facts: Facts) -> list[Draft[Any]]:
    """What comes of a command: its events, or one `CommandRefused` with a code of `refusals.CODES`."""
    work = Work(state, command, facts)
    try:
        _check(work)
        _HANDLERS.get(type(command.data), _foreign)(work, command.data)
        serve_waiting(work)
    except Refusal as refusal:
        return work.refused(refusal)
    if not work.drafts:
        work.note("", "nothing_to_do")
    return work.drafts


def rescue(state: EmsState, command: Command[Any], error: str) -> list[Draft[Any]]:
    """What is left where the rules failed: a patient nobody knows of yet waits in the queue, flagged for a person.

    Everything else is a refusal that a person finds; the state is as it was.
    """
    data = command.data
    if isinstance(data, cmd.OpenMission) and data.incident_id not in state.incidents:
        opened = ev.MissionOpened(
            task_id=data.task_id, incident_id=data.incident_id, kind=data.kind, priority=data.priority,
            place=data.place, address=data.address, triage="I" if data.priority == 1 else "II",
            triage_reasons=["rules_failed"], call_ids=data.call_ids, routed_at=data.routed_at, lane=data.lane,
            exercise=command.exercise, private=data.private, flags=[CONFIDENTIAL] if data.confidential else [],
        )  # fmt: skip
        mission_id = f"{data.incident_id}-M1"
        queued = ev.MissionQueued(cause="rules_failed", task_id=data.task_id)
        return [Draft(subject=mission_id, data=opened), Draft(subject=mission_id, data=queued)]
    refused = CommandRefused(
        command=type(data).__name__, target=command.target, code="rules_failed", detail=error[:500]
    )
    return [Draft(subject="", data=refused)]


def _check(work: Work) -> None:
    """What holds for every command: its target exists, a crew stays with its own, nobody acted meanwhile."""
    data, command = work.command.data, work.command
    crew = command.actor.role == "crew"
    if isinstance(data, cmd.MISSION_COMMANDS):
        mission = mission_of(work, command.target)
        foreign = not command.actor.unit or mission.unit_id != command.actor.unit
        if crew and (foreign or isinstance(data, cmd.AssignUnit | cmd.ReassignMission)):
            raise Refusal("not_your_mission", "a crew acts on its own unit's mission only, and does not assign")
        _check_version(work, mission.version, mission.act_version)
    elif isinstance(data, cmd.UNIT_COMMANDS):
        unit = unit_of(work, command.target)
        if crew and command.actor.unit != command.target:
            raise Refusal("not_your_unit", "a crew acts on its own unit only")
        _check_version(work, unit.version, unit.act_version)
    elif isinstance(data, cmd.HOSPITAL_COMMANDS) and command.target in work.hospitals:
        hospital = work.hospitals[command.target]
        _check_version(work, hospital.version, hospital.act_version)


def _check_version(work: Work, version: int, act_version: int) -> None:
    expected = work.command.expected_version
    if expected is not None and not act_version <= expected <= version:
        raise Refusal("version_conflict", f"expected version {expected}; acts since then brought it to {version}")


def _foreign(_: Work, data: Any) -> None:
    raise Refusal("illegal_step", f"{type(data).__name__} is no command of the 120 centre")


def _activate(work: Work, data: ActivatePolicy) -> None:
    former = work.policies.get(work.region, "")
    if former == data.policy:
        work.note("", "policy_in_force")
        return
    work.state("", PolicyActivated(policy=data.policy, former=former))


_HANDLERS: dict[type, Handler] = {
    cmd.OpenMission: opening.open_missions,
    cmd.UpdateScene: opening.update_scene,
    cmd.CancelMissions: opening.cancel_missions,
    cmd.MissionClock: assigning.clock,
    cmd.SeedFleet: fleet.seed,
    cmd.RegisterUnit: fleet.register_unit,
    cmd.RegisterHospital: fleet.register_hospital,
    cmd.AssignUnit: assigning.assign,
    cmd.RefuseMission: assigning.refuse,
    cmd.ReassignMission: assigning.reassign,
    cmd.TriagePatient: steps.triage,
    cmd.EndMission: steps.end_mission,
    **dict.fromkeys(steps.RULES, steps.step),
    **dict.fromkeys(cmd.UNIT_COMMANDS, fleet.unit_state),
    cmd.DivertHospital: fleet.divert,
    cmd.UndivertHospital: fleet.undivert,
    cmd.SetBeds: fleet.set_beds,
    ActivatePolicy: _activate,
}
