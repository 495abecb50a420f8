"""Transfer (转办): the giver answers for it until another accepts; ping-pong ends at the command centre."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, carry, meet, start, stop
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.permissions import as_taker, task_of
from tocsin.incident.routing import agency, route
from tocsin.incident.state import Incident, Task


def bound(incident: Incident, task: Task) -> None:
    """Refuses to the first receiver to hand anything on while it is unclear whose it is: it acts first."""
    if incident.three_way and task.held_by == incident.three_way[0]:
        raise Refused("illegal_step", "unsettled: the first receiver acts until it is agreed whose it is")


def transfer(case: Case) -> None:
    """Offers the task to another agency; the third goes to the command centre, by rule and at once."""
    incident, task = task_of(case)
    if task.state in ENDED or task.offered_to or task.return_code:
        raise Refused("illegal_step", f"the task is {'under offer' if task.offered_to else task.state}")
    bound(incident, task)
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
    if by_rule and not _into_its_own(case, incident, task, to):
        unseen(case, incident, hand_over(case, incident, task, to), to)


def its_own(incident: Incident, task: Task, to: str) -> Task | None:
    """The open task the other agency has here already; none beside a patient's, which is never joined to another."""
    if task.agency_class == "medical":
        return None
    return next((t for t in incident.tasks.values() if t.held_by == to and t.state not in ENDED), None)


def _into_its_own(case: Case, incident: Incident, task: Task, to: str) -> Task | None:
    """Handed to who is at work here already: joined to that work, which leads now where this did; nobody works twice.

    Heard as an alert. None where the agency has no work here yet.
    """
    own = its_own(incident, task, to)
    if own is None:
        return None
    case.say(
        incident.incident_id,
        ev.TaskTransferred(task_id=task.task_id, agency=task.held_by, to=to, new_task=own.task_id),
    )
    stop(case, incident, task_id=task.task_id, cause="handed_over")
    go_with(case, incident, task, own)
    return own


def go_with(case: Case, incident: Incident, task: Task, own: Task) -> None:
    """Whose work takes another's in hears of it, and leads where that led."""
    case.say(incident.incident_id, ev.TaskAlerted(task_id=own.task_id, agency=own.held_by, cause="handed_over"))
    if task.role == "lead" and own.role != "lead":
        lead = ev.RoleChanged(task_id=own.task_id, agency=own.held_by, role="lead", cause="handed_over")
        case.say(incident.incident_id, lead)


def unseen(case: Case, incident: Incident, task_id: str, to: str) -> None:
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
    own = _into_its_own(case, incident, task, to)
    if own is not None:
        _accepted(case, incident, own)
        return
    new_task = hand_over(case, incident, task, to)
    case.say(incident.incident_id, ev.TaskAcknowledged(task_id=new_task, agency=to))
    case.say(incident.incident_id, ev.TaskAccepted(task_id=new_task, agency=to))


def _accepted(case: Case, incident: Incident, own: Task) -> None:
    """Taking over says that the work here was seen and accepted, where that had not been said."""
    if RANK[own.state] < RANK["acknowledged"]:
        case.say(incident.incident_id, ev.TaskAcknowledged(task_id=own.task_id, agency=own.held_by))
        meet(case, incident, "acknowledge", task_id=own.task_id)
    if RANK[own.state] < RANK["accepted"]:
        case.say(incident.incident_id, ev.TaskAccepted(task_id=own.task_id, agency=own.held_by))


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
