"""What the incident's medical task brings: missions opened, told of what is new, called off. Pure."""

from tocsin.mission import commands as cmd
from tocsin.mission import events as ev
from tocsin.mission.assigning import WITH_PATIENT, end, send
from tocsin.mission.choice import suitable
from tocsin.mission.state import Mission
from tocsin.mission.triage import first_level
from tocsin.mission.values import CALLED_OFF, CONFIDENTIAL, NOBODY_CAME, TRIAGE, Outcome, Triage
from tocsin.mission.work import Work

DAY_MS = 86_400_000
ARCHIVED_AT_ONCE = 20
"""At most so many old missions leave the state with one decision: no decision gets long by it."""


def open_missions(work: Work, data: cmd.OpenMission) -> None:
    """One mission a patient. An incident whose missions run gets more only for more victims (invariant: no sharing).

    A crew that stayed with its patient when an earlier task was called off is this task's now; whoever's ambulance was
    called off with it gets another.
    """
    archive(work)
    active = _active(work, data.incident_id)
    known = _all(work, data.incident_id)
    if not active and any(m.task_id == data.task_id for m in known):
        work.note("", "task_known")
        return
    wanted = max(1, data.victims or 1)
    if active:
        _tell(work, active, _scene_of(data))
        _take_over(work, active, data.task_id)
        served = [m for m in known if m.task_id == data.task_id or m.outcome not in NOBODY_CAME]
        _open_more(work, data, wanted - len(served))
        return
    _open_more(work, data, wanted)


def _take_over(work: Work, active: list[Mission], task_id: str) -> None:
    for m in active:
        if m.task_id != task_id and CALLED_OFF in m.flags:
            fits = suitable(m, work.units.get(m.unit_id))
            taken = ev.MissionTakenOver(task_id=task_id, former=m.task_id, unit_id=m.unit_id, suitable=fits)
            work.state(m.mission_id, taken)


def update_scene(work: Work, data: cmd.UpdateScene) -> None:
    """A further call or a correction reaches every running mission; victims beyond their number get missions.

    Not for a task that was called off: whoever has to be sent then is asked for by a task of its own.
    """
    active = _active(work, data.incident_id)
    if not active:
        work.note("", "no_running_mission")
        return
    _tell(work, active, data)
    first = next((m for m in active if CALLED_OFF not in m.flags), None)
    if first is None:
        return
    more = cmd.OpenMission(
        task_id=first.task_id, incident_id=data.incident_id, kind=data.kind or first.kind,
        place=data.place or first.place, priority=data.priority or first.priority,
        address=data.address or first.address, raises=first.raises,
        call_ids=[data.call_id] if data.call_id else [], lane=first.lane, routed_at=work.at,
    )  # fmt: skip
    _open_more(work, more, (data.victims or 0) - len(_all(work, data.incident_id)))


def cancel_missions(work: Work, data: cmd.CancelMissions) -> None:
    """The task was called off: missions not yet with their patient end; with the patient the crew goes on, noted."""
    found = [m for m in _active(work, data.incident_id) if not data.task_id or m.task_id == data.task_id]
    for mission in found:
        if mission.state in WITH_PATIENT:
            work.state(mission.mission_id, ev.CancellationNoted(cause=data.cause))
            continue
        before = mission.state in ("waiting", "assigned", "acknowledged")
        outcome: Outcome = "cancelled_before" if before else "cancelled_enroute"
        end(work, mission.mission_id, outcome, cause=data.cause or "task_cancelled", flags=[])
    if not found:
        work.note("", "no_running_mission")


def archive(work: Work) -> None:
    """Lets missions that ended long ago leave the state; their events stay."""
    limit = work.at - work.facts.policy.archive_after_days * DAY_MS
    old: list[str] = []
    for mission_id, at in work.ended.items():
        if at >= limit or len(old) >= ARCHIVED_AT_ONCE:
            break
        if work.missions[mission_id].region == work.region:
            old.append(mission_id)
    for mission_id in old:
        work.state(mission_id, ev.MissionArchived())


def _scene_of(data: cmd.OpenMission) -> cmd.UpdateScene:
    return cmd.UpdateScene(
        incident_id=data.incident_id, place=data.place if data.place.point is not None else None, address=data.address,
        kind=data.kind, priority=data.priority, call_id=data.call_ids[0] if data.call_ids else "",
        raises=data.raises,
    )  # fmt: skip


def _tell(work: Work, active: list[Mission], data: cmd.UpdateScene) -> None:
    for m in active:
        place = data.place if data.place is not None and data.place != m.place else None
        call_id = data.call_id if data.call_id not in m.call_ids else ""
        kind = data.kind if data.kind != m.kind else ""
        priority = data.priority if data.priority != m.priority else None
        address = data.address if data.address != m.address else ""
        raises = [r for r in data.raises if r not in m.raises]
        if place or call_id or kind or priority is not None or address or raises:
            before, _ = _first(work, m)
            told = ev.SceneUpdated(
                call_id=call_id, place=place, address=address, kind=kind, priority=priority, raises=raises
            )
            work.state(m.mission_id, told)
            _graver(work, work.missions[m.mission_id], before)


def _first(work: Work, m: Mission) -> tuple[Triage, list[str]]:
    return first_level(m.kind, m.priority, m.raises, work.facts.policy.ems)


def _graver(work: Work, m: Mission, before: Triage) -> None:
    """What is heard later raises the triage where it would have begun higher with it; it never lowers it.

    Who judged the patient by other words than these is not overruled by their repetition, nor a crew at his side.
    """
    level, reasons = _first(work, m)
    rank = TRIAGE.index(level)
    if m.state in WITH_PATIENT or rank >= min(TRIAGE.index(before), TRIAGE.index(m.triage)):
        return
    needs_als = m.als_by_kind or m.kind in work.facts.policy.ems.als_for or level == "I"
    triaged = ev.MissionTriaged(
        triage=level, former=m.triage, decided_by="rule", needs_als=needs_als, reasons=reasons
    )  # fmt: skip
    work.state(m.mission_id, triaged)


def _open_more(work: Work, data: cmd.OpenMission, count: int) -> None:
    ems = work.facts.policy.ems
    held = work.incidents.get(data.incident_id)
    opened_before = held.count if held is not None else 0
    numbers = range(opened_before + 1, min(opened_before + count, ems.missions_max) + 1)
    level, reasons = first_level(data.kind, data.priority, data.raises, ems)
    by_kind = data.kind in ems.als_for
    for number in numbers:
        opened = ev.MissionOpened(
            task_id=data.task_id, incident_id=data.incident_id, kind=data.kind, priority=data.priority,
            place=data.place, address=data.address, triage=level, triage_reasons=reasons,
            needs_als=by_kind or level == "I",
            als_by_kind=by_kind, patient=number, patients=max(numbers), raises=data.raises, call_ids=data.call_ids,
            routed_at=data.routed_at, lane=data.lane, exercise=work.command.exercise, private=data.private,
            flags=[CONFIDENTIAL] if data.confidential else [],
        )  # fmt: skip
        work.state(f"{data.incident_id}-M{number}", opened)
    held = work.incidents.get(data.incident_id)
    if held is not None and held.count >= ems.mass_casualty_at and not held.mass_casualty:
        flagged = ev.MassCasualtyDeclared(
            incident_id=data.incident_id, task_id=data.task_id, patients=held.count, threshold=ems.mass_casualty_at
        )
        work.state(held.missions[0], flagged)
    for number in numbers:
        send(work, f"{data.incident_id}-M{number}", "opened")


def _all(work: Work, incident_id: str) -> list[Mission]:
    held = work.incidents.get(incident_id)
    return [work.missions[m] for m in held.missions if m in work.missions] if held is not None else []


def _active(work: Work, incident_id: str) -> list[Mission]:
    return [m for m in _all(work, incident_id) if m.state != "ended"]
