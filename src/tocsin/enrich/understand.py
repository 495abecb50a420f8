"""What a call is about: terms weighed by kind, the line as prior, raises and refinements, and why. Pure."""

import re
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from tocsin.enrich.beside import Two, apart, foreign, graver, named, routine
from tocsin.enrich.ear import (
    CLEAR,
    DENIED,
    DENIED_FIRST,
    MATTER,
    NO_WORD,
    PASSAGE_ALONE,
    PASSAGE_SAID,
    SAID,
    TOLD,
    Heard,
)
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


_SLOW = (
    "service.", "invalid.", "utility.water", "utility.power", "utility.supply", "order.", "traffic.obstruct",
    "traffic.damage",
)  # fmt: skip
"""Kinds that are never danger to life by themselves."""
_UNLIKELY = 0.05
_TOLD = 0.4
"""What remains of an urgent kind's share on the hotline where no danger is heard."""
_LEXICON_SURE = 0.88
"""From here on the lexicon's kind needs no second hearing (which would cost as much again as the first)."""
_EAR_SURE = 0.45
VAGUE = "unknown"
"""What the ear calls words that name no matter."""


class Ears(NamedTuple):
    """What may be asked beside the lexicon: what was learned from sentences, and a user's own trained model."""

    heard: Heard | None
    model: Callable[[str], tuple[str, float] | None] | None
    version: str

    def version_of(self, decided_by: str) -> str:
        """Of what decided, where it was not the lexicon."""
        if decided_by == "ear" and self.heard is not None:
            return self.heard.version
        return self.version if decided_by == "model" else ""


class Decided(NamedTuple):
    """A kind, how sure, by what (lexicon, ear, model, line, none), and the alternatives."""

    kind: str
    sure: float
    by: str
    others: dict[str, float]


class Scored(NamedTuple):
    """Kinds by score, with what speaks for them."""

    scores: dict[str, float]
    said: list[Hit]
    negated: list[str]
    past: bool
    asked: bool
    denied: set[str]
    """What negated words would have raised."""


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
    denied: set[str] = set()
    past = asked = False
    for h in hits:
        if h.standing == "negated":
            negated.append(h.words)
            denied.update(h.term.raises)
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
    return Scored(scores, said, negated, past, asked, denied)


def _absorb(absorbs: list[Absorb], scores: dict[str, float]) -> None:
    """Gives what belongs to a larger matter of the same call to that matter."""
    if len(scores) < 2:  # noqa: PLR2004 - one matter alone has nothing to take in
        return
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


def in_danger(automaton: Automaton, text: str, hits: list[Hit], heard: Heard | None) -> bool:
    """Whether a text speaks of danger to life: ear and lexicon together.

    Where the ear is clear it decides, and no hits are needed. Between, what the lexicon has is laid to its odds; what
    is harmless on the whole may have a danger beside it.
    """
    if heard is None:
        return automaton.dangerous(text, hits)
    if heard.odds is None:
        crying = _cried(heard, hits, said=automaton.dangerous(text, hits))
        return crying or graver(automaton, text, hits, heard) is not None
    if heard.odds >= CLEAR and not heard.denies:
        return True
    if heard.odds >= -SAID and heard.odds + witness(automaton.dangerous(text, hits), hits, denies=heard.denies) >= 0:
        return True
    return graver(automaton, text, hits, heard) is not None


def _cried(heard: Heard, hits: list[Hit], *, said: bool) -> bool:
    """Of a longer text: whether a passage of it cries danger, by itself or where the lexicon says so too."""
    if any(p.odds >= PASSAGE_ALONE for p in heard.passages):
        return True
    words = [h for h in hits if h.standing == "said" and (h.term.danger or h.term.raises)] if said else []
    return any(p.odds >= PASSAGE_SAID and p.start <= h.start < p.end for p in heard.passages for h in words)


def witness(said: bool, hits: list[Hit], *, denies: bool) -> float:
    """What the lexicon lays to the ear's log-odds of danger."""
    stands = {h.standing for h in hits if h.term.danger}
    if not stands:
        return SAID if said else MATTER if any(foreign(h.term.kind) for h in hits) else NO_WORD
    weight = SAID if said and not _called_about(hits) else 0.0
    if "negated" in stands:
        weight += DENIED_FIRST if denies and not said else DENIED
    return weight + TOLD if stands & {"past", "asked"} else weight


def _called_about(hits: list[Hit]) -> bool:
    """Whether all that cries danger is a call for somebody to come (快来人), and a routine matter says what for."""
    return not named(hits) and any(routine(h.term.kind) for h in hits)


def decide_kind(policy: Policy, line: str, text: str, found: Scored, danger: bool, ears: Ears) -> Decided:
    """The lexicon beside the ear; the trained model is asked where they are unsure of a routine matter."""
    kind, sure, others = confidence(found.scores) if found.scores else ("", 0.0, {})
    if found.scores and found.scores[kind] < 0.5:  # noqa: PLR2004 - what is only past or asked is no matter by itself
        sure = min(sure, 0.3)
    by = "lexicon"
    unlike = bool(kind) and kind.startswith(_SLOW) == danger  # what the one hears the other does not
    if ears.heard is not None and ears.heard.short and (sure < _LEXICON_SURE or unlike):
        kind, sure, by, others = _weighed(ears.heard, line, found, danger, (kind, sure, others))
    if sure < _SURE or (kind.startswith("service.") and line == "12345"):
        guess = None if danger or ears.model is None else ears.model(text)
        if guess is not None and guess[1] > sure and line == "12345":
            return Decided(guess[0], guess[1], "model", others | ({kind: sure} if kind else {}))
    slow = kind.startswith(_SLOW)
    if danger and (slow or sure < policy.confidence_min) and (by != "ear" or (slow and named(found.said))):
        best, sure_here, _ = confidence(_dangers(policy, found))
        return Decided(best, max(policy.confidence_min, sure_here * 0.9), "lexicon", found.scores)
    if not kind or sure < policy.confidence_min * 0.7:
        if line == "120":
            return Decided("medical.other", 0.4, "line", others)
        return Decided("unknown", sure, "none", others | ({kind: sure} if kind else {}))
    return Decided(kind, sure, by, others)


def _weighed(
    heard: Heard,
    line: str,
    found: Scored,
    danger: bool,
    lexicon: tuple[str, float, dict[str, float]],
) -> tuple[str, float, str, dict[str, float]]:
    """Lexicon and ear together: agreed, the surer counts; apart, the ear where it is clearly surer."""
    kind, sure, others = lexicon
    if danger and kind.startswith(_SLOW):
        kind, sure = "", 0.0
    shares = heard.kinds(line, found.scores)
    names = heard.names
    slow, invalid = heard.mask(_SLOW), heard.mask(("invalid.",))
    if danger:
        shares[slow] *= _UNLIKELY
    elif line == "12345":
        shares[~slow] *= _TOLD
    if not any(k.startswith("invalid.") for k in found.scores):
        shares[invalid] *= _UNLIKELY
    shares /= shares.sum()
    best = int(shares.argmax())
    here, share = names[best], float(shares[best])
    if here == VAGUE:
        # Words that could be about anything: the ear has no opinion, and what the lexicon found stands by itself.
        return kind, sure, "lexicon", others
    lexical = float(shares[names.index(kind)]) if kind in names else 0.0
    if here == kind:
        return kind, max(sure, share), "lexicon", others
    if not kind or share >= max(_EAR_SURE, 2 * lexical):
        share = min(share, _EAR_SURE) if heard.brief and not kind else share
        return here, share, "ear", {kind: round(lexical, 3)} if kind else {}
    return kind, min(sure, max(lexical, _EAR_SURE)), "lexicon", others | {here: round(share, 3)}


def asks(policy: Policy, text: str) -> bool:
    """Whether a normalised text asks, or asks for help, and neither complains nor reports anybody."""
    words = policy.lexicon
    return any(w in text for w in words.consult) and not any(w in text for w in words.complain)


def understand(policy: Policy, automaton: Automaton, line: str, text: str, ears: Ears) -> Understanding:
    """Reads a normalised, non-empty text."""
    hits = automaton.find(text)
    found = score(hits, line, policy.lexicon.absorb)
    heard = ears.heard
    danger = in_danger(automaton, text, hits, heard)
    if danger and heard is not None and any(map(foreign, found.scores)):
        two = graver(automaton, text, hits, heard)
        if two is not None:
            return _of_two(policy, automaton, line, text, two, ears)
    return _of_one(policy, line, text, ears, found, danger)


def _of_two(policy: Policy, automaton: Automaton, line: str, text: str, two: Two, ears: Ears) -> Understanding:
    """The graver side decides; what the rest is about stands beside it, a matter of its own where that is clear."""
    grave, other = (
        _of_one(
            policy, line, part, ears._replace(heard=ears.heard.of(part) if ears.heard else None),
            score(automaton.find(part), line, policy.lexicon.absorb), part is two.side,
        )
        for part in two
    )  # fmt: skip
    beside = {k: v for k, v in ({other.kind: other.confidence} | grave.alternatives).items() if k != grave.kind}
    return replace(
        grave, alternatives=dict(sorted(beside.items(), key=lambda x: (-x[1], x[0]))[:_SHOWN]),
        terms=list(dict.fromkeys((*grave.terms, *other.terms))), negated=[*grave.negated, *other.negated],
        victims=victims_of(text), matters=[other.kind] if apart(grave.kind, other) else [],
    )  # fmt: skip


def _of_one(policy: Policy, line: str, text: str, ears: Ears, found: Scored, danger: bool) -> Understanding:
    """What is all of one matter, its terms weighed."""
    kind, sure, decided_by, others = decide_kind(policy, line, text, found, danger, ears)
    raises = list(dict.fromkeys(r for h in found.said if h.standing == "said" for r in h.term.raises))
    for name, contrary in policy.lexicon.denied.items():
        if name in found.denied and name not in raises and contrary not in raises:
            raises.append(contrary)
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
    escalated = danger and line == "12345"
    # Whatever it was taken for: words of danger to life wait behind nothing routine, on any line.
    priority = min(priority_of(policy, kind, raises), 2 if danger else 4)
    relevant = [h.words for h in found.said if h.term.kind == kind or h.term.raises]
    return Understanding(
        kind=kind, priority=priority, confidence=round(sure, 3),
        decided_by="model" if decided_by == "ear" else decided_by,  # type: ignore[arg-type]  # by construction above
        terms=list(dict.fromkeys(relevant or [h.words for h in found.said])),
        negated=list(dict.fromkeys(found.negated)),
        alternatives=dict(sorted(others.items(), key=lambda x: (-x[1], x[0]))[:_SHOWN]), raises=raises,
        human=bool(reasons), reasons=reasons, escalated=escalated, victims=victims,
        hazards=list(dict.fromkeys(h.term.hazard for h in found.said if h.term.hazard)), past=found.past,
        lexicon=policy.lexicon.version,
        model=ears.version_of(decided_by), asks=line == "12345" and not danger and asks(policy, text),
    )  # fmt: skip
