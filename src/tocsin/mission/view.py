"""Missions, units and hospitals as their readers see them (contract, section 2, ems120)."""

from collections.abc import Callable, Mapping

import msgspec

from tocsin.envelope import Frozen, Ms
from tocsin.incident.show import masked
from tocsin.mission.state import Hospital, Mission, Unit
from tocsin.mission.values import CONFIDENTIAL, Candidate, HospitalCandidate, Position
from tocsin.place import Point


class TimesView(Frozen, frozen=True, kw_only=True):
    """When each step happened; null where it has not."""

    assigned: Ms | None = None
    acknowledged: Ms | None = None
    departed: Ms | None = None
    arrived: Ms | None = None
    patient_contact: Ms | None = None
    left: Ms | None = None
    at_hospital: Ms | None = None
    handed_over: Ms | None = None


class Reached(Frozen, frozen=True, kw_only=True):
    """Whom a crew can ask: the caller's number masked, the name as given."""

    number: str = ""
    name: str = ""


class Told(Frozen, frozen=True, kw_only=True):
    """What the first call said, opened from its sealed part; empty where there is none or its key was destroyed."""

    caller: Reached = Reached()
    text: str = ""
    address: str = ""


class SceneView(Frozen, frozen=True, kw_only=True):
    """Where the patient is: the address in clear, for the 120 roles, and the WGS84 point."""

    address: str = ""
    label: str = ""
    point: Point | None = None
    accuracy_m: float | None = None


class MissionView(Frozen, frozen=True, kw_only=True):
    """A mission."""

    mission_id: str
    task_id: str
    incident_id: str
    region: str
    state: str
    triage: str
    triage_by: str
    triage_reasons: list[str]
    answers: dict[str, str]
    kind: str
    priority: int
    needs_als: bool
    location: SceneView
    caller: Reached
    text: str
    unit_id: str | None
    eta_s: int | None
    attempt: int
    acknowledge_due_at: Ms | None
    arrive_due_at: Ms | None
    hospital_id: str | None
    hospital_eta_s: int | None
    candidates: list[Candidate]
    hospital_candidates: list[HospitalCandidate]
    times: TimesView
    outcome: str | None
    patient: int
    patients: int
    flags: list[str]
    call_ids: list[str]
    opened_at: Ms
    updated_at: Ms
    ended_at: Ms | None
    exercise: bool
    version: int


class WhereView(Frozen, frozen=True, kw_only=True):
    """A unit's position, how old it is in seconds, and where it is known from."""

    lon: float
    lat: float
    crs: str = "WGS84"
    at: Ms
    age_s: int
    source: str


class UnitView(Frozen, frozen=True, kw_only=True):
    """An ambulance."""

    unit_id: str
    region: str
    label: str
    type: str
    station: str
    home: Point
    state: str
    mission_id: str | None
    position: WhereView
    missions: int
    updated_at: Ms
    version: int


class HospitalView(Frozen, frozen=True, kw_only=True):
    """A hospital; `beds_free` is its beds less those on their way to it."""

    hospital_id: str
    region: str
    label: str
    capabilities: list[str]
    beds: int
    beds_free: int
    inbound: int
    diverted: bool
    position: Point
    updated_at: Ms
    version: int


def told(private: str) -> Told:
    """The opened private part of a call as the 120 roles see it; what cannot be read is empty."""
    try:
        said = msgspec.json.decode(private, type=Told) if private else Told()
    except msgspec.DecodeError:
        return Told()
    return msgspec.structs.replace(said, caller=msgspec.structs.replace(said.caller, number=masked(said.caller.number)))


def mission_view(m: Mission, words: Callable[[str], str], arrival_s: Mapping[str, int]) -> MissionView:
    """A mission; `words` makes sealed text clear. `arrival_s`: the promise of each triage level, from the opening on.

    What the incident's own clock promises goes by the call's priority; this goes by what is known of the patient.
    """
    said = told(words(m.private) if m.private else "")
    caller = Reached() if CONFIDENTIAL in m.flags else said.caller
    scene = SceneView(
        address=words(m.address) if m.address else said.address, label=m.place.label, point=m.place.point,
        accuracy_m=m.place.accuracy_m,
    )  # fmt: skip
    return MissionView(
        mission_id=m.mission_id, task_id=m.task_id, incident_id=m.incident_id, region=m.region, state=m.state,
        triage=m.triage, triage_by=m.triage_by, triage_reasons=m.triage_reasons, answers=m.answers, kind=m.kind,
        priority=m.priority, needs_als=m.needs_als, location=scene, caller=caller, text=said.text,
        unit_id=m.unit_id or None, eta_s=m.eta_s,
        attempt=m.attempt, acknowledge_due_at=m.acknowledge_due_at,
        arrive_due_at=None if m.ended_at or "arrived" in m.times else m.opened_at + arrival_s[m.triage] * 1000,
        hospital_id=m.hospital_id or None,
        hospital_eta_s=m.hospital_eta_s, candidates=m.candidates, hospital_candidates=m.hospital_candidates,
        times=TimesView(**m.times), outcome=m.outcome or None, patient=m.patient, patients=m.patients, flags=m.flags,
        call_ids=m.call_ids, opened_at=m.opened_at, updated_at=m.updated_at, ended_at=m.ended_at, exercise=m.exercise,
        version=m.version,
    )  # fmt: skip


def unit_view(u: Unit, heard: Position | None, now: Ms) -> UnitView:
    """A unit with the newest position known of it."""
    gps = heard is not None and heard.at >= u.point_at
    point, at = (heard.point, heard.at) if gps and heard is not None else (u.point, u.point_at)
    where = WhereView(
        lon=point.lon, lat=point.lat, at=at, age_s=max(0, (now - at) // 1000), source="gps" if gps else u.point_source
    )
    return UnitView(
        unit_id=u.unit_id, region=u.region, label=u.label, type=u.unit_type, station=u.station, home=u.home,
        state=u.state, mission_id=u.mission_id or None, position=where, missions=u.missions, updated_at=u.updated_at,
        version=u.version,
    )  # fmt: skip


def hospital_view(h: Hospital) -> HospitalView:
    """A hospital."""
    return HospitalView(
        hospital_id=h.hospital_id, region=h.region, label=h.label, capabilities=h.capabilities, beds=h.beds,
        beds_free=max(0, h.beds - h.inbound), inbound=h.inbound, diverted=h.diverted, position=h.point,
        updated_at=h.updated_at, version=h.version,
    )  # fmt: skip
