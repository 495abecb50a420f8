"""Scores, cases and published counts: counted once, by quarter, exercises left out, nobody's data."""

from typing import Any

import msgspec
import pytest

from services.supervision import public
from tests.integration.supervision_stage import NOON, fact, started
from tocsin.envelope import Event
from tocsin.incident import events as e
from tocsin.place import Place
from tocsin.policy.load import load_policy
from tocsin.runtime.settings import Settings
from tocsin.supervision.cards import card_for
from tocsin.supervision.ledger import CASES_ENDED_MAX, KEPT_MS, Ledger, period_of

FIRE = {"clock": "acknowledge", "task_id": "T1", "agency": "nanxian-fire", "agency_class": "fire"}
INCIDENT = "430921-20260405-000001"


def opened(kind: str = "fire.building") -> e.IncidentOpened:
    """An incident."""
    return e.IncidentOpened(call_id="c", kind=kind, priority=1, place=Place(region="430921"))


def routed(agency: str = "nanxian-fire") -> e.TaskRouted:
    """Its lead's task."""
    return e.TaskRouted(task_id="T1", agency=agency, agency_class="fire", role="lead")


def told(*facts: Any, incident: str = INCIDENT, first: int = 1, **more: Any) -> list[Event[Any]]:
    """Facts, numbered as the region's chain numbers them."""
    return [msgspec.structs.replace(fact(d, incident=incident, **more), seq=first + i) for i, d in enumerate(facts)]


def ledger(*events: Event[Any]) -> Ledger:
    """A ledger with these folded."""
    made = Ledger()
    for event in events:
        made.apply(event)
    return made


DAY = [
    opened(), routed(), started("a", due_at=NOON + 1), e.ClockWarned(clock_id="a", due_at=NOON, **FIRE),
    e.ClockMissed(clock_id="a", due_at=NOON, **FIRE), e.CardRaised(clock_id="a", due_at=NOON, **FIRE),
    e.ClockMet(clock_id="b", due_at=NOON, **FIRE), e.FollowedUp(solved=True, satisfied=False),
]  # fmt: skip


def test_an_agency_is_scored_by_its_limits_cards_and_follow_ups() -> None:
    """One limit kept, one missed to the red card, solved but not satisfied."""
    [row] = public.score_rows(ledger(*told(*DAY)), "2026Q2")
    assert (row.agency, row.tasks, row.limits_kept, row.limits_missed) == ("nanxian-fire", 1, 1, 1)
    assert (row.warning, row.yellow, row.red) == (1, 1, 1)
    assert (row.response_rate, row.solution_rate, row.satisfaction_rate) == (0.5, 1.0, 0.0)


def test_a_fact_told_twice_is_counted_once() -> None:
    """The relay is at-least-once; the region's numbering tells the repeat."""
    events = told(*DAY)
    assert ledger(*events, *events[3:]) == ledger(*events)


def test_a_miss_that_a_merge_takes_along_is_no_second_one() -> None:
    """Late once: told again in the incident its task went over to, it is neither counted nor a card anew."""
    again = e.ClockMissed(clock_id="a", due_at=NOON, moved=True, **FIRE)
    events = told(*DAY, again)
    assert ledger(*events).scores == ledger(*events[:-1]).scores
    assert card_for(events[-1], events[-1].source) is None


def test_invariant_10_exercises_are_not_counted() -> None:
    """No score, no case, no kind from an exercise."""
    counted = ledger(*told(*DAY, exercise=True))
    assert (counted.scores, counted.cases, counted.kinds) == ({}, {}, {})


def test_a_red_card_is_a_case_until_the_limit_is_met() -> None:
    """Opened by the card, closed by the step that came after all."""
    events = told(*DAY, e.ClockMet(clock_id="a", due_at=NOON, late=True, **FIRE))
    assert ledger(*events[:-1]).cases["a:red"].closed_at is None
    assert ledger(*events).cases["a:red"].closed_at == NOON


def test_supervision_ordered_is_a_case_until_the_incident_closes() -> None:
    """The lead answers for it."""
    events = told(opened(), routed(), e.SupervisionOrdered(reason="~s~x"), e.IncidentClosed(disposition="handled"))
    case = ledger(*events[:-1]).cases[f"{INCIDENT}:supervised"]
    assert (case.agency, case.closed_at) == ("nanxian-fire", None)
    assert ledger(*events).cases[f"{INCIDENT}:supervised"].closed_at == NOON


def test_a_reclassified_or_merged_incident_counts_where_it_belongs() -> None:
    """One incident is counted under one kind, and not at all where it went into another."""
    moved = ledger(*told(opened(), e.Reclassified(kind="fire.vehicle", former="fire.building")))
    assert {k: c.opened for (_, k), c in moved.kinds.items()} == {"fire.building": 0, "fire.vehicle": 1}
    merged = ledger(*told(opened(), e.IncidentMerged(into="430921-20260405-000002")))
    assert merged.kinds["2026Q2", "fire.building"].opened == 0


def test_calls_without_an_incident_are_told_apart() -> None:
    """Nuisance calls, and fires that were none, are never among the incidents that were handled."""
    counted = Ledger()
    stories = [("invalid.nuisance", "no_incident"), ("fire.building", "no_incident"), ("fire.building", "handled")]
    for n, (kind, end) in enumerate(stories * public.FEW):
        for event in told(opened(kind), e.IncidentClosed(disposition=end), incident=f"i{n}", first=1 + 2 * n):
            counted.apply(event)
    rows = {r.kind: r for r in public.kind_rows(counted, load_policy(Settings().policy_path), "2026Q2")}
    assert rows["invalid.nuisance"].outcomes == {"no_incident": public.FEW}
    assert rows["fire.building"].outcomes == {"handled": public.FEW, "no_incident": public.FEW}


@pytest.mark.parametrize(("count", "shown"), [(public.FEW - 1, False), (public.FEW, True)])
def test_disclosure_shows_no_single_case(count: int, shown: bool) -> None:
    """How long and how it ended is published from a handful on; how many and the promised times always."""
    counted = Ledger()
    for i in range(count):
        for event in told(opened(), e.IncidentClosed(disposition="handled"), incident=f"i{i}", first=1 + 2 * i):
            counted.apply(event)
    policy = load_policy(Settings().policy_path)
    said = public.disclosure(counted, policy, "2026Q2")
    [kind] = said.kinds
    assert (kind.label, kind.opened, kind.closed) == (policy.kinds["fire.building"].label, count, count)
    assert kind.outcomes == ({"handled": count} if shown else None)
    assert said.limits
    assert INCIDENT not in said.model_dump_json()


def test_quarters_are_the_countys() -> None:
    """The first moment of a quarter in Asia/Shanghai, not in UTC."""
    midnight = 1_774_972_800_000  # 2026-04-01T00:00+08:00
    assert (period_of(midnight - 1), period_of(midnight)) == ("2026Q1", "2026Q2")


def test_a_reopened_incident_is_not_counted_as_ended() -> None:
    """Closed, reopened, closed: one end; reopened again: none, and its outcome is gone."""
    ends = [opened(), e.IncidentClosed(disposition="handled"), e.IncidentReopened(cause="person")]
    again = ledger(*told(*ends, e.IncidentClosed(disposition="unfounded")))
    assert again.kind(NOON, "fire.building").closed == 1
    assert {d: n for d, n in again.kind(NOON, "fire.building").dispositions.items() if n} == {"unfounded": 1}
    assert ledger(*told(*ends)).kind(NOON, "fire.building").closed == 0


def test_an_undone_merge_counts_two_incidents_again() -> None:
    """Merged: one of its own no more; split again: one of its own."""
    merged = [opened(), e.IncidentMerged(into="430921-20260405-000002")]
    assert ledger(*told(*merged)).kind(NOON, "fire.building").opened == 0
    assert ledger(*told(*merged, e.IncidentReopened(cause="split"))).kind(NOON, "fire.building").opened == 1


def test_the_lead_is_who_is_judged_by_the_follow_up() -> None:
    """An incident that became another's: the agency that leads now is judged, not the one that led."""
    facts = [
        opened(), routed("nanxian-traffic"), e.TaskRouted(task_id="T2", agency="nanxian-police",
        agency_class="police", role="lead"), e.RoleChanged(task_id="T1", agency="nanxian-traffic", role="joint"),
        e.FollowedUp(solved=True),
    ]  # fmt: skip
    rows = {r.agency: r for r in public.score_rows(ledger(*told(*facts)), "2026Q2")}
    assert (rows["nanxian-police"].solution_rate, rows["nanxian-traffic"].solution_rate) == (1.0, None)


def test_what_has_long_ended_is_forgotten_and_stays_counted() -> None:
    """Forty days after its end an incident leaves the memory with the next one; ended cases are bounded."""
    book = ledger(*told(opened(), e.SupervisionOrdered(reason="~r"), e.IncidentClosed(disposition="handled")))
    assert INCIDENT in book.matters
    later = fact(opened(), incident="430921-20260520-000001")
    book.apply(msgspec.structs.replace(later, seq=9, recorded_at=NOON + KEPT_MS + 1))
    assert INCIDENT not in book.matters
    assert book.kind(NOON, "fire.building").closed == 1
    for n in range(CASES_ENDED_MAX + 5):
        missed = {"clock_id": f"c{n}", "due_at": NOON, **FIRE}
        for k, d in enumerate((e.CardRaised(**missed), e.ClockMet(**missed, late=True))):
            book.apply(msgspec.structs.replace(fact(d, incident=INCIDENT), seq=100 + 2 * n + k))
    assert len(book.cases) == CASES_ENDED_MAX
    assert "c0:red" not in book.cases
