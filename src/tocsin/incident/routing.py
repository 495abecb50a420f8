"""Who gets a task: response plans put to work, agencies added as a matter grows, none ever withdrawn by rule."""

from collections.abc import Iterable

from tocsin.envelope import Sealed
from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import CONSULTATION, Matter, start
from tocsin.incident.complained import COMPLAINT, away_from, away_of, fair, looks_into
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.state import Incident, Task
from tocsin.incident.values import ClockName, Role, Understanding
from tocsin.place import Place
from tocsin.policy.model import Agency, Policy
from tocsin.policy.plan import Plan, duty_at, plan_for

INVALID = "invalid."
TASK_CLOCKS: tuple[ClockName, ...] = ("acknowledge", "dispatch", "arrive", "complete")
"""Clocks that run from the moment a task is routed; the whole promise among them, never from its acceptance."""


def agency(case: Case, agency_id: str) -> Agency:
    """An agency of the policy; refused where there is none."""
    found = case.policy.agencies.get(agency_id)
    if found is None:
        raise Refused("unknown_agency", f"no agency {agency_id} in the policy")
    return found


def route(
    case: Case,
    matter: Matter,
    agency_id: str,
    role: Role,
    cause: str,
    *,
    former: str = "",
    round_: int = 1,
    clocks: bool = True,
    needs: Iterable[str] = (),
) -> str:
    """Gives an agency a task, with its limits and what it is to bring; the task's id."""
    to = agency(case, agency_id)
    task_id = matter.next_task()
    case.say(
        matter.incident_id,
        ev.TaskRouted(
            task_id=task_id, agency=agency_id, agency_class=to.agency_class, role=role, cause=cause,
            duty=duty_at(to, case.now), round=round_, former_task=former,
            capabilities=list(needs),
        ),
    )  # fmt: skip
    if clocks:
        for clock in TASK_CLOCKS:
            start(case, matter, clock, task_id=task_id, agency=agency_id, agency_class=to.agency_class)
    return task_id


def open_tasks(incident: Incident) -> list[Task]:
    """The incident's tasks that have not ended."""
    return [t for t in incident.tasks.values() if t.state not in ENDED]


def holders(incident: Incident) -> set[str]:
    """The agencies that have an open task here."""
    return {t.held_by for t in open_tasks(incident)}


def fair_plan(case: Case, matter: Matter, incident: Incident, raises: list[str]) -> Plan:
    """The plan of an incident as it is now understood, without whoever its calls complain of."""
    plan = plan_for(case.policy, matter.kind, matter.priority, matter.region, raises, matter.line)
    return fair(case.policy, plan, away_of(case.policy, case.region, incident, matter.kind, raises))


def extend_plan(
    case: Case, matter: Matter, incident: Incident, raises: list[str], *, joint: bool, cause: str = "",
    takes_lead: bool = False,
) -> int:  # fmt: skip
    """Adds the agencies a (re-)plan calls and that hold no open task here; returns the plan's priority.

    Its lead comes as joint where another leads already, unless it `takes_lead`.
    """
    plan = fair_plan(case, matter, incident, raises)
    held = holders(incident)
    led = not takes_lead and any(t.role == "lead" for t in open_tasks(incident))
    for planned in plan.agencies:
        if planned.agency not in held:
            role: Role = "joint" if joint or led else planned.role
            route(case, matter, planned.agency, role, cause or planned.cause, needs=planned.capabilities)
    return plan.priority


def alert(case: Case, incident: Incident, cause: str, *, but: Iterable[str] = ()) -> None:
    """Tells everyone who holds a task here of something new."""
    for task in open_tasks(incident):
        if task.task_id not in but:
            case.say(incident.incident_id, ev.TaskAlerted(task_id=task.task_id, agency=task.held_by, cause=cause))


def raise_priority(case: Case, incident: Incident, priority: int, cause: str, reason: Sealed = "") -> bool:
    """States a more urgent priority; never a lower one."""
    if priority >= incident.priority:
        return False
    case.say(
        incident.incident_id,
        ev.PriorityChanged(priority=priority, former=incident.priority, cause=cause, reason=reason),
    )
    return True


def open_incident(
    case: Case, call_id: str, u: Understanding, *, kind: str, line: str, place: Place, lane: str, exercise: bool,
    flags: list[str], cause: str = "", incident_id: str = "", called_back: bool = False,
) -> Matter:  # fmt: skip
    """States a new incident with its tasks and clocks. Unsure, unplaced or regionless: a person looks, at once."""
    policy = case.policy
    kind = kind if kind in policy.kinds else "unknown"
    row = policy.kinds[kind]
    own_kind = kind == u.kind
    raises = u.raises if own_kind else []
    priority = u.priority if own_kind else row.priority
    away = away_from(policy, kind, u.against, urgent=bool(raises) or u.escalated) if u.against else frozenset()
    whole = plan_for(policy, kind, priority, place.region, raises, line)
    plan = fair(policy, whole, away)
    flags, review = list(flags), _review(case, u, place, lane, review_kind=row.review, invalid=kind.startswith(INVALID))
    asks = u.asks and own_kind
    _flag(policy, flags, u, place, asks=asks)
    if away:
        _add(flags, COMPLAINT)
    if plan is not whole:
        _add(review, COMPLAINT)
    first = policy.first_receivers.get(line, policy.command_agency)
    urgent = lane == "urgent" or u.escalated or plan.priority <= 2  # noqa: PLR2004 - priorities 1 and 2 are the urgent ones
    matter = Matter(
        incident_id or case.next_id(),
        line=line,
        kind=kind,
        priority=plan.priority,
        region=place.region,
        setting=place.setting,
        asks=asks,
    )
    case.say(
        matter.incident_id,
        ev.IncidentOpened(
            call_id=call_id, kind=kind, priority=plan.priority, place=place,
            first_receiver=looks_into(policy, away) if first in away else first, flags=flags, review=review,
            victims=u.victims if own_kind else None, hazards=u.hazards if own_kind else [], cause=cause, line=line,
            lane="urgent" if urgent else "routine", exercise=exercise, raises=raises,
        ),
    )  # fmt: skip
    for planned in plan.agencies:
        route(case, matter, planned.agency, planned.role, planned.cause, needs=planned.capabilities)
    if kind in ("invalid.silent", "invalid.dropped") and not called_back:
        start(case, matter, "callback")
    if review:
        start(case, matter, "review")
    return matter


def _flag(policy: Policy, flags: list[str], u: Understanding, place: Place, *, asks: bool) -> None:
    """What whoever opens the file is to know of its place and of the call's words."""
    home = policy.regions.get(place.region)
    if place.region == policy.command_region:
        _add(flags, "region_unknown")
    elif home is None or not home.own:
        _add(flags, "out_of_area")
    if u.escalated:
        _add(flags, "escalated")
    if u.human:
        _add(flags, "unsure")
    if asks:
        _add(flags, CONSULTATION)


def _add(flags: list[str], flag: str) -> None:
    if flag not in flags:
        flags.append(flag)


def _review(case: Case, u: Understanding, place: Place, lane: str, *, review_kind: bool, invalid: bool) -> list[str]:
    """Why a person must look; empty where the rules are sure (invariant 8)."""
    reasons: list[str] = []
    if u.human:
        reasons.extend(u.reasons or ["unsure"])
    if review_kind and "kind" not in reasons:
        reasons.append("kind")
    if place.region == case.policy.command_region:
        _add(reasons, "region_unknown")
    if lane == "urgent" and place.point is None and not invalid:
        _add(reasons, "place_missing")
    return reasons
