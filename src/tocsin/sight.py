"""Who may see what (pure). Everything an incident may be seen by is a key it carries; a sight is the keys one holds."""

from collections.abc import Iterable

from tocsin.envelope import Frozen
from tocsin.incident.permissions import takes_part
from tocsin.incident.state import Incident
from tocsin.incident.values import CallRecord
from tocsin.policy.model import Policy
from tocsin.runtime.security import Principal

FORGOTTEN = "（已遗忘）"
FORMER = "former:"
"""How the key of an agency begins that had a task in a matter and takes no part in it any more: it sees that task."""


class Sight(Frozen, frozen=True, kw_only=True):
    """What one may see: `everything`, whole `regions`, or incidents that carry one of `keys`.

    `medical`: words of the 120 line, outcomes of patients. `first_of`: agencies whose confidential callers one sees.
    """

    everything: bool = False
    regions: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    medical: bool = False
    first_of: frozenset[str] = frozenset()


def sight_of(who: Principal, policy: Policy) -> Sight:  # noqa: PLR0911 - a row a role
    """The sight of a role (domain.md, "Who may see what")."""
    own = frozenset(
        {who.region, policy.command_region} | {r.id for r in policy.regions.values() if r.served_by == who.region}
    )
    match who.role:
        case "supervisor" | "auditor" | "admin":
            return Sight(everything=True)
        case "call_taker":
            first = frozenset(policy.first_receivers.get(line, "") for line in ("110", "119", "122")) - {""}
            return Sight(regions=own, medical=True, first_of=first)
        case "commander":
            return Sight(regions=own, medical=True, first_of=frozenset({policy.command_agency}))
        case "hotline":
            desk = who.agency or policy.first_receivers.get("12345", "")
            keys = {"line:12345", f"first:{desk}", f"agency:{desk}", f"{FORMER}{desk}"}
            return Sight(keys=frozenset(keys), first_of=frozenset({desk}))
        case "ems_dispatcher":
            return Sight(
                keys=frozenset({"line:120", "class:medical"}),
                medical=True,
                first_of=frozenset({policy.first_receivers.get("120", "")}),
            )
        case "crew":
            return Sight(keys=frozenset({f"unit:{who.unit}"}), medical=True)
        case "dispatcher":
            agency = policy.agencies.get(who.agency)
            medical = agency is not None and agency.agency_class == "medical"
            keys = {f"agency:{who.agency}", f"{FORMER}{who.agency}"}
            return Sight(keys=frozenset(keys), medical=medical, first_of=frozenset({who.agency}))
        case _:
            return Sight()


def may_see(sight: Sight, region: str, keys: frozenset[str]) -> bool:
    """Whether an incident of this region with these keys is in sight."""
    return sight.everything or region in sight.regions or not sight.keys.isdisjoint(keys)


def keys_of(incident: Incident, lines: Iterable[str]) -> frozenset[str]:
    """What an incident may be seen by: agencies that take part, those that did, classes, units, lines."""
    keys = {f"line:{line}" for line in lines} | {f"call:{c}" for c in incident.links}
    if incident.first_receiver:
        keys.add(f"first:{incident.first_receiver}")
    for task in incident.tasks.values():
        for a in (task.agency, task.held_by, task.offered_to):
            if a and takes_part(incident, a):
                keys.add(f"agency:{a}")
            elif a and a != task.offered_to:
                keys.add(f"{FORMER}{a}")
        keys |= {f"unit:{u}" for u in task.units}
        keys.add(f"class:{task.agency_class}")
    return frozenset(keys)


def whole(keys: frozenset[str]) -> frozenset[str]:
    """The keys by which all of an incident is seen."""
    return frozenset(k for k in keys if not k.startswith(FORMER))


def only_own(sight: Sight, region: str, keys: frozenset[str]) -> str:
    """The agency of which no more than its own former task is seen; "" where all is."""
    if may_see(sight, region, whole(keys)):
        return ""
    return next((k.removeprefix(FORMER) for k in sorted(sight.keys & keys) if k.startswith(FORMER)), "")


def caller_hidden(record: CallRecord, sight: Sight, first_receiver: str, *, secret: bool = False) -> bool:
    """Whether the caller stays unseen: confidential (or of a `secret` kind), and one sits not at the first receiver."""
    return (record.confidential or secret) and not (first_receiver and first_receiver in sight.first_of)


def text_hidden(record: CallRecord, sight: Sight) -> bool:
    """Whether the words stay unseen: they are a patient's, and one has no 120 role."""
    return record.line == "120" and not sight.medical
