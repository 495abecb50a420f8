"""Which hospital: one that can treat the kind, has beds and is not diverted, nearest first; explained. Pure."""

from collections.abc import Sequence

import msgspec

from tocsin.mission.choice import FAR_S
from tocsin.mission.state import Hospital, Mission
from tocsin.mission.travel import eta_s
from tocsin.mission.values import HospitalCandidate
from tocsin.place import Point
from tocsin.policy.model import Ems


def capability_for(mission: Mission, ems: Ems) -> str:
    """What the hospital should be able to treat; "" where any will do. A child goes where children are treated."""
    if mission.answers.get("age_group") in ("infant", "child"):
        return "children"
    if mission.answers.get("chest_pain") == "yes":
        return "chest_pain"
    if mission.answers.get("stroke_signs") == "yes":
        return "stroke"
    return ems.hospital_for.get(mission.kind, "")


def choose_hospital(
    mission: Mission, hospitals: Sequence[Hospital], origin: Point | None, ems: Ems, named: str = ""
) -> tuple[str, list[HospitalCandidate], str]:
    """(hospital or "", everyone weighed, capability). Where none suits, the nearest one that is not diverted, then any.

    A person's word (`named`) stands, with what speaks against it still shown.
    """
    capability = capability_for(mission, ems)
    weighed = [_weigh(h, origin, capability, ems) for h in sorted(hospitals, key=lambda h: h.hospital_id)]
    if named:
        shown = [
            c if c.hospital_id == named or c.excluded_because else _because(c, "chosen_by_person") for c in weighed
        ]
        return named, _ordered(shown), capability
    best = min((c for c in weighed if not c.excluded_because), key=_rank, default=None)
    if best is None:
        open_ones = [c for c in weighed if c.excluded_because != "diverted"] or weighed
        best = min(open_ones, key=_rank, default=None)
    if best is None:
        return "", [], capability
    shown = [c if c is best or c.excluded_because else _because(c, "farther") for c in weighed]
    return best.hospital_id, _ordered(shown), capability


def _weigh(hospital: Hospital, origin: Point | None, capability: str, ems: Ems) -> HospitalCandidate:
    free = hospital.beds - hospital.inbound
    reason = ""
    if hospital.diverted:
        reason = "diverted"
    elif capability and capability not in hospital.capabilities:
        reason = f"lacks_{capability}"
    elif free <= 0:
        reason = "no_beds"
    return HospitalCandidate(
        hospital_id=hospital.hospital_id, eta_s=eta_s(origin, hospital.point, ems), excluded_because=reason,
        beds_free=max(0, free),
    )  # fmt: skip


def _rank(candidate: HospitalCandidate) -> tuple[int, str]:
    return (FAR_S if candidate.eta_s is None else candidate.eta_s, candidate.hospital_id)


def _because(candidate: HospitalCandidate, reason: str) -> HospitalCandidate:
    return msgspec.structs.replace(candidate, excluded_because=reason)


def _ordered(weighed: list[HospitalCandidate]) -> list[HospitalCandidate]:
    return sorted(weighed, key=lambda c: (bool(c.excluded_because), _rank(c)))
