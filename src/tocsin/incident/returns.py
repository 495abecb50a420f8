"""Return (退回): a request with a code, soon after routing; the first receiver rules, in the end the command centre."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, carry, stop
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.permissions import as_ruler, task_of
from tocsin.incident.routing import agency, route
from tocsin.incident.state import Incident, Task
from tocsin.incident.transfers import bound, go_with, its_own, unseen
from tocsin.policy.limits import working_day_after

RETURNS_MAX = 2
"""After two returns the command centre's ruling binds (domain.md, "Task chain")."""


def ask_return(case: Case) -> None:
    """Return: a request with a code, soon after routing; who ruled bindingly is not asked again."""
    incident, task = task_of(case)
    if task.state in ENDED or task.return_code or task.offered_to:
        raise Refused("illegal_step", f"the task is {'waiting for a ruling' if task.return_code else task.state}")
    bound(incident, task)
    if task.returns >= RETURNS_MAX:
        raise Refused("illegal_step", "the county command centre has ruled")
    if case.data.code == "other" and not case.data.reason:
        raise Refused("reason_required", "say why")
    policy = case.policy
    if incident.lane == "urgent":
        last = task.routed_at + policy.return_urgent_s * 1000
    else:
        last = working_day_after(policy, task.routed_at, policy.return_routine_working_days)
    if case.now > last or RANK[task.state] >= RANK["dispatched"]:
        raise Refused("too_late", "the time to return this task has passed; transfer it instead")
    case.say(
        incident.incident_id,
        ev.ReturnRequested(task_id=task.task_id, agency=task.held_by, code=case.data.code, reason=case.data.reason),
    )


def _asked(case: Case) -> tuple[Incident, Task]:
    incident, task = case.task(case.command.target)
    if not task.return_code or task.state in ENDED:
        raise Refused("illegal_step", f"the task is {task.state}" if task.return_code else "no return is asked for")
    as_ruler(case, incident, task)
    return incident, task


def grant_return(case: Case) -> None:
    """The work goes to another agency, the county command centre where none is named; not once units went out."""
    incident, task = _asked(case)
    if RANK[task.state] >= RANK["dispatched"]:
        raise Refused("too_late", f"{task.held_by} is at work meanwhile, the task is {task.state}; refuse the return")
    to = case.data.to or case.policy.command_agency
    agency(case, to)
    if to == task.held_by:
        raise Refused("illegal_step", f"{to} is who returns the task")
    case.say(
        incident.incident_id,
        ev.TaskReturned(task_id=task.task_id, agency=task.held_by, to=to, reason=case.data.reason),
    )
    own = its_own(incident, task, to)
    if own is not None:
        stop(case, incident, task_id=task.task_id, cause="returned")
        go_with(case, incident, task, own)
        return
    matter = Matter.of(incident)
    new_task = route(
        case,
        matter,
        to,
        task.role,
        "return",
        former=task.task_id,
        round_=task.round,
        clocks=incident.lane == "urgent",
        needs=task.capabilities,
    )
    if incident.lane == "urgent":
        stop(case, incident, task_id=task.task_id, cause="returned")
    else:
        unseen(case, incident, new_task, to)
        carry(case, incident, task, new_task, to, agency(case, to).agency_class)


def refuse_return(case: Case) -> None:
    """The task stays where it is; the refusal needs a reason, which the agency is told."""
    incident, task = _asked(case)
    reason = case.reason()
    case.say(incident.incident_id, ev.ReturnRefused(task_id=task.task_id, agency=task.held_by, reason=reason))
