"""Units and hospitals: registered, seeded from the policy, on and off duty, diverted, their beds. Pure."""

from typing import Any

from tocsin.mission import commands as cmd
from tocsin.mission import events as ev
from tocsin.mission.assigning import send, unit_of
from tocsin.mission.state import Hospital
from tocsin.mission.values import HospitalSeed, UnitSeed, UnitState
from tocsin.mission.work import Refusal, Work
from tocsin.policy.model import Policy


def seed_for(policy: Policy) -> cmd.SeedFleet:
    """The command that brings the policy's units and hospitals to its own region."""
    units = [
        UnitSeed(unit_id=u.id, label=u.label, unit_type=u.type, station=u.station, point=u.position)
        for u in policy.units
    ]
    hospitals = [
        HospitalSeed(hospital_id=h.id, label=h.label, capabilities=list(h.capabilities), beds=h.beds, point=h.position)
        for h in policy.hospitals
    ]
    return cmd.SeedFleet(policy=policy.hash, units=units, hospitals=hospitals)


def fleet_region(policy: Policy, region: str) -> str:
    """The region whose units serve this one: itself where it has a plan of its own, else who serves it.

    Missions that compete for the same units are decided in one partition; their ids keep the incident's region.
    """
    known = policy.regions.get(region)
    if known is None:
        return policy.default_region
    if known.own and region != policy.command_region:
        return region
    return known.served_by or policy.default_region


def seed(work: Work, data: cmd.SeedFleet) -> None:
    """What the policy lists and the region lacks; known ones stay as they are. Units are on duty from the start."""
    units = [u for u in data.units if u.unit_id not in work.units]
    hospitals = [h for h in data.hospitals if h.hospital_id not in work.hospitals]
    if work.seeded.get(work.region) == data.policy and not units and not hospitals:
        work.note("", "fleet_known")
        return
    for h in hospitals:
        registered = ev.HospitalRegistered(label=h.label, capabilities=h.capabilities, beds=h.beds, point=h.point)
        work.state(h.hospital_id, registered)
    for u in units:
        registered_unit = ev.UnitRegistered(
            label=u.label, unit_type=u.unit_type, station=u.station, point=u.point, state="available"
        )
        work.state(u.unit_id, registered_unit)
    work.state("", ev.FleetSeeded(policy=data.policy, units=len(units), hospitals=len(hospitals)))


def register_unit(work: Work, data: cmd.RegisterUnit) -> None:
    """A unit, new or changed; its state is changed by its own commands alone."""
    unit_id = work.command.target
    known = work.units.get(unit_id)
    if known is not None and known.region != work.region:
        raise Refusal("cross_region", f"{unit_id} belongs to region {known.region}")
    if known is not None:
        same = (known.label, known.unit_type, known.station, known.home) == (
            data.label, data.unit_type, data.station, data.point,
        )  # fmt: skip
        if same:
            work.note(unit_id, "already_so")
            return
    registered = ev.UnitRegistered(
        label=data.label, unit_type=data.unit_type, station=data.station, point=data.point,
        state=known.state if known is not None else data.state, new=known is None,
    )  # fmt: skip
    work.state(unit_id, registered)


def register_hospital(work: Work, data: cmd.RegisterHospital) -> None:
    """A hospital, new or changed."""
    hospital_id = work.command.target
    known = work.hospitals.get(hospital_id)
    if known is not None and known.region != work.region:
        raise Refusal("cross_region", f"{hospital_id} belongs to region {known.region}")
    if known is not None:
        same = (known.label, known.capabilities, known.beds, known.point) == (
            data.label, data.capabilities, data.beds, data.point,
        )  # fmt: skip
        if same:
            work.note(hospital_id, "already_so")
            return
    registered = ev.HospitalRegistered(
        label=data.label, capabilities=data.capabilities, beds=data.beds, point=data.point, new=known is None
    )
    work.state(hospital_id, registered)


_UNIT_RULES: dict[type, tuple[UnitState, tuple[UnitState, ...]]] = {
    cmd.PutOnDuty: ("available", ("off_duty", "out_of_service")),
    cmd.PutOffDuty: ("off_duty", ("available", "returning", "out_of_service")),
    cmd.MakeAvailable: ("available", ("returning", "out_of_service")),
    cmd.TakeOutOfService: ("out_of_service", ("off_duty", "available", "returning")),
}
"""Command → the state it leads to, and those it may be given in."""


def unit_state(work: Work, data: Any) -> None:
    """on_duty, off_duty, available, out_of_service. Out of service with a mission: that goes to the next unit."""
    unit = unit_of(work, work.command.target)
    to, since = _UNIT_RULES[type(data)]
    reason = getattr(data, "reason", "")
    if unit.state == to and not unit.mission_id and unit.silent_at is None:
        work.note(unit.unit_id, "already_so")
        return
    mission_id = unit.mission_id
    if mission_id:
        if to != "out_of_service":
            raise Refusal("unit_busy", f"{unit.unit_id} is on {mission_id}; end or reassign that first")
        work.state(mission_id, ev.UnitWithdrawn(unit_id=unit.unit_id, cause="out_of_service", reason=reason))
    elif unit.state not in since and unit.state != to:
        raise Refusal("illegal_step", f"{unit.unit_id} is {unit.state}")
    former = work.units[unit.unit_id].state
    work.state(unit.unit_id, ev.UnitStateChanged(state=to, former=former, reason=reason))
    if mission_id:
        send(work, mission_id, "out_of_service")


def _hospital_of(work: Work) -> Hospital:
    hospital_id = work.command.target
    if hospital_id not in work.hospitals or work.hospitals[hospital_id].region != work.region:
        raise Refusal("unknown_hospital", f"no hospital {hospital_id or 'without an id'} in region {work.region}")
    return work.hospitals[hospital_id]


def divert(work: Work, data: cmd.DivertHospital) -> None:
    """The hospital takes no more; who is on the way already goes on (the crew and the hospital settle that)."""
    hospital = _hospital_of(work)
    if hospital.diverted:
        work.note(hospital.hospital_id, "already_so")
        return
    work.state(hospital.hospital_id, ev.HospitalDiverted(reason=data.reason))


def undivert(work: Work, _: cmd.UndivertHospital) -> None:
    """It takes patients again."""
    hospital = _hospital_of(work)
    if not hospital.diverted:
        work.note(hospital.hospital_id, "already_so")
        return
    work.state(hospital.hospital_id, ev.HospitalReopened())


def set_beds(work: Work, data: cmd.SetBeds) -> None:
    """The hospital's own count of free beds; ours (less those brought since) gives way to it."""
    hospital = _hospital_of(work)
    if hospital.beds == data.beds:
        work.note(hospital.hospital_id, "already_so")
        return
    work.state(hospital.hospital_id, ev.BedsReported(beds=data.beds, former=hospital.beds))
