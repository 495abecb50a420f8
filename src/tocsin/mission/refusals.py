"""The codes of refused commands of the 120 centre: stable, each with what it means and what to do."""

CODES: dict[str, str] = {
    "unknown_mission": "There is no such mission in this region (404 at the edge).",
    "unknown_unit": "There is no such unit in this region (404 at the edge; 409 where a body names it).",
    "unknown_hospital": "There is no such hospital in this region (404 at the edge; 409 where a body names it).",
    "illegal_step": "The mission or unit is not in a state from which this can be done; read it again.",
    "unit_busy": "The unit has a mission; one unit never has two. Name another, or end that mission first.",
    "unit_unavailable": "The unit is off duty or out of service. Put it on duty first, or name another.",
    "no_unit": "No unit can be sent by rule now. The mission goes on waiting; name a unit, or wait.",
    "not_your_mission": "A crew acts on its own unit's mission only, and does not assign.",
    "not_your_unit": "A crew acts on its own unit only.",
    "reason_required": "Say why: this overrides a rule or takes a crew from its patient.",
    "answer_unknown": "A question or an answer that the triage does not know.",
    "version_conflict": "Somebody acted since the version you saw. Read again, then decide again.",
    "too_early": "A clock's command came before its time.",
    "cross_region": "The unit or hospital belongs to another region.",
    "rules_failed": "The rules failed on this command; it is among the dead letters and a person must look.",
}
"""Code → what it means and the mend."""
