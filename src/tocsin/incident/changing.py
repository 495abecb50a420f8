"""A person corrects what is known of an incident. Agencies are added as the plan then says, none is withdrawn."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, meet, start
from tocsin.incident.deadlines import shorten
from tocsin.incident.permissions import open_file
from tocsin.incident.routing import agency, alert, extend_plan, fair_plan, holders, open_tasks, raise_priority, route
from tocsin.incident.state import Incident
from tocsin.incident.values import Role
from tocsin.place import Place
from tocsin.policy.plan import plan_for

LOWEST = 4


def looked(case: Case, incident: Incident, cause: str) -> None:
    """A person has looked: the review ends."""
    if incident.review:
        case.say(incident.incident_id, ev.ReviewEnded(cause=cause))
        meet(case, incident, "review")


def reclassify(case: Case) -> None:
    """Reclassify: the new kind's plan is put to work beside what runs."""
    incident = open_file(case)
    reason, kind = case.reason(), case.data.kind
    if kind not in case.policy.kinds:
        raise Refused("unknown_kind", f"no kind {kind} in the policy")
    if kind == incident.kind:
        raise Refused("illegal_step", f"the kind is {kind} already")
    case.say(incident.incident_id, ev.Reclassified(kind=kind, former=incident.kind, reason=reason))
    matter = Matter.of(incident)
    matter.kind = kind
    planned = plan_for(
        case.policy, kind, case.policy.kinds[kind].priority, matter.region, incident.raises, matter.line
    ).priority
    raise_priority(case, incident, planned, "reclassified", reason)
    matter.priority = min(incident.priority, planned)
    shorten(case, incident, matter)
    before = {t.task_id for t in open_tasks(incident)}
    lead = _lead(case, matter, incident)
    extend_plan(case, matter, incident, incident.raises, joint=not lead, takes_lead=bool(lead))
    _one_lead(case, incident, lead)
    if before:
        alert(case, incident, "reclassified")
    looked(case, incident, "reclassify")


def _lead(case: Case, matter: Matter, incident: Incident) -> str:
    """Who leads by the new kind's plan; "" where the plan names nobody."""
    plan = fair_plan(case, matter, incident, incident.raises)
    return next((p.agency for p in plan.agencies if p.role == "lead"), "")


def _one_lead(case: Case, incident: Incident, lead: str) -> None:
    """An incident has one lead: who led by the former kind works on beside it."""
    for t in open_tasks(incident) if lead else ():
        role: Role = "lead" if t.held_by == lead else "joint"
        if t.role != role:
            case.say(
                incident.incident_id,
                ev.RoleChanged(task_id=t.task_id, agency=t.held_by, role=role, cause="reclassified"),
            )


def set_priority(case: Case) -> None:
    """SetPriority: raised, everyone at work hears of it; lowered, nobody is withdrawn."""
    incident = open_file(case)
    reason, priority = case.reason(), case.data.priority
    if not 1 <= priority <= LOWEST:
        raise Refused("illegal_step", "a priority is 1 to 4")
    if priority == incident.priority:
        raise Refused("illegal_step", f"the priority is {priority} already")
    case.say(
        incident.incident_id,
        ev.PriorityChanged(priority=priority, former=incident.priority, cause="person", reason=reason),
    )
    if priority < incident.priority:
        matter = Matter.of(incident)
        matter.priority = priority
        extend_plan(case, matter, incident, incident.raises, joint=bool(open_tasks(incident)))
        shorten(case, incident, matter)
        alert(case, incident, "priority")
    looked(case, incident, "set_priority")


def correct_location(case: Case) -> None:
    """CorrectLocation: the plan of the new place is put to work beside what runs; who is on the way hears of it."""
    incident = open_file(case)
    reason, given = case.reason(), case.data.location
    place = case.data.place
    if place is None:
        if given.point is None and not given.address:
            raise Refused("illegal_step", "give an address or a point")
        place = Place(region=incident.place.region, point=given.point, accuracy_m=given.accuracy_m, source="person")
    case.say(
        incident.incident_id,
        ev.LocationCorrected(place=place, address=given.address, cause="person", reason=reason),
    )
    matter = Matter.of(incident)
    matter.region, matter.setting = place.region, place.setting
    extend_plan(case, matter, incident, incident.raises, joint=bool(open_tasks(incident)))
    alert(case, incident, "location")
    if place.point is not None or incident.lane != "urgent":
        looked(case, incident, "correct_location")
    elif "place_missing" not in incident.review:
        case.say(incident.incident_id, ev.ReviewRequested(reasons=["place_missing"]))
        if not incident.review:
            start(case, matter, "review")


def route_agency(case: Case) -> None:
    """Route: an agency beside those of the plan."""
    incident = open_file(case)
    to = agency(case, case.data.agency)
    if to.id in holders(incident):
        raise Refused("illegal_step", f"{to.id} has an open task here")
    route(case, Matter.of(incident), to.id, case.data.role, "person")
    _one_lead(case, incident, to.id if case.data.role == "lead" else "")
    looked(case, incident, "route")
