"""Plans and limits as the sample policy has them: working days, exchanged days, raises, mutual aid, duty."""

from datetime import datetime

import pytest

from tests.unit.incident.world import NOON, WORKDAY, policy
from tocsin.policy.limits import covers, due_from, limit_for, tables, working_day_after
from tocsin.policy.plan import duty_at, plan_for


def at(text: str) -> int:
    """Local time → milliseconds."""
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


def test_a_routine_task_is_acknowledged_within_one_working_day() -> None:
    """From a holiday Sunday: the next working day's closing; from a Wednesday: Thursday's."""
    p = policy()
    row = limit_for(p, "acknowledge", line="12345", kind="service.urban", priority=4, agency_class="department")
    assert row is not None
    assert due_from(p, row, WORKDAY).due_at == at("2026-04-09T17:00")
    assert not tables(p).works((NOON + 8 * 3_600_000) // 86_400_000)
    assert due_from(p, row, NOON).due_at == working_day_after(p, NOON, 1) > at("2026-04-06T00:00")


def test_exchanged_days_are_working_days_and_holidays_are_not() -> None:
    """Every date the policy's calendar names counts as it says, whatever the weekday."""
    p = policy()
    known = tables(p)
    day = {d: (at(f"{d}T12:00") + 8 * 3_600_000) // 86_400_000 for d in (*p.calendar.holidays, *p.calendar.workdays)}
    assert day
    assert all(not known.works(day[d]) for d in p.calendar.holidays)
    assert all(known.works(day[d]) for d in p.calendar.workdays)


def test_short_limits_warn_before_their_end_and_turn_red_at_twice() -> None:
    """30 s: warning at 24 s, red at 60 s."""
    p = policy()
    row = limit_for(p, "acknowledge", line="119", kind="fire.building", priority=1, agency_class="fire")
    assert row is not None
    assert due_from(p, row, WORKDAY) == (WORKDAY + 30_000, WORKDAY + 24_000, WORKDAY + 60_000)


def test_police_arrival_depends_on_the_setting() -> None:
    """Town 5, suburb 10, village 20 minutes."""
    p = policy()
    minutes = {}
    for setting in ("town", "suburb", "village"):
        row = limit_for(
            p, "arrive", line="110", kind="crime.inprogress", priority=1, agency_class="police", setting=setting
        )
        assert row is not None
        minutes[setting] = (due_from(p, row, 0).due_at) // 60_000
    assert minutes == {"town": 5, "suburb": 10, "village": 20}


@pytest.mark.parametrize(
    ("patterns", "kind", "held"),
    [([], "a.b", True), (["a"], "a.b", True), (["a.*"], "a.b", True), (["a.b"], "a.b", True), (["a.c"], "a.b", False),
     (["a"], "ab.c", False), (["*"], "x", True)],
)  # fmt: skip
def test_kinds_are_named_by_themselves_or_their_part_of_the_tree(patterns: list[str], kind: str, held: bool) -> None:
    """`fire`, `fire.*`, `fire.building`, `*`; never by a mere beginning."""
    assert covers(patterns, kind) is held


def test_raises_add_agencies_and_urgency_and_never_to_invalid_calls() -> None:
    """Trapped people bring fire and medical to a scrape; a nuisance call brings nobody."""
    p = policy()
    plain = plan_for(p, "traffic.damage", 3, p.default_region, [], "122")
    raised = plan_for(p, "traffic.damage", 3, p.default_region, ["trapped"], "122")
    assert {a.agency for a in plain.agencies} < {a.agency for a in raised.agencies}
    assert raised.priority < plain.priority
    assert plan_for(p, "invalid.nuisance", 4, p.default_region, ["trapped"], "110").agencies == ()


def test_a_plan_says_what_each_agency_is_to_bring() -> None:
    """By kind, and more by what was said; nothing twice, and of who is not named nothing."""

    def asked(kind: str, raised: str, line: str) -> dict[str, tuple[str, ...]]:
        plan = plan_for(policy(), kind, 1, policy().default_region, [raised], line)
        return {a.agency: a.capabilities for a in plan.agencies}

    crash = asked("traffic.trapped", "trapped", "122")
    assert (crash["nanxian-fire"], crash["nanxian-120"]) == (("extrication",), ("als",))
    assert crash["nanxian-traffic"] == ()
    leak = asked("fire.vehicle", "hazmat", "119")
    assert (leak["nanxian-fire"], leak["nanxian-ecology"]) == (("firefighting", "hazmat"), ("air_monitoring",))


def test_the_lead_comes_first_and_foreign_regions_get_the_command_centre() -> None:
    """Mutual aid is said as its cause; the command centre's own region needs none."""
    p = policy()
    plan = plan_for(p, "fire.building", 1, "430623", [], "119")
    assert plan.agencies[0].role == "lead"
    assert plan.agencies[-1][0::3] == ("nanxian-command", "mutual_aid")
    assert all(a.cause == "plan" for a in plan_for(p, "fire.building", 1, p.command_region, [], "119").agencies)


def test_out_of_hours_the_duty_officer_answers() -> None:
    """A department's shift by day, its duty officer at night; a round-the-clock agency always has a shift."""
    p = policy()
    dept = p.agencies["nanxian-urban"]
    assert duty_at(dept, at("2026-04-08T03:00")) == dept.duty
    assert duty_at(dept, WORKDAY) in {s.name for s in dept.roster} | {dept.duty}
    assert duty_at(dept, WORKDAY) != duty_at(dept, at("2026-04-08T03:00"))


MIN_MS, HOUR_MS = 60_000, 3_600_000
TABLE = [
    ("answer", {"line": "119"}, 15_000), ("answer", {"line": "120"}, 10_000),
    ("dispatch", {"agency_class": "medical"}, 3 * MIN_MS), ("dispatch", {"agency_class": "fire"}, 45_000),
    ("dispatch", {"agency_class": "police", "priority": 1}, MIN_MS),
    ("acknowledge", {"line": "110", "priority": 1}, 30_000),
    ("arrive", {"agency_class": "fire", "setting": "town"}, 5 * MIN_MS),
    *[("arrive", {"agency_class": "medical", "priority": n + 1}, m * MIN_MS) for n, m in enumerate((8, 15, 30, 60))],
    ("complete", {"line": "12345", "kind": "service.urban", "priority": 1}, 2 * HOUR_MS),
    ("complete", {"line": "12345", "kind": "utility.water", "priority": 3}, 24 * HOUR_MS),
    ("complete", {"line": "12345", "kind": "service.urban", "priority": 2}, 14 * HOUR_MS),
    ("callback", {"kind": "invalid.silent"}, MIN_MS), ("callback", {"kind": "invalid.dropped"}, MIN_MS),
]  # fmt: skip
"""Clock, what it is asked for, and its length from a Wednesday at ten."""


@pytest.mark.parametrize(("clock", "asked", "length_ms"), TABLE)
def test_the_limits_of_the_domains_table(clock: str, asked: dict[str, str], length_ms: int) -> None:
    """Row by row: answer, turnout, arrival by triage, hotline promises, call-backs."""
    row = limit_for(policy(), clock, **asked)  # type: ignore[arg-type]  # one table for fields of several types
    assert row is not None
    assert due_from(policy(), row, WORKDAY).due_at - WORKDAY == length_ms
    assert row.source


@pytest.mark.parametrize(("limit", "days"), [("consult", 3), ("complaint", 13), ("complex", 15)])
def test_hotline_promises_are_working_days_from_the_next_one(limit: str, days: int) -> None:
    """Consultation 3, complaint 13, complex 15; a warning a working day before, red five after."""
    p = policy()
    row = next(r for r in p.limits if r.clock == "complete" and r.limits == [limit])
    due = due_from(p, row, WORKDAY)
    assert due.due_at == working_day_after(p, WORKDAY, days)
    assert (due.warn_at, due.red_at) == (
        working_day_after(p, WORKDAY, days - 1), working_day_after(p, WORKDAY, days + 5)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hour", "seconds"), [("07:59", 60), ("08:00", 45), ("19:59", 45), ("20:00", 60), ("00:10", 60)]
)
def test_a_fire_crew_turns_out_slower_by_night(hour: str, seconds: int) -> None:
    """45 s by day, 60 s by night; the night begins and ends by the policy's hours."""
    row = limit_for(policy(), "dispatch", agency_class="fire")
    assert row is not None
    begins = at(f"2026-04-08T{hour}")
    assert due_from(policy(), row, begins).due_at - begins == seconds * 1000
