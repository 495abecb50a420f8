"""A danger told in one breath with a harmless matter: where the one ends and the other begins. Pure.

Letters are weighed against each other over a whole text, so that three days without water can outweigh the fight
downstairs told after it. Where both word and letters say so, a text is cut in two, and the graver half is heard alone.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tocsin.enrich.ear import CLAUSE_ALONE, JOINTS, PASSAGE_ALONE, Heard
from tocsin.enrich.lexicon import Automaton, Hit
from tocsin.incident.values import Understanding

SIDE, REST = 3.0, -1.0
"""Log-odds from which on one side is danger by itself, and up to which the other is harmless. Over some 2,600 sentences
that sound like danger and are none, this takes three for danger; of pairs of a danger and a matter it loses none."""
SIDE_MIN = 4
"""Characters without which a side says nothing."""
ROUTINE = (
    "service.", "utility.water", "utility.power", "utility.supply", "order.", "traffic.obstruct", "traffic.damage",
    "crime.reported",
)  # fmt: skip
"""Kinds of what can stand beside a danger and be another matter."""
_BEGINNINGS = ("traffic.damage", "order.dispute", "crime.reported")
CRY = "unknown"
"""The kind of what cries danger and says not which."""
_CUT = re.compile(rf"[,。!?;]?(?:{JOINTS})(?:说一下|个事|一件事)?,?|[,。!?;]|(?P<done>了(?![,。!?;一两几应怎]))")
_HABIT = re.compile("多次|经常|长期|屡|每天|每次|总是|以前|曾经|去年|上次")
"""What a clause of a letter tells of other days."""
ENDED_WITHIN = 30
"""Characters after a danger within which it is said to be over."""
_MATTER_SURE = 0.6
_WORK = frozenset({"fire", "traffic", "medical", "rescue", "hazmat", "utility.gas"})
"""Groups that go together in one emergency: words of two of them are one matter."""


class Two(NamedTuple):
    """The side that is danger, and all else that was said."""

    side: str
    rest: str


def routine(kind: str) -> bool:
    """Whether a kind waits in a queue beside a danger."""
    return kind.startswith(ROUTINE)


def named(hits: list[Hit]) -> bool:
    """Whether a danger is named. A call for somebody to come (快来人) names none, and beside a matter is about that."""
    return any(h.term.danger and h.standing == "said" and h.term.kind != CRY for h in hits)


def foreign(kind: str) -> bool:
    """Whether a kind is no part of any emergency: a crash or a quarrel told first is how many of them begin."""
    return kind.startswith(ROUTINE) and kind not in _BEGINNINGS


def graver(automaton: Automaton, text: str, hits: list[Hit], heard: Heard) -> Two | None:
    """The side of a text that is danger where the rest is harmless; None where it is of one piece."""
    if not any(h.term.danger and h.standing != "negated" for h in hits):
        return None
    return _among(automaton, text, heard) if heard.odds is None else _half(automaton, text, hits, heard)


def _among(automaton: Automaton, text: str, heard: Heard) -> Two | None:
    """The clause of a longer text that names a danger, whatever else is told around it."""
    for c in sorted(heard.clauses, key=lambda c: (-c.odds, c.start)):
        if c.odds < CLAUSE_ALONE:
            break
        if _HABIT.search(text, c.start, c.end) is None and _alone(automaton, text, c.start, c.end):
            return Two(text[c.start : c.end], text[: c.start] + text[c.end :])
    return None


def _half(automaton: Automaton, text: str, hits: list[Hit], heard: Heard) -> Two | None:
    if not heard.mixed:
        return None
    best: tuple[float, Two] | None = None
    for start, end, least in _sides(text):
        side, rest = text[start:end], text[:start] + text[end:]
        odds = heard.odds_of(side)
        if odds < least or (best is not None and odds <= best[0]) or heard.odds_of(rest) > REST:
            continue
        inside = [h for h in hits if start <= h.start < end]
        matter = any(routine(h.term.kind) for h in hits if h not in inside)
        if not matter and odds < PASSAGE_ALONE:
            continue
        if named(inside) or (matter and _alone(automaton, text, start, end)):
            best = odds, Two(side, rest)
    return None if best is None else best[1]


def _alone(automaton: Automaton, text: str, start: int, end: int) -> bool:
    """Whether a side names a danger once what is asked or was yesterday is not about it; what ended it still is."""
    after = text[start : end + ENDED_WITHIN]  # and no further: every clause of a long letter is asked this
    on = [h for h in automaton.find(after) if h.start < end - start and h.term.danger]
    return named(automaton.find(text[start:end])) and all(h.standing != "past" for h in on)


def _sides(text: str) -> Iterator[tuple[int, int, float]]:
    """What stands before a cut, behind it, and between it and the next, with the log-odds it needs.

    Where nobody paused, after 了 alone, more is needed: what follows is as often of the same matter.
    """
    before = 0
    for m in _CUT.finditer(text):
        least, cut = (PASSAGE_ALONE, m.end()) if m["done"] else (SIDE, m.start())
        if not SIDE_MIN <= cut <= len(text) - SIDE_MIN:
            continue
        yield 0, cut, least
        yield m.end(), len(text), least
        if before and cut - before >= SIDE_MIN:
            yield before, cut, least
        before = m.end()


def apart(kind: str, part: Understanding) -> bool:
    """Whether what part of a call says is clearly another matter than its kind."""
    clear = part.confidence >= _MATTER_SURE and not part.human and part.decided_by == "lexicon"
    groups = {k if k == "utility.gas" else k.split(".")[0] for k in (part.kind, kind)}
    together = part.kind == kind or len(groups) == 1 or groups <= _WORK or bool(groups & {"unknown", "invalid"})
    return clear and not together
