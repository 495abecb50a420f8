"""What a call is about: terms weighed by kind, the line as prior, raises and refinements, and why. Pure."""

import re
from collections.abc import Callable
from typing import NamedTuple

from tocsin.enrich.lexicon import Automaton, Hit
from tocsin.incident.values import Understanding
from tocsin.policy.model import Absorb, Policy

PRIOR = {
    "119": ("fire.", "rescue.", "hazmat.", "utility.gas", "flood."),
    "122": ("traffic.",),
    "120": ("medical.",),
    "110": ("crime.", "order.", "person.", "rescue.suicide"),
    "12345": ("service.", "utility."),
}
_PRIOR_FACTOR = 1.3
_ASKED_FACTOR = 0.15
_PAST_FACTOR = 0.35
_SOFTEN = 0.4
"""What a kind's score is measured against beside the next kind's: one plain word alone gives 0.7."""
_RIVAL = 0.6
_PLAIN = 1.0
_ABSORBED = 0.5
_SHOWN = 3
_SURE = 0.6
_NUMERALS = {c: i for i, c in enumerate("零一二三四五六七八九十")} | {"两": 2, "俩": 2, "仨": 3, "几": 3, "多": 3}
_PEOPLE = r"(?:个人|人|名|位|个|具|口|台车的人)"
_HURT = r"(?:受伤|被困|伤|困|昏迷|昏|死|倒|落水|中毒|掉|卡|压|埋|烧|没出来|没下来|出不来|躺|流血|晕|被砍|被捅|溺)"
_VICTIMS = re.compile(
    rf"(?P<n>\d{{1,3}}|[一二两三四五六七八九十几多]{{1,3}}){_PEOPLE}[^,。!?;]{{0,8}}?{_HURT}|{_HURT}[^,。!?;\d]{{0,4}}?(?P<m>\d{{1,3}}|[一二两三四五六七八九十几多]{{1,3}}){_PEOPLE}"
)


class Scored(NamedTuple):
    """Kinds by score, with what speaks for them."""

    scores: dict[str, float]
    said: list[Hit]
    negated: list[str]
    past: bool
    asked: bool


def victims_of(text: str) -> int | None:
    """How many people a normalised text says are hurt or in danger; "几" counts 3 (from there on it is many)."""
    found = [_number(m.group("n") or m.group("m") or "") for m in _VICTIMS.finditer(text)]
    known = [n for n in found if n]
    return max(known) if known else None


def _number(word: str) -> int:
    if word.isdecimal():
        return int(word)
    if "十" in word:
        tens, _, ones = word.partition("十")
        return _NUMERALS.get(tens, 1) * 10 + (_NUMERALS.get(ones, 0) if ones else 0)
    return _NUMERALS.get(word[:1], 0)


def score(hits: list[Hit], line: str, absorbs: list[Absorb]) -> Scored:
    """Weighs hits: each term once per word, what is negated not at all, what is past or asked little."""
    scores: dict[str, float] = {}
    counted: set[tuple[str, str]] = set()
    said, negated = [], []
    past = asked = False
    for h in hits:
        if h.standing == "negated":
            negated.append(h.words)
            continue
        if h.standing == "said" or (h.term.kind and not h.term.danger):
            said.append(h)  # a plain matter is one also when it is asked about or was yesterday
        past = past or h.standing == "past"
        asked = asked or h.standing == "asked"
        kind = h.term.kind
        if not kind or (kind, h.words) in counted or (h.term.lines and line not in h.term.lines):
            continue
        counted.add((kind, h.words))
        weight = h.term.weight
        if h.term.danger:
            weight *= {"said": 1.0, "past": _PAST_FACTOR}.get(h.standing, _ASKED_FACTOR)
            if h.standing == "past" and kind.startswith("crime."):
                scores["crime.reported"] = scores.get("crime.reported", 0.0) + h.term.weight * 0.6
        scores[kind] = scores.get(kind, 0.0) + weight
    _absorb(absorbs, scores)
    favoured = PRIOR.get(line, ())
    for kind in scores:
        if favoured and kind.startswith(favoured):
            scores[kind] *= _PRIOR_FACTOR
    return Scored(scores, said, negated, past, asked)


def _absorb(absorbs: list[Absorb], scores: dict[str, float]) -> None:
    """Gives what belongs to a larger matter of the same call to that matter."""
    for rule in absorbs:
        larger = [k for k in rule.into if scores.get(k, 0.0) >= _PLAIN]
        parts = [k for k in rule.kinds if k in scores and k not in larger] if larger else []
        if parts:
            taker = max(larger, key=lambda k: (scores[k], k))
            for kind in parts:
                scores[taker] += scores[kind] * _ABSORBED
                scores[kind] *= 1.0 - _ABSORBED - _RIVAL / 2


def confidence(scores: dict[str, float]) -> tuple[str, float, dict[str, float]]:
    """Best kind, how sure, and the next ones. Kinds of the same group are half rivals only."""
    ranked = sorted(scores.items(), key=lambda x: (-x[1], x[0]))
    best, top = ranked[0]
    group = best.split(".")[0]
    rival = max((s * (0.5 if k.split(".")[0] == group else 1.0) for k, s in ranked[1:]), default=0.0)
    total = top + _RIVAL * rival + _SOFTEN
    others = {k: round(s / total, 3) for k, s in ranked[1 : 1 + _SHOWN]}
    return best, round(top / total, 3), others


def refined(policy: Policy, kind: str, raises: list[str]) -> str:
    """The kind after what else the call says."""
    for rule in policy.lexicon.refine:
        if rule.kind == kind and rule.raises in raises:
            kind = rule.to
    return kind


def priority_of(policy: Policy, kind: str, raises: list[str]) -> int:
    """The kind's priority, raised by what the call says."""
    lowest = policy.kinds[kind].priority if kind in policy.kinds else 2
    return min([lowest, *(r.priority for r in policy.raises if r.name in raises and kind in r.kinds)])


def silent(policy: Policy, channel: str, *, addressed: bool, dropped: bool) -> Understanding:
    """A call without words: silent or dropped on a voice line, otherwise something only a person can say.

    A position comes with a telephone by itself and says nothing; an address is something that was said.
    """
    kind = "unknown"
    if channel == "voice" and not addressed:
        kind = "invalid.dropped" if dropped else "invalid.silent"
    return Understanding(
        kind=kind, priority=priority_of(policy, kind, []), confidence=0.3, decided_by="line", human=True,
        reasons=["no_text"], lexicon=policy.lexicon.version,
    )  # fmt: skip


def _dangers(policy: Policy, found: Scored) -> dict[str, float]:
    """The dangerous kinds said, by weight; else those harmless ones that grew by what else was said."""
    dangers: dict[str, float] = {}
    for h in found.said:
        if h.term.danger and h.term.kind:
            dangers[h.term.kind] = dangers.get(h.term.kind, 0.0) + h.term.weight
    grown = {r.kind: found.scores[r.kind] for r in policy.lexicon.refine if r.kind in found.scores}
    return dangers or grown or {"unknown": 1.0}


def decide_kind(
    policy: Policy, line: str, found: Scored, in_danger: bool, model: Callable[[], tuple[str, float] | None]
) -> tuple[str, float, str, dict[str, float]]:
    """Kind, confidence, who decided and the alternatives; the model is asked only where the lexicon is unsure."""
    kind, sure, others = confidence(found.scores) if found.scores else ("", 0.0, {})
    if found.scores and found.scores[kind] < 0.5:  # noqa: PLR2004 - what is only past or asked is no matter by itself
        sure = min(sure, 0.3)
    if sure < _SURE or (kind.startswith("service.") and line == "12345"):
        guess = None if in_danger else model()
        if guess is not None and guess[1] > sure and line == "12345":
            return guess[0], guess[1], "model", others | ({kind: sure} if kind else {})
    slow = kind.startswith(
        ("service.", "invalid.", "utility.water", "utility.power", "order.noise", "traffic.obstruct")
    )
    if in_danger and (slow or sure < policy.confidence_min):
        best, sure_here, _ = confidence(_dangers(policy, found))
        return best, max(policy.confidence_min, sure_here * 0.9), "lexicon", found.scores
    if not kind or sure < policy.confidence_min * 0.7:
        if line == "120":
            return "medical.other", 0.4, "line", others
        return "unknown", sure, "none", others | ({kind: sure} if kind else {})
    return kind, sure, "lexicon", others


def understand(
    policy: Policy,
    automaton: Automaton,
    line: str,
    text: str,
    model: Callable[[str], tuple[str, float] | None] | None,
    model_version: str,
) -> Understanding:
    """Reads a normalised, non-empty text."""
    hits = automaton.find(text)
    found = score(hits, line, policy.lexicon.absorb)
    danger = automaton.dangerous(text, hits)
    kind, sure, decided_by, others = decide_kind(policy, line, found, danger, lambda: model(text) if model else None)
    raises = list(dict.fromkeys(r for h in found.said if h.standing == "said" for r in h.term.raises))
    victims = victims_of(text) if danger or raises else None
    if victims is not None and victims >= policy.ems.mass_casualty_at and "many" not in raises:
        raises.append("many")
    kind = refined(policy, kind, raises)
    reasons = []
    if sure < policy.confidence_min:
        reasons.append("low_confidence")
    if decided_by == "line":
        reasons.append("line_only")
    if policy.kinds[kind].review:
        reasons.append("kind_needs_review")
    escalated = danger and line == "12345" and not kind.startswith(("service.", "invalid."))
    relevant = [h.words for h in found.said if h.term.kind == kind or h.term.raises]
    return Understanding(
        kind=kind, priority=min(priority_of(policy, kind, raises), 2 if escalated else 4), confidence=round(sure, 3),
        decided_by=decided_by,  # type: ignore[arg-type]  # a literal of Understanding by construction above
        terms=list(dict.fromkeys(relevant or [h.words for h in found.said])),
        negated=list(dict.fromkeys(found.negated)),
        alternatives=dict(sorted(others.items(), key=lambda x: (-x[1], x[0]))[:_SHOWN]), raises=raises,
        human=bool(reasons), reasons=reasons, escalated=escalated, victims=victims,
        hazards=list(dict.fromkeys(h.term.hazard for h in found.said if h.term.hazard)), past=found.past,
        lexicon=policy.lexicon.version, model=model_version if decided_by == "model" else "",
    )  # fmt: skip
