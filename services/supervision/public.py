"""Scores for those who supervise, and what is published for everybody (办事公开): counts of kinds, nobody's data."""

from pydantic import BaseModel

from tocsin.policy.model import Limit, Policy
from tocsin.supervision.ledger import KindCount, Ledger, Score

FEW = 5
"""Below this many, outcomes and times of a kind are left out: a single case could be recognised by them."""


class ScoreRow(BaseModel):
    """An agency's quarter. Rates are null where nothing was counted."""

    agency: str
    period: str
    tasks: int
    completed: int
    limits_kept: int
    limits_missed: int
    kept_rate: float | None
    response_rate: float | None
    solution_rate: float | None
    satisfaction_rate: float | None
    warning: int
    yellow: int
    red: int


class LimitRow(BaseModel):
    """A promised time and where it comes from."""

    clock: str
    seconds: int | None
    night_seconds: int | None
    working_days: int | None
    source: str


class KindRow(BaseModel):
    """A kind as the public sees it."""

    kind: str
    label: str
    label_en: str
    period: str
    opened: int
    closed: int
    mean_hours: float | None
    outcomes: dict[str, int] | None


class Disclosure(BaseModel):
    """Everything that is published."""

    period: str
    kinds: list[KindRow]
    limits: list[LimitRow]
    basis: str


class CaseRow(BaseModel):
    """A case of supervision: a red card, an incident under supervision, a complaint."""

    case_id: str
    cause: str
    incident_id: str
    agency: str
    region: str
    opened_at: str | None
    closed_at: str | None
    state: str
    handled_by: str = ""
    text: str = ""
    outcome: str = ""
    told: str = ""


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def score_row(agency: str, period: str, s: Score) -> ScoreRow:
    """A score with its rates."""
    return ScoreRow(
        agency=agency, period=period, tasks=s.tasks, completed=s.completed, limits_kept=s.kept, limits_missed=s.missed,
        kept_rate=_rate(s.kept, s.kept + s.missed), response_rate=_rate(s.seen, s.seen + s.seen_late),
        solution_rate=_rate(s.solved, s.followed_up), satisfaction_rate=_rate(s.satisfied, s.asked_satisfied),
        warning=s.warnings, yellow=s.yellow, red=s.red,
    )  # fmt: skip


def score_rows(ledger: Ledger, period: str) -> list[ScoreRow]:
    """All agencies of a quarter, by name."""
    found = sorted((agency, s) for (p, agency), s in ledger.scores.items() if p == period)
    return [score_row(agency, period, s) for agency, s in found]


def kind_rows(ledger: Ledger, policy: Policy, period: str) -> list[KindRow]:
    """All kinds of a quarter, by code."""
    found = sorted((code, k) for (p, code), k in ledger.kinds.items() if p == period and k.opened > 0)
    return [_kind_row(policy, code, period, k) for code, k in found]


def _kind_row(policy: Policy, code: str, period: str, k: KindCount) -> KindRow:
    row, enough = policy.kinds.get(code), k.closed >= FEW
    return KindRow(
        kind=code, label=row.label if row else code, label_en=row.label_en if row else code, period=period,
        opened=k.opened, closed=k.closed,
        mean_hours=round(k.handling_ms / k.closed / 3_600_000, 2) if enough else None,
        outcomes={d: n for d, n in sorted(k.dispositions.items()) if n} if enough else None,
    )  # fmt: skip


def disclosure(ledger: Ledger, policy: Policy, period: str) -> Disclosure:
    """What everybody may read, without signing in."""
    return Disclosure(
        period=period, kinds=kind_rows(ledger, policy, period), limits=[_limit(x) for x in policy.limits],
        basis=f"{policy.name} {policy.version}",
    )  # fmt: skip


def _limit(x: Limit) -> LimitRow:
    return LimitRow(
        clock=x.clock, seconds=x.seconds, night_seconds=x.night_seconds, working_days=x.working_days, source=x.source
    )  # fmt: skip
