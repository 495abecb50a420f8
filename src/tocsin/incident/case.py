"""What a rule works with: the command, what it is about, and the events stated so far. Never changes the state."""

from typing import Any

from tocsin.envelope import Command, Draft, Frozen, Ms
from tocsin.incident.state import Call, Facts, Incident, PartitionState, RegionState, Task
from tocsin.outcomes import CommandNoted, CommandRefused
from tocsin.policy.model import Policy


class Refused(Exception):
    """Ends a decision: nothing but the refusal is stated. `code` is one of the contract's. No error of the program."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class Case:
    """One command under decision."""

    __slots__ = ("command", "data", "drafts", "facts", "now", "opened", "policy", "region", "state")

    def __init__(self, state: PartitionState, command: Command[Any], facts: Facts) -> None:
        self.state = state
        self.command = command
        self.data: Any = command.data
        self.facts = facts
        self.now: Ms = facts.recorded_at
        self.policy: Policy = facts.policy
        self.region: RegionState = state.regions.get(command.region) or RegionState(command.region)
        self.drafts: list[Draft[Any]] = []
        self.opened = 0

    def say(self, subject: str, data: Frozen, at: Ms | None = None) -> None:
        """States an event of an incident; `at` is when it happened, where that is not now."""
        self.drafts.append(Draft(subject=subject, data=data, occurred_at=at))

    def noted(self, cause: str, subject: str = "") -> None:
        """States that the command was understood and changes nothing."""
        self.say(subject, CommandNoted(command=type(self.data).__name__, cause=cause))

    def known(self, incident_id: str) -> Incident:
        """An incident of this region; refused where there is none."""
        incident = self.region.incidents.get(incident_id)
        if incident is None:
            raise Refused("not_found", f"no incident {incident_id} in region {self.command.region}")
        return incident

    def survivor(self, incident_id: str) -> Incident:
        """The incident, or the one it was merged into."""
        incident = self.known(incident_id)
        while incident.state == "merged":
            incident = self.known(incident.merged_into)
        return incident

    def call(self, call_id: str) -> Call:
        """A call of this region; refused where there is none."""
        call = self.region.calls.get(call_id)
        if call is None or not call.incident_ids:
            raise Refused("unknown_call", f"no call {call_id} in region {self.command.region}")
        return call

    def task(self, task_id: str) -> tuple[Incident, Task]:
        """A task with the incident that holds it now."""
        first = self.known(task_id.rpartition("-T")[0])
        incident = self.survivor(first.incident_id)
        task = incident.tasks.get(task_id)
        if task is None and task_id in first.tasks:
            # Joined by a merge to the task its agency has there: whoever holds the old number is told the new one.
            holder = first.tasks[task_id].held_by
            here = ", ".join(t.task_id for t in incident.tasks.values() if t.held_by == holder)
            went = f"act on {here}" if here else "nothing of it goes on there"
            raise Refused("illegal_step", f"{task_id} went into {incident.incident_id} with a merge; {went}")
        if task is None:
            raise Refused("not_found", f"no task {task_id}")
        return incident, task

    def reason(self) -> str:
        """The command's reason; refused where it is empty."""
        if not self.data.reason:
            raise Refused("reason_required", "say why")
        return str(self.data.reason)

    def open(self, incident: Incident) -> Incident:
        """The incident, where it is open; refused otherwise."""
        if incident.state != "open":
            where = f" into {incident.merged_into}" if incident.state == "merged" else ""
            raise Refused("illegal_step", f"the incident is {incident.state}{where}")
        return incident

    def next_id(self) -> str:
        """The next incident's id: region, local day, number of the day."""
        day = local_day(self.now)
        before = self.region.day_count if day == self.region.day else 0
        if day < self.region.day:
            day, before = self.region.day, self.region.day_count
        self.opened += 1
        return f"{self.command.region}-{day}-{before + self.opened:06d}"

    def refusal(self, refused: Refused) -> list[Draft[Any]]:
        """The one event of a refused command, in the history of the incident where that is known."""
        target = self.command.target
        known = self.region.incidents
        subject = next((s for s in (target, target.rpartition("-T")[0]) if s in known), "")
        call = self.region.calls.get(target)
        if not subject and call is not None and call.incident_ids:
            subject = call.incident_ids[0]
        name = type(self.data).__name__
        return [
            Draft(
                subject=subject,
                data=CommandRefused(command=name, target=target, code=refused.code, detail=refused.detail),
            )
        ]


_days: dict[int, str] = {}


def local_day(at: Ms) -> str:
    """The date in Asia/Shanghai as YYYYMMDD."""
    number = (at + 8 * 3_600_000) // 86_400_000
    text = _days.get(number)
    if text is None:
        if len(_days) > 1000:  # noqa: PLR2004 - a memo's bound, no rule
            _days.clear()
        text = _days[number] = _civil(number)
    return text


def _civil(days: int) -> str:
    # H. Hinnant's civil-from-days: no time zone database, no machine clock.
    z = days + 719_468
    era = z // 146_097
    of_era = z - era * 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    mp = (5 * of_year + 2) // 153
    day = of_year - (153 * mp + 2) // 5 + 1
    month = mp + 3 if mp < 10 else mp - 9  # noqa: PLR2004 - the algorithm's year begins in March
    year = year_of_era + era * 400 + (month <= 2)  # noqa: PLR2004 - the same
    return f"{year:04d}{month:02d}{day:02d}"
