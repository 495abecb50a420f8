"""Transfer (转办) and return (退回): the giver answers for it until another accepts; ping-pong ends at the centre."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, carry, start, stop
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.permissions import as_ruler, as_taker, on_task
from tocsin.incident.routing import agency, route
from tocsin.incident.state import Incident, Task
from tocsin.policy.limits import working_day_after

RETURNS_MAX = 2
"""After two returns the command centre's ruling binds (domain.md, "Task chain")."""


def _bound(incident: Incident, task: Task) -> None:
    """The first receiver hands nothing on while it is unclear whose it is: it acts first."""
    if incident.three_way and task.held_by == incident.three_way[0]:
        raise Refused("illegal_step", "unsettled: the first receiver acts until it is agreed whose it is")


def transfer(case: Case) -> None:
    """Offers the task to another agency; the third goes to the command centre, by rule and at once."""
    incident, task = case.task(case.command.target)
    on_task(case, task)
    if task.state in ENDED or task.offered_to or task.return_code:
        raise Refused("illegal_step", f"the task is {'under offer' if task.offered_to else task.state}")
    _bound(incident, task)
    agency(case, case.data.to)
    count = task.transfers + 1
    by_rule = count > case.policy.transfers_before_command and task.held_by != case.policy.command_agency
    to = case.policy.command_agency if by_rule else case.data.to
    if to == task.held_by:
        raise Refused("illegal_step", f"{to} holds the task")
    case.say(
        incident.incident_id,
        ev.TransferOffered(
            task_id=task.task_id, agency=task.held_by, to=to, count=count, by_rule=by_rule, reason=case.data.reason
        ),
    )
    if by_rule:
        _unseen(case, incident, hand_over(case, incident, task, to), to)


def _unseen(case: Case, incident: Incident, task_id: str, to: str) -> None:
    """Who is given a task without having asked for it has yet to see it: that limit is its own and starts now."""
    agency_class = agency(case, to).agency_class
    start(case, Matter.of(incident), "acknowledge", task_id=task_id, agency=to, agency_class=agency_class)


def hand_over(case: Case, incident: Incident, task: Task, to: str) -> str:
    """The work goes on in a task of its own with the taker; its promises run on from where they began."""
    matter = Matter.of(incident)
    new_task = f"{incident.incident_id}-T{matter.tasks + 1}"
    case.say(
        incident.incident_id, ev.TaskTransferred(task_id=task.task_id, agency=task.held_by, to=to, new_task=new_task)
    )
    route(
        case,
        matter,
        to,
        task.role,
        "transfer",
        former=task.task_id,
        round_=task.round,
        clocks=False,
        needs=task.capabilities,
    )
    carry(case, incident, task, new_task, to, agency(case, to).agency_class)
    return new_task


def take(case: Case, incident: Incident, task: Task) -> None:
    """The agency a task is offered to accepts it: now it is responsible."""
    to = task.offered_to
    new_task = hand_over(case, incident, task, to)
    case.say(incident.incident_id, ev.TaskAcknowledged(task_id=new_task, agency=to))
    case.say(incident.incident_id, ev.TaskAccepted(task_id=new_task, agency=to))


def decline(case: Case) -> None:
    """The agency a task is offered to does not take it: the giver goes on."""
    incident, task = case.task(case.command.target)
    if not task.offered_to or task.state in ENDED:
        raise Refused("illegal_step", f"the task is {task.state}" if task.offered_to else "no transfer is offered")
    if not as_taker(case, task):
        raise Refused("not_your_task", f"the task is offered to {task.offered_to}")
    case.say(
        incident.incident_id,
        ev.TransferDeclined(task_id=task.task_id, agency=task.held_by, by=task.offered_to, reason=case.data.reason),
    )


def ask_return(case: Case) -> None:
    """Return: a request with a code, soon after routing; who ruled bindingly is not asked again."""
    incident, task = case.task(case.command.target)
    on_task(case, task)
    if task.state in ENDED or task.return_code or task.offered_to:
        raise Refused("illegal_step", f"the task is {'waiting for a ruling' if task.return_code else task.state}")
    _bound(incident, task)
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
        _unseen(case, incident, new_task, to)
        carry(case, incident, task, new_task, to, agency(case, to).agency_class)


def refuse_return(case: Case) -> None:
    """The task stays where it is; the refusal needs a reason, which the agency is told."""
    incident, task = _asked(case)
    reason = case.reason()
    case.say(incident.incident_id, ev.ReturnRefused(task_id=task.task_id, agency=task.held_by, reason=reason))
