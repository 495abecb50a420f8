"""A complaint never goes to the agency complained of: who looks into it instead, while nobody is in danger."""

from collections.abc import Collection

from tocsin.incident.state import Incident, RegionState
from tocsin.policy.model import Policy
from tocsin.policy.plan import Plan, Planned

COMPLAINT = "complaint"
"""The flag of an incident that complains of an agency; why it is in review, where that changed its plan."""
_SLOW = 3
"""From this priority on a kind can wait for who is not complained of; whoever is in danger is helped by anyone."""


def away_from(policy: Policy, kind: str, against: Collection[str], *, urgent: bool) -> frozenset[str]:
    """Of the agencies complained of, those that get no task by rule. `urgent`: the words spoke of danger."""
    row = policy.kinds.get(kind)
    slow = kind == "unknown" or (row is not None and row.priority >= _SLOW)
    return frozenset(against) if slow and not urgent else frozenset()


def away_of(policy: Policy, region: RegionState, incident: Incident, kind: str, raises: list[str]) -> frozenset[str]:
    """The same for an incident that was opened as a complaint, by what all its calls say."""
    if COMPLAINT not in incident.flags:
        return frozenset()
    calls = (region.calls.get(n) for n in incident.links)
    against = {a for c in calls if c is not None for a in c.understanding.against}
    return away_from(policy, kind, against, urgent=bool(raises))


def looks_into(policy: Policy, against: Collection[str]) -> str:
    """The inspection; about that one, the county command centre."""
    return policy.command_agency if policy.inspection_agency in against else policy.inspection_agency


def fair(policy: Policy, plan: Plan, away: Collection[str]) -> Plan:
    """The plan without those; who looks into the complaint stands in for them, and leads where one of them led."""
    if not away:
        return plan
    kept = [p for p in plan.agencies if p.agency not in away]
    if len(kept) == len(plan.agencies):
        return plan
    to = policy.agencies[looks_into(policy, away)]
    led = any(p.role == "lead" for p in kept)
    kept = [p for p in kept if p.agency != to.id or led]
    if to.id not in {p.agency for p in kept}:
        stands_in = Planned(to.id, to.agency_class, "joint" if led else "lead", COMPLAINT)
        kept.insert(len(kept) if led else 0, stands_in)
    return Plan(plan.kind, plan.priority, tuple(kept))


def concerns(incident: Incident, against: Collection[str]) -> bool:
    """Whether one of these has, or had, work in an incident: a complaint of it is not laid before it there."""
    return any(a in against for t in incident.tasks.values() for a in (t.agency, t.held_by, t.offered_to))
