"""Triage Ⅰ-Ⅳ from what is known: the kind, what the call says, the answers to structured questions. Pure."""

from collections.abc import Mapping, Sequence

from tocsin.mission.values import TRIAGE, Triage
from tocsin.policy.model import Ems

QUESTIONS: dict[str, tuple[str, ...]] = {
    "conscious": ("yes", "no", "drowsy", "unknown"),
    "breathing": ("yes", "no", "difficult", "unknown"),
    "chest_pain": ("yes", "no", "unknown"),
    "bleeding": ("none", "some", "severe", "unknown"),
    "stroke_signs": ("yes", "no", "unknown"),
    "seizure": ("yes", "no", "unknown"),
    "trapped": ("yes", "no", "unknown"),
    "pregnant": ("no", "yes", "labour", "unknown"),
    "pain": ("none", "some", "severe", "unknown"),
    "walking": ("yes", "no", "unknown"),
    "age_group": ("infant", "child", "adult", "elder", "unknown"),
}
"""The structured questions and the answers that may be given to them."""


def bad_answers(answers: Mapping[str, str]) -> list[str]:
    """What is wrong with these answers, one sentence each; empty where nothing is."""
    wrong = [f"{q}: no such question" for q in sorted(answers) if q not in QUESTIONS]
    return wrong + [
        f"{q}: {a!r} is none of {', '.join(QUESTIONS[q])}"
        for q, a in sorted(answers.items())
        if q in QUESTIONS and a not in QUESTIONS[q]
    ]


def first_level(kind: str, priority: int, raises: Sequence[str], ems: Ems) -> tuple[Triage, list[str]]:
    """The level a mission begins with: by its kind, never below II for a matter of priority 1; with the reasons."""
    level = _level(ems.triage.get(kind) or ems.triage.get("") or "III")
    reasons = [f"kind:{kind}" if kind in ems.triage else "kind:other"]
    if priority == 1 and level in ("III", "IV"):
        level, reasons = "II", [*reasons, "priority:1"]
    for name in raises:
        said = ems.triage_answers.get(f"{name}=yes")
        if said is not None and TRIAGE.index(_level(said)) < TRIAGE.index(level):
            level, reasons = _level(said), [*reasons, f"raise:{name}"]
    return level, reasons


def level_of(first: Triage, answers: Mapping[str, str], ems: Ems) -> tuple[Triage, list[str]]:
    """The level after these answers: the most urgent any answer names; without one the level it had. With the reasons.

    Only answers may lower: a patient who walks and of whom nothing urgent is known is Ⅳ, unless the kind began at Ⅰ.
    """
    said = [
        (f"{q}={a}", _level(ems.triage_answers[f"{q}={a}"])) for q, a in sorted(answers.items()) if _known(q, a, ems)
    ]
    if not said:
        return first, ["answers:nothing_urgent"]
    best = min((level for _, level in said), key=TRIAGE.index)
    if TRIAGE.index(best) > TRIAGE.index(first) and first == "I":
        return first, ["kept:I"]
    return best, [f"answer:{name}" for name, level in said if level == best]


def _known(question: str, answer: str, ems: Ems) -> bool:
    return f"{question}={answer}" in ems.triage_answers


def _level(text: str) -> Triage:
    return next((level for level in TRIAGE if level == text), "III")
