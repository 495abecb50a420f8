"""Scores, cases and what may be published: counted from the facts, exercises left out (invariant 10). No I/O.

The relay may tell a fact twice; a region's events are numbered, so one whose number is not new is not counted again.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct, field

from tocsin.codec.text import COUNTY_ZONE
from tocsin.envelope import Event, Ms
from tocsin.incident import events as e

QUARTER_MONTHS = 3
KEPT_MS = 40 * 86_400_000
"""How long an ended incident is remembered: as long as the owner keeps it (the sample's archive_after_days)."""
CASES_ENDED_MAX = 5_000
"""Ended cases kept for the list; scores have counted them, and the incidents' own events stay."""
FORGET_MAX = 20
"""Old incidents forgotten with each new one: the work is spread thin."""


def period_of(at: Ms) -> str:
    """The quarter of a moment in the county's time, e.g. `2026Q2`."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(COUNTY_ZONE)
    return f"{local.year}Q{(local.month - 1) // QUARTER_MONTHS + 1}"


class Score(Struct):
    """An agency's quarter, counted. Limits kept and missed are of all clocks; `seen` are those of acknowledgement."""

    tasks: int = 0
    completed: int = 0
    kept: int = 0
    missed: int = 0
    seen: int = 0
    seen_late: int = 0
    warnings: int = 0
    yellow: int = 0
    red: int = 0
    followed_up: int = 0
    solved: int = 0
    asked_satisfied: int = 0
    satisfied: int = 0


class KindCount(Struct):
    """A kind's quarter: how many, how fast, how it ended."""

    opened: int = 0
    closed: int = 0
    handling_ms: int = 0
    dispositions: dict[str, int] = field(default_factory=dict)


class Matter(Struct):
    """What is remembered of an incident for a while after it ends: nothing of a person. `closed_as` "" while open."""

    kind: str
    opened_at: Ms
    leads: list[str] = field(default_factory=list)
    closed_as: str = ""
    closed_at: Ms = 0
    merged: bool = False


class Case(Struct):
    """Something supervision looks after: a limit long passed, an incident under supervision (督办)."""

    case_id: str
    cause: Literal["red_card", "supervised"]
    incident_id: str
    region: str
    agency: str
    opened_at: Ms
    closed_at: Ms | None = None


class Ledger(Struct):
    """All counts of the partitions that are folded here."""

    seen_seq: dict[str, int] = field(default_factory=dict)
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)
    kinds: dict[tuple[str, str], KindCount] = field(default_factory=dict)
    matters: dict[str, Matter] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    ended: dict[str, Ms] = field(default_factory=dict)
    cases_ended: dict[str, None] = field(default_factory=dict)

    def apply(self, event: Event[Any]) -> None:
        """Counts one fact, once."""
        if event.seq <= self.seen_seq.get(event.region, 0):
            return
        self.seen_seq[event.region] = event.seq
        step = _STEPS.get(type(event.data))
        if step is not None and not event.exercise:
            step(self, event)

    def score(self, event: Event[Any], agency: str) -> Score:
        """The agency's score of the event's quarter."""
        return self.scores.setdefault((period_of(event.recorded_at), agency), Score())

    def kind(self, at: Ms, code: str) -> KindCount:
        """The kind's counts of the quarter."""
        return self.kinds.setdefault((period_of(at), code), KindCount())

    def opened(self, event: Event[Any]) -> None:
        """An incident began."""
        self.matters[event.subject] = Matter(kind=event.data.kind, opened_at=event.recorded_at)
        self.kind(event.recorded_at, event.data.kind).opened += 1
        self._forget(event.recorded_at)

    def reclassified(self, event: Event[Any]) -> None:
        """Its kind was corrected: it counts under the right one."""
        matter = self.matters.get(event.subject)
        if matter is not None:
            self.kind(matter.opened_at, matter.kind).opened -= 1
            matter.kind = event.data.kind
            self.kind(matter.opened_at, matter.kind).opened += 1

    def routed(self, event: Event[Any]) -> None:
        """An agency got a task."""
        self.score(event, event.data.agency).tasks += 1
        matter = self.matters.get(event.subject)
        if matter is not None and event.data.role == "lead" and event.data.agency not in matter.leads:
            matter.leads.append(event.data.agency)

    def led(self, event: Event[Any]) -> None:
        """It leads now, or no longer."""
        matter, agency = self.matters.get(event.subject), event.data.agency
        if matter is not None and event.data.role == "lead" and agency not in matter.leads:
            matter.leads.append(agency)
        elif matter is not None and event.data.role != "lead" and agency in matter.leads:
            matter.leads.remove(agency)

    def completed(self, event: Event[Any]) -> None:
        """It finished one."""
        self.score(event, event.data.agency).completed += 1

    def met(self, event: Event[Any]) -> None:
        """A limit was kept, or met after its miss: the case about it ends."""
        d: e.ClockMet = event.data
        self._end(f"{d.clock_id}:red", event.recorded_at)
        if d.agency and not d.late:
            score = self.score(event, d.agency)
            score.kept += 1
            score.seen += d.clock == "acknowledge"

    def missed(self, event: Event[Any]) -> None:
        """A limit passed: a yellow card."""
        if event.data.agency and not event.data.moved:
            score = self.score(event, event.data.agency)
            score.missed += 1
            score.yellow += 1
            score.seen_late += event.data.clock == "acknowledge"

    def warned(self, event: Event[Any]) -> None:
        """A limit came near."""
        if event.data.agency:
            self.score(event, event.data.agency).warnings += 1

    def reddened(self, event: Event[Any]) -> None:
        """A limit is long passed: a red card, and a case."""
        d: e.CardRaised = event.data
        if d.agency:
            self.score(event, d.agency).red += 1
        case_id = f"{d.clock_id}:red"
        self.cases_ended.pop(case_id, None)
        self.cases[case_id] = Case(
            case_id=case_id, cause="red_card", incident_id=event.subject, region=event.region, agency=d.agency,
            opened_at=event.recorded_at,
        )  # fmt: skip

    def stopped(self, event: Event[Any]) -> None:
        """A limit fell away, and the case about it."""
        self._end(f"{event.data.clock_id}:red", event.recorded_at)

    def supervised(self, event: Event[Any]) -> None:
        """An incident was put under supervision."""
        matter = self.matters.get(event.subject)
        case_id = f"{event.subject}:supervised"
        self.cases_ended.pop(case_id, None)
        self.cases[case_id] = Case(
            case_id=case_id, cause="supervised", incident_id=event.subject, region=event.region,
            agency=",".join(matter.leads) if matter else "", opened_at=event.recorded_at,
        )  # fmt: skip

    def followed_up(self, event: Event[Any]) -> None:
        """The caller said whether it was solved: it counts for those who led."""
        d: e.FollowedUp = event.data
        matter = self.matters.get(event.subject)
        for agency in matter.leads if matter else ():
            score = self.score(event, agency)
            score.followed_up += 1
            score.solved += d.solved
            score.asked_satisfied += d.satisfied is not None
            score.satisfied += d.satisfied is True

    def closed(self, event: Event[Any]) -> None:
        """An incident ended."""
        self._end(f"{event.subject}:supervised", event.recorded_at)
        matter = self.matters.get(event.subject)
        if matter is not None and not matter.closed_as:
            matter.closed_as, matter.closed_at = event.data.disposition, event.recorded_at
            self._count_end(matter, 1)
            self.ended[event.subject] = event.recorded_at

    def merged(self, event: Event[Any]) -> None:
        """It went into another: it was not one of its own."""
        matter = self.matters.get(event.subject)
        self._end(f"{event.subject}:supervised", event.recorded_at)
        if matter is not None and not matter.merged:
            matter.merged = True
            self.kind(matter.opened_at, matter.kind).opened -= 1
            self.ended[event.subject] = event.recorded_at

    def reopened(self, event: Event[Any]) -> None:
        """It goes on: its end is not counted, or the merge that was undone."""
        matter = self.matters.get(event.subject)
        self.ended.pop(event.subject, None)
        if matter is not None and matter.merged:
            matter.merged = False
            self.kind(matter.opened_at, matter.kind).opened += 1
        if matter is not None and matter.closed_as:
            self._count_end(matter, -1)
            matter.closed_as = ""

    def _count_end(self, matter: Matter, by: int) -> None:
        count = self.kind(matter.opened_at, matter.kind)
        count.closed += by
        count.handling_ms += by * max(0, matter.closed_at - matter.opened_at)
        count.dispositions[matter.closed_as] = count.dispositions.get(matter.closed_as, 0) + by

    def _forget(self, now: Ms) -> None:
        for incident_id, at in list(itertools.islice(self.ended.items(), FORGET_MAX)):
            if at > now - KEPT_MS:
                return
            del self.ended[incident_id]
            self.matters.pop(incident_id, None)

    def _end(self, case_id: str, at: Ms) -> None:
        case = self.cases.get(case_id)
        if case is not None and case.closed_at is None:
            case.closed_at = at
            self.cases_ended[case_id] = None
            if len(self.cases_ended) > CASES_ENDED_MAX:
                oldest = next(iter(self.cases_ended))
                del self.cases_ended[oldest]
                self.cases.pop(oldest, None)


_STEPS: dict[type, Callable[[Ledger, Event[Any]], None]] = {
    e.IncidentOpened: Ledger.opened,
    e.Reclassified: Ledger.reclassified,
    e.TaskRouted: Ledger.routed,
    e.TaskCompleted: Ledger.completed,
    e.ClockMet: Ledger.met,
    e.ClockWarned: Ledger.warned,
    e.ClockMissed: Ledger.missed,
    e.CardRaised: Ledger.reddened,
    e.ClockStopped: Ledger.stopped,
    e.SupervisionOrdered: Ledger.supervised,
    e.FollowedUp: Ledger.followed_up,
    e.IncidentClosed: Ledger.closed,
    e.IncidentMerged: Ledger.merged,
    e.IncidentReopened: Ledger.reopened,
    e.RoleChanged: Ledger.led,
}
