"""Whom one could send now, and where to: what the rules would weigh if it were decided at this moment. Pure.

A mission's own `candidates` are those of its last decision; a dispatcher who chooses another unit minutes later needs
today's distances. Nothing here decides: the owner weighs anew when the act comes.
"""

from collections.abc import Mapping, Sequence

from tocsin.envelope import Frozen
from tocsin.mission.choice import at_exercises, choose_unit, whereabouts
from tocsin.mission.hospitals import choose_hospital
from tocsin.mission.state import Facts, Hospital, Mission, Unit
from tocsin.mission.values import Candidate, HospitalCandidate


class Offer(Frozen, frozen=True, kw_only=True):
    """Units and hospitals, best first; `unit_id` and `hospital_id` are the rules' own choice, null where none fits.

    `capability`: what the hospital should be able to treat, "" where any will do. Times are seconds.
    """

    mission_id: str
    unit_id: str | None
    units: list[Candidate]
    hospital_id: str | None
    capability: str
    hospitals: list[HospitalCandidate]


def offer(
    mission: Mission,
    units: Sequence[Unit],
    hospitals: Sequence[Hospital],
    missions: Mapping[str, Mission],
    facts: Facts,
) -> Offer:
    """What stands to choose from for this mission, by the very rules of `assign` and `leave`.

    `missions`: all that are known, by id; they tell the units that an exercise has.
    """
    drilling = () if mission.exercise else at_exercises(units, lambda m: m in missions and missions[m].exercise)
    choice = choose_unit(mission, units, facts, drilling)
    sent = next((u for u in units if u.unit_id == mission.unit_id), None)
    origin = mission.place.point or (whereabouts(sent, facts).point if sent is not None else None)
    best, weighed, capability = choose_hospital(mission, hospitals, origin, facts.policy.ems)
    return Offer(
        mission_id=mission.mission_id, unit_id=choice.unit_id, units=choice.candidates, hospital_id=best or None,
        capability=capability, hospitals=weighed,
    )  # fmt: skip
