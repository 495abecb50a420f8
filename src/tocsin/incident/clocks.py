"""Limits: started by steps, met by later ones, late by time alone. A clock's id follows from what it belongs to."""

from tocsin.envelope import Ms
from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.state import Clock, Incident, Task
from tocsin.incident.values import AgencyClass, ClockName
from tocsin.policy.limits import Due, due_from, limit_for, off_days_off
from tocsin.policy.model import Limit, Policy

CONSULTATION = "consultation"
"""The flag of an incident whose call asks and does not complain."""
LIVE = ("running", "paused", "missed")
"""States in which a clock still waits for its step."""
PROMISES: tuple[ClockName, ...] = ("complete", "arrive", "feedback", "dispatch")
"""Clocks of a task that may stand still; being seen and being called back may not."""


class Matter:
    """What the rules for limits and plans look at, of an incident that exists or is being stated."""

    __slots__ = ("asks", "incident", "incident_id", "kind", "line", "priority", "region", "setting", "tasks")

    def __init__(
        self,
        incident_id: str,
        *,
        line: str,
        kind: str,
        priority: int,
        region: str,
        setting: str,
        asks: bool = False,
        incident: Incident | None = None,
    ) -> None:
        self.incident_id = incident_id
        self.line = line
        self.kind = kind
        self.priority = priority
        self.region = region
        self.setting = setting
        self.asks = asks
        self.incident = incident
        self.tasks = incident.task_count if incident else 0

    @staticmethod
    def of(incident: Incident) -> "Matter":
        """An incident as it stands."""
        return Matter(
            incident.incident_id, line=incident.line, kind=incident.kind, priority=incident.priority,
            region=incident.place.region, setting=incident.place.setting, asks=CONSULTATION in incident.flags,
            incident=incident,
        )  # fmt: skip

    def limit(self, policy: Policy, clock: str, agency_class: str) -> Limit | None:
        """The policy's limit for a step of this matter by an agency of this class; None where it has none."""
        return limit_for(
            policy, clock, line=self.line, kind=self.kind, priority=self.priority, agency_class=agency_class,
            setting=self.setting, asks=self.asks,
        )  # fmt: skip

    def next_task(self) -> str:
        """The next task's id."""
        self.tasks += 1
        return f"{self.incident_id}-T{self.tasks}"


def start(
    case: Case, matter: Matter, clock: ClockName, *, task_id: str = "", agency: str = "",
    agency_class: AgencyClass | str = "", started_at: Ms | None = None,
) -> ev.ClockStarted | None:  # fmt: skip
    """Starts a clock where the policy has a limit for it; None where it has none."""
    row = matter.limit(case.policy, clock, agency_class)
    if row is None:
        return None
    at = case.now if started_at is None else started_at
    due_at, warn_at, red_at = due_from(case.policy, row, at)
    # By place, in the order of the fields: every call starts some, and named arguments cost five times as much.
    said = ev.ClockStarted(
        next_clock_id(matter, task_id or matter.incident_id, clock), clock, at, due_at, task_id, agency, agency_class,
        warn_at, red_at, row.source,
    )  # fmt: skip
    case.say(matter.incident_id, said)
    return said


def next_clock_id(matter: Matter, owner: str, clock: ClockName) -> str:
    """The next number: above all that are here, for the former ones of a task that a merge moved stayed behind."""
    kind, known = f"{owner}:{clock}:", matter.incident.clocks if matter.incident is not None else ()
    return f"{kind}{max((int(c[len(kind) :]) for c in known if c.startswith(kind)), default=0) + 1}"


def live(incident: Incident, *names: str, task_id: str = "") -> list[Clock]:
    """The clocks of a task (or of the incident itself) that still wait for their step; all where none is named."""
    return [
        c
        for c in incident.clocks.values()
        if c.task_id == task_id and c.state in LIVE and (not names or c.clock in names)
    ]


def meet(case: Case, incident: Incident, *names: str, task_id: str = "") -> None:
    """The step came: its clocks are met, late after a miss. A miss that supervision has not said yet is said now."""
    for c in live(incident, *names, task_id=task_id):
        late = _late(case, incident, c)
        case.say(
            incident.incident_id,
            ev.ClockMet(
                clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, agency_class=c.agency_class,
                due_at=c.due_at, late=late,
            ),
        )  # fmt: skip


def _late(case: Case, incident: Incident, c: Clock) -> bool:
    """Whether a limit has passed; a miss that supervision has not said yet is said now."""
    if c.state == "missed":
        return True
    if c.state != "running" or case.now <= c.due_at:
        return False
    missed = ev.ClockMissed(
        clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, agency_class=c.agency_class,
        due_at=c.due_at,
    )  # fmt: skip
    case.say(incident.incident_id, missed)
    return True


def stop(case: Case, incident: Incident, *, task_id: str = "", cause: str) -> None:
    """The limits no longer apply."""
    for c in live(incident, task_id=task_id):
        case.say(
            incident.incident_id,
            ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, cause=cause),
        )


def carry(case: Case, incident: Incident, former: Task, task_id: str, agency: str, agency_class: str) -> None:
    """A task's promises go over to the task that follows it, from when they first ran: a hand-over buys no time.

    What the giver missed the taker has not missed: it goes on late, counted once.
    """
    for c in live(incident, *PROMISES, task_id=former.task_id):
        name = (f"{task_id}:{c.clock}:1", task_id, agency, agency_class)
        go_on(case, incident, c, name, "carried over", missed=_late(case, incident, c))
    stop(case, incident, task_id=former.task_id, cause="handed_over")


def answered(case: Case, matter: Matter, rang_at: Ms, answered_at: Ms) -> None:
    """The answer clock, known whole once the call is recorded."""
    said = start(case, matter, "answer", started_at=rang_at)
    if said is None:
        return
    late = answered_at > said.due_at
    if late:
        case.say(matter.incident_id, ev.ClockMissed(clock_id=said.clock_id, clock="answer", due_at=said.due_at))
    case.say(
        matter.incident_id,
        ev.ClockMet(clock_id=said.clock_id, clock="answer", due_at=said.due_at, late=late),
        answered_at,
    )


def pause(case: Case, incident: Incident, clocks: list[Clock], *, reason: str = "", cause: str = "") -> None:
    """These clocks stand still."""
    for c in clocks:
        case.say(
            incident.incident_id,
            ev.ClockPaused(
                clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, reason=reason, cause=cause
            ),
        )


def resume(case: Case, incident: Incident, clocks: list[Clock]) -> None:
    """These clocks run on, later by the time they stood still; in working days, never to a day off."""
    matter = Matter.of(incident)
    for c in clocks:
        stood = case.now - (c.paused_at if c.paused_at is not None else case.now)
        due = shifted(c, stood)
        row = matter.limit(case.policy, c.clock, c.agency_class)
        if row is not None and row.working_days is not None:
            due = off_days_off(case.policy, due)
        case.say(
            incident.incident_id,
            ev.ClockResumed(
                clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, due_at=due.due_at,
                warn_at=due.warn_at, red_at=due.red_at,
            ),
        )  # fmt: skip


def shifted(c: Clock, by: int) -> Due:
    """A clock's moments, later by this many milliseconds."""
    return Due(
        c.due_at + by, None if c.warn_at is None else c.warn_at + by, None if c.red_at is None else c.red_at + by
    )


def as_it_stands(case: Case, c: Clock) -> Due:
    """A clock's moments as of now: one that stands still is later by the time it has stood so far."""
    return shifted(c, case.now - c.paused_at if c.state == "paused" and c.paused_at is not None else 0)


def go_on(
    case: Case, into: Incident, c: Clock, name: tuple[str, str, str, str], why: str, *, missed: bool = False
) -> None:
    """A limit under another name, from when it first ran, later by what it has stood; one that stands still stands.

    `name`: its id, task, agency and the agency's class there. `missed`: it was, and goes on so, counted once.
    """
    clock_id, task_id, agency, agency_class = name
    due = as_it_stands(case, c)
    case.say(
        into.incident_id,
        ev.ClockStarted(
            clock_id=clock_id, clock=c.clock, task_id=task_id, agency=agency, agency_class=agency_class,
            started_at=c.started_at, due_at=due.due_at, warn_at=due.warn_at, red_at=due.red_at, source=why,
        ),
    )  # fmt: skip
    if c.state == "paused":
        still = ev.ClockPaused(clock_id=clock_id, clock=c.clock, task_id=task_id, agency=agency, cause=why)
        case.say(into.incident_id, still)
    if missed:
        told = ev.ClockMissed(
            clock_id=clock_id, clock=c.clock, task_id=task_id, agency=agency, agency_class=agency_class,
            due_at=c.due_at, card="red" if c.card == "red" else "yellow", moved=True,
        )  # fmt: skip
        case.say(into.incident_id, told)


def _left_behind(case: Case, incident_id: str, clock_id: str) -> None:
    """A limit of an incident that has gone into another: nobody can keep it any more, and it would fire for ever."""
    merged = case.known(incident_id)
    c = merged.clocks.get(clock_id)
    if c is None or c.state not in LIVE:
        raise Refused("not_found", f"no clock {clock_id}")
    case.say(
        incident_id,
        ev.ClockStopped(clock_id=clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, cause="merged"),
    )


def fire(case: Case) -> None:
    """FireClock: a clock's time has come. By the log's own time, not by the sender's; each level once."""
    d = case.data
    incident = case.survivor(d.incident_id)
    c = incident.clocks.get(d.clock_id)
    if c is None and d.clock_id[:6] == case.command.region:
        # It began while its task stood in another incident: a merge since undone took it along.
        incident = case.survivor(d.clock_id.partition(":")[0].partition("-T")[0])
        c = incident.clocks.get(d.clock_id)
    if c is None:
        _left_behind(case, d.incident_id, d.clock_id)
        return
    if c.state not in ("running", "missed"):
        case.noted(f"clock_{c.state}", incident.incident_id)
        return
    due = {"warning": c.warn_at, "missed": c.due_at, "red": c.red_at}[d.level]
    if due is None:
        case.noted("no_such_level", incident.incident_id)
        return
    if case.now < due:
        raise Refused("too_early", f"{d.clock_id} is due at {due}, the log says {case.now}")
    missed = ev.ClockMissed(
        clock_id=c.clock_id,
        clock=c.clock,
        task_id=c.task_id,
        agency=c.agency,
        agency_class=c.agency_class,
        due_at=c.due_at,
    )
    said = len(case.drafts)
    if d.level == "warning" and c.state == "running" and c.card == "none":
        case.say(
            incident.incident_id,
            ev.ClockWarned(
                clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, agency_class=c.agency_class,
                due_at=c.due_at,
            ),
        )  # fmt: skip
    if d.level in ("missed", "red") and c.state == "running":
        case.say(incident.incident_id, missed)
    if d.level == "red" and c.card != "red":
        case.say(
            incident.incident_id,
            ev.CardRaised(
                clock_id=c.clock_id, clock=c.clock, task_id=c.task_id, agency=c.agency, agency_class=c.agency_class,
                due_at=c.due_at,
            ),
        )  # fmt: skip
    if len(case.drafts) == said:
        case.noted("repeated", incident.incident_id)
