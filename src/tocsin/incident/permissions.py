"""Who may do what: the desk sees its region, an agency acts on its own tasks, the command centre rules (domain.md)."""

from tocsin.incident.case import Case, Refused
from tocsin.incident.commands import Note
from tocsin.incident.fold_tasks import ENDED
from tocsin.incident.state import Incident, Task
from tocsin.incident.values import AgencyClass

WHOLE = frozenset({"system", "admin", "commander"})
"""May act on anything of the region."""
DESK = frozenset({"call_taker", "hotline", "ems_dispatcher"})
"""The desks of the lines: they keep the file of every incident of their region."""
DESK_CLASSES: dict[str, frozenset[AgencyClass]] = {
    "call_taker": frozenset({"police", "fire", "traffic"}),
    "hotline": frozenset({"department"}),
    "ems_dispatcher": frozenset({"medical"}),
}
"""Tasks a desk may carry forward itself: those of the services behind its lines."""
LEFT = frozenset({"transferred", "returned", "cancelled"})
"""States of a task whose agency has no work by it any more."""
OVERSEES = frozenset({"supervisor"})
HOTLINE = "12345"


def takes_part(incident: Incident, agency: str) -> bool:
    """Whether an agency has to do with a matter now: holds or did a task, is offered one, received what it handed on.

    Not any more: called off, given back, handed on, an offer declined. A task joined to its own elsewhere is still its.
    """
    return any(
        (t.held_by == agency and (t.state not in LEFT or (t.state == "transferred" and t.agency == agency)))
        or (t.offered_to == agency and t.state not in ENDED)
        or (incident.first_receiver == agency and agency in (t.agency, t.held_by))
        for t in incident.tasks.values()
    )


def on_incident(case: Case, incident: Incident) -> None:
    """Whether the actor may act on this incident; refused otherwise."""
    actor = case.command.actor
    if actor.role in WHOLE or actor.role in DESK or actor.role in OVERSEES:
        return
    if actor.role in ("dispatcher", "crew"):
        if actor.agency and (actor.agency == incident.first_receiver or takes_part(incident, actor.agency)):
            return
        had = any(actor.agency in (t.agency, t.held_by) for t in incident.tasks.values())
        if actor.agency and had and isinstance(case.data, Note):
            return  # what it did here it may still account for
        raise Refused("not_your_task", f"{actor.agency or 'this account'} has no task in {incident.incident_id}")
    raise Refused("not_allowed", f"role {actor.role} does not act on incidents")


def file_of(case: Case) -> Incident:
    """The incident a command names, where the actor may act on its file; refused otherwise."""
    incident = case.known(case.command.target)
    on_incident(case, incident)
    return incident


def open_file(case: Case) -> Incident:
    """The same, and it is open."""
    return case.open(file_of(case))


def on_task(case: Case, task: Task) -> None:
    """Whether the actor may carry this task forward: its holder, the desk behind it, the command centre."""
    actor = case.command.actor
    if actor.role in WHOLE:
        return
    if actor.role in DESK_CLASSES:
        if task.agency_class in DESK_CLASSES[actor.role] or (actor.agency and actor.agency == task.held_by):
            return
        raise Refused("not_your_task", f"the desk {actor.role} does not act for {task.held_by}")
    if actor.role in ("dispatcher", "crew"):
        if actor.agency and actor.agency == task.held_by:
            return
        raise Refused("not_your_task", f"{task.task_id} is held by {task.held_by}")
    raise Refused("not_allowed", f"role {actor.role} does not act on tasks")


def task_of(case: Case) -> tuple[Incident, Task]:
    """The task a command names, where the actor may carry it on, with the incident that holds it now."""
    incident, task = case.task(case.command.target)
    on_task(case, task)
    return incident, task


def as_taker(case: Case, task: Task) -> bool:
    """Whether the actor speaks for the agency a transfer is offered to."""
    actor = case.command.actor
    if not task.offered_to:
        return False
    if actor.role == "dispatcher":
        return actor.agency == task.offered_to
    if actor.role in DESK_CLASSES:
        offered = case.policy.agencies.get(task.offered_to)
        return offered is not None and offered.agency_class in DESK_CLASSES[actor.role]
    return actor.role in WHOLE


def as_ruler(case: Case, incident: Incident, task: Task) -> None:
    """Who rules on a return: the first receiver; from the second return on the county command centre, bindingly."""
    actor = case.command.actor
    if actor.role in WHOLE or (actor.role == "dispatcher" and actor.agency == case.policy.command_agency):
        return
    if task.returns >= 2:  # noqa: PLR2004 - domain.md: after a second return the county command centre rules
        raise Refused("not_your_task", "after a second return the county command centre rules")
    desk = "hotline" if incident.line == "12345" else "ems_dispatcher" if incident.line == "120" else "call_taker"
    if actor.role == desk or (
        actor.agency and actor.agency == incident.first_receiver and actor.agency != task.held_by
    ):
        return
    raise Refused("not_your_task", f"the first receiver {incident.first_receiver} rules on this return")


def as_judge(case: Case, incident: Incident) -> None:
    """Who asks whether it was solved: a desk (12345's own for its orders), the command centre; never who did the work.

    An agency's dispatcher only where it received the call, or is the command centre, and worked on nothing here.
    """
    actor = case.command.actor
    if actor.role in WHOLE or actor.role == "hotline" or (actor.role in DESK and incident.line != HOTLINE):
        return
    if any(actor.agency == t.held_by and t.state == "completed" for t in incident.tasks.values()):
        raise Refused("not_your_task", f"{actor.agency} did the work; whether it was solved is asked by another")
    if actor.role == "dispatcher" and actor.agency in (incident.first_receiver, case.policy.command_agency):
        return
    who = actor.agency or f"the role {actor.role}"
    raise Refused("not_your_task", f"the follow-up is the hotline's or the command centre's, not that of {who}")


def as_desk(case: Case, _incident: Incident, task: Task) -> None:
    """Who calls a task off: a desk, the command centre, or the agency that holds it."""
    if case.command.actor.role in WHOLE or case.command.actor.role in DESK:
        return
    on_task(case, task)
