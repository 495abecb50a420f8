"""Response plans (联动预案): which agencies a matter calls, in which role, and who answers for them now. Pure."""

from typing import NamedTuple

from tocsin.envelope import Ms
from tocsin.incident.values import AgencyClass, Role
from tocsin.policy.limits import DAY_MS, EPOCH_WEEKDAY, ZONE_MS, covers
from tocsin.policy.model import Agency, Policy

UNKNOWN = "unknown"
MEMO_MAX = 20_000


class Planned(NamedTuple):
    """An agency a plan calls, and what it is to bring. `cause`: plan, raised, mutual_aid, complaint."""

    agency: str
    agency_class: AgencyClass
    role: Role
    cause: str
    capabilities: tuple[str, ...] = ()


class Plan(NamedTuple):
    """What a matter calls for: the lead first; `priority` after all raises."""

    kind: str
    priority: int
    agencies: tuple[Planned, ...]


_last: list[tuple[Policy, dict[tuple[str, int, str, tuple[str, ...], str], Plan]]] = []


def plan_for(policy: Policy, kind: str, priority: int, region: str, raises: list[str], line: str) -> Plan:
    """The plan of a kind in a region, raised by what was said; an unknown kind is planned as `unknown`.

    A region that is not the policy's own is served by its neighbour's agencies and the county command centre beside
    them (mutual aid: life first, hand over after).
    """
    if not _last or _last[0][0] is not policy:
        _last[:] = [(policy, {})]
    memo = _last[0][1]
    key = (kind, priority, region, tuple(raises), line)
    known = memo.get(key)
    if known is None:
        if len(memo) > MEMO_MAX:
            memo.clear()
        known = memo[key] = _plan(policy, kind, priority, region, raises, line)
    return known


def _plan(policy: Policy, kind: str, priority: int, region: str, raises: list[str], line: str) -> Plan:
    row = policy.kinds.get(kind) or policy.kinds[UNKNOWN]
    called: dict[str, tuple[Role, str]] = {
        p.agency: (p.role, "plan") for p in sorted(row.plan, key=lambda p: p.role != "lead")
    }
    if row.code == UNKNOWN:
        called.setdefault(policy.command_agency, ("lead", "plan"))
        if line in policy.first_receivers:
            called.setdefault(policy.first_receivers[line], ("joint", "plan"))
    needs = {agency: list(asked) for agency, asked in row.needs.items()}
    for rule in policy.raises:
        if rule.name in raises and covers(rule.kinds, row.code) and not row.code.startswith("invalid."):
            priority = min(priority, rule.priority)
            for agency in rule.agencies:
                called.setdefault(agency, ("joint", "raised"))
            for agency, asked in rule.needs.items():
                needs.setdefault(agency, []).extend(asked)
    home = policy.regions.get(region)
    if called and (home is None or not home.own) and region != policy.command_region:
        called.setdefault(policy.command_agency, ("joint", "mutual_aid"))
    planned = [
        Planned(a, policy.agencies[a].agency_class, role, cause, tuple(dict.fromkeys(needs.get(a, []))))
        for a, (role, cause) in called.items()
    ]
    return Plan(row.code, priority, tuple(planned))


def duty_at(agency: Agency, at: Ms) -> str:
    """Who answers for an agency at this moment: the shift's name, its duty officer out of hours, or ""."""
    local = at + ZONE_MS
    day, minute = local // DAY_MS, local % DAY_MS // 60_000
    weekday = (day + EPOCH_WEEKDAY) % 7 + 1
    for name, days, begins, ends in _hours(agency):
        if begins < ends:
            if weekday in days and begins <= minute < ends:
                return name
        elif (weekday in days and minute >= begins) or ((weekday - 2) % 7 + 1 in days and minute < ends):
            return name
    return agency.duty


_rosters: dict[int, tuple[Agency, list[tuple[str, list[int], int, int]]]] = {}


def _hours(agency: Agency) -> list[tuple[str, list[int], int, int]]:
    """The roster's shifts with their hours as minutes of the day; read once for each agency's value."""
    known = _rosters.get(id(agency))
    if known is None or known[0] is not agency:
        if len(_rosters) > MEMO_MAX:
            _rosters.clear()
        shifts = [(s.name, s.days, _minutes(s.from_time), _minutes(s.to_time)) for s in agency.roster]
        known = _rosters[id(agency)] = agency, shifts
    return known[1]


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
