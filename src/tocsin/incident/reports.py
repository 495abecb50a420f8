"""What other parts of the system report: 120's missions, a neighbour's probe, a policy. Facts, not acts."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, meet, start
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.grid import LOOK_MAX
from tocsin.incident.nearness import nearness
from tocsin.incident.scale import scale
from tocsin.incident.state import Incident, Task
from tocsin.incident.tasks import advance, finish, reach, send
from tocsin.outcomes import PolicyActivated

DISPOSITIONS = {
    "transported": "handled", "treated_refused": "handled", "refused": "no_action", "no_patient": "unfounded",
    "self_left": "no_action", "cancelled_before": "cancelled", "cancelled_enroute": "cancelled",
    "dead_on_scene": "handled",
}  # fmt: skip
"""How a mission's outcome reads as a task's disposition."""


def mission(case: Case) -> None:
    """ReportMission: the medical task comes as far as its missions have; it ends when all of them have."""
    incident, task = case.task(case.command.target)
    d = case.data
    if task.state in ENDED:
        case.noted(f"task_{task.state}", incident.incident_id)
        return
    stage = d.step if d.step != "completed" or d.all_ended else "ended"
    case.say(
        incident.incident_id,
        ev.TaskFeedback(
            task_id=task.task_id, agency=task.held_by, stage=stage, mission_id=d.mission_id, outcome=d.outcome
        ),
    )
    if d.step in ("acknowledged", "departed", "arrived") or (d.step == "completed" and d.all_ended):
        advance(case, incident, task, "accepted")
    _forward(case, incident, task)


def _forward(case: Case, incident: Incident, task: Task) -> None:
    d = case.data
    if d.step == "departed" and not (d.unit_id in task.units and task.state in ("dispatched", "on_scene")):
        send(case, incident, task, [d.unit_id] if d.unit_id else [])
    elif d.step == "arrived" and task.state != "on_scene":
        reach(case, incident, task, d.unit_id, suitable=not d.unsuitable)
    elif d.step == "arrived" and not d.unsuitable:
        meet(case, incident, "arrive", task_id=task.task_id)
    elif d.step == "feedback":
        meet(case, incident, "feedback", task_id=task.task_id)
    elif d.step == "completed" and d.all_ended:
        finish(case, incident, task, disposition=DISPOSITIONS.get(d.outcome, "handled"), outcome=d.outcome)
    elif d.step == "no_unit" and "no_unit" not in incident.review:
        case.say(incident.incident_id, ev.ReviewRequested(reasons=["no_unit"]))
        if not incident.review:
            start(case, Matter.of(incident), "review")


def probe(case: Case) -> None:
    """ProbeBorder: a neighbour asks whether something of ours may be its matter. We say so; a person relates them."""
    d = case.data
    rules = scale(case.policy)
    best: tuple[float, str, dict[str, float]] | None = None
    if d.place.point is not None:
        reach_m = max(rules.linking.border_m * 2, rules.linking.distance_half_m)
        kinds = (alike for cell in case.region.grid.near(d.place.point, reach_m) for alike in cell.values())
        for alike in kinds:
            for _, incident_id in zip(range(LOOK_MAX), reversed(alike), strict=False):
                incident = case.region.incidents[incident_id]
                found = _probe_score(case, incident)
                if found is not None and (best is None or (-found[0], incident_id) < (-best[0], best[1])):
                    best = (found[0], incident_id, found[1])
    if best is None or best[0] < rules.linking.suggest_at:
        case.noted("no_match")
        return
    case.say(best[1], ev.RelationProbed(asking_incident=d.incident_id, score=best[0], reasons=best[2]))


def _probe_score(case: Case, incident: Incident) -> tuple[float, dict[str, float]] | None:
    d, rules = case.data, scale(case.policy)
    gap_s = abs(d.opened_at - incident.call_at) / 1000
    near = nearness(incident.place, d.place, rules.linking.distance_half_m)
    kind = rules.compatible(incident.kind, d.kind)
    if incident.state != "open" or incident.exercise != case.command.exercise or near is None or kind <= 0:
        return None
    if gap_s > rules.linking.gap_max_s or near[1] > rules.linking.distance_max_m:
        return None
    time = 2.0 ** (-gap_s / rules.linking.gap_half_s)
    distance = 2.0 ** -near[0]
    parts = {"kind": kind, "distance": round(distance, 4), "time": round(time, 4)}
    weights = (rules.kind, rules.distance, rules.time)
    product = kind ** weights[0] * distance ** weights[1] * time ** weights[2]
    return round(product ** (1 / sum(weights)), 4), parts


def suggest_relation(case: Case) -> None:
    """SuggestRelation: a neighbour's answer to our probe, kept as a suggestion by rule; or what a person said there."""
    d = case.data
    incident = case.survivor(d.incident_id)
    if d.to in incident.related:
        case.noted("related", incident.incident_id)
        return
    if incident.exercise != case.command.exercise:
        case.noted("exercise", incident.incident_id)
        return
    related = ev.IncidentsRelated(to=d.to, decided_by="rule", score=d.score, reasons=d.reasons)
    case.say(incident.incident_id, ev.IncidentsRelated(to=d.to, decided_by="person") if d.by_person else related)


def activate_policy(case: Case) -> None:
    """ActivatePolicy: later decisions of this region use it."""
    if not case.data.policy:
        raise Refused("reason_required", "name the policy's hash")
    if case.facts.unkept:
        raise Refused("policy_unknown", "whoever decides this region has no copy of it that holds")
    if case.region.policy == case.data.policy:
        case.noted("policy_active")
        return
    case.say("", PolicyActivated(policy=case.data.policy, former=case.region.policy))
