"""The end of a matter: the caller told, the follow-up, closing and reopening (告知, 回访, 办结)."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, live, meet, start
from tocsin.incident.permissions import as_judge, file_of, open_file
from tocsin.incident.routing import open_tasks, route
from tocsin.incident.state import Incident
from tocsin.incident.unsettled import end as end_question

ROUNDS = 2


def inform_caller(case: Case) -> None:
    """InformCaller: told, or why not. May be said again, e.g. first unreachable, then told."""
    incident = file_of(case)
    if incident.state == "merged":
        case.open(incident)
    case.say(incident.incident_id, ev.CallerInformed(result=case.data.result, text=case.data.text))


def follow_up(case: Case) -> None:
    """FollowUp: after the work is done, by another than who did it. Not solved: a second round, once, one level up."""
    incident = case.known(case.command.target)
    as_judge(case, incident)
    if incident.state == "merged" or incident.followed_up or open_tasks(incident) or not _worked(incident):
        raise Refused("illegal_step", "the follow-up comes once a round, after the work is done")
    d = case.data
    case.say(
        incident.incident_id,
        ev.FollowedUp(solved=d.solved, satisfied=d.satisfied, round=incident.round, text=d.text),
    )
    if not d.solved and incident.round < ROUNDS:
        if incident.state == "closed":
            case.say(incident.incident_id, ev.IncidentReopened(cause="not_solved"))
        route(case, Matter.of(incident), case.policy.command_agency, "lead", "round", round_=incident.round + 1)


def _worked(incident: Incident) -> bool:
    return any(t.state == "completed" for t in incident.tasks.values())


def close(case: Case) -> None:
    """Close: every task ended, the caller told or not to be told, with the reason."""
    incident = open_file(case)
    tasks = open_tasks(incident)
    if tasks:
        raise Refused("task_open", f"{tasks[0].task_id} is {tasks[0].state} with {tasks[0].held_by}")
    if not incident.caller_informed and not nobody_called(case, incident):
        raise Refused("caller_not_told", "tell the caller, or record why not (inform_caller)")
    if case.data.disposition != "handled" and not _worked(incident):
        case.reason()
    end_question(case, incident, "closed")
    meet(case, incident, "review")
    if incident.review:
        case.say(incident.incident_id, ev.ReviewEnded(cause="close"))
    for c in live(incident):
        if c.clock != "review" and c.state != "missed":
            case.say(
                incident.incident_id,
                ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, agency=c.agency, cause="closed"),
            )
    case.say(incident.incident_id, ev.IncidentClosed(disposition=case.data.disposition, reason=case.data.reason))


def nobody_called(case: Case, incident: Incident) -> bool:
    """Whether only machines called: there is nobody to tell."""
    calls = [case.region.calls[n] for n in incident.links if n in case.region.calls]
    return bool(calls) and all(c.record.channel == "sensor" and not c.record.caller_token for c in calls)


def reopen(case: Case) -> None:
    """Reopen: a closed incident, with a reason. Nobody is at work on it yet: it waits for a person who routes it."""
    incident = file_of(case)
    reason = case.reason()
    if incident.state != "closed":
        raise Refused("illegal_step", f"the incident is {incident.state}")
    case.say(incident.incident_id, ev.IncidentReopened(cause="person", reason=reason))
    case.say(incident.incident_id, ev.ReviewRequested(reasons=["reopened"]))
    start(case, Matter.of(incident), "review")
