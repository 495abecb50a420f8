"""The lexicon as one automaton: every word found in one pass over a text, each judged by what stands around it."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import product
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import ahocorasick

from tocsin.enrich.normal import spelled
from tocsin.policy.model import Lexicon, Term

Standing = Literal["said", "negated", "past", "asked"]
GAP_MAX = 6
"""How many characters a `*` may stand for."""
FAR_MAX = 16
"""How many a `~` may, across commas too, never across the end of a sentence."""
_NEAR_AFTER = 16
_NEAR_TOPIC = 24
_NEAR_PAST = 30
_SUPPOSED_GAP = 6
_DENIED_GAP = 3
_LONG = 160
_LETTER = 60
_CRY = 30
"""In a letter (longer than the one, with words of `letter`) a cry stands within so many characters of its matter."""
_PLAIN_WORD = 2.2
_LOOK_BACK = FAR_MAX
_STRONG = 1.5
"""A term of this weight says what it says, even without more."""
_NEGATION_GAP = {1: 1}
_NEGATION_GAP_LONG = 4
NAME_MAX = 40
"""Characters a place's name has at the most, as far as what stands in it is looked for."""
_START, _END = itemgetter(0), itemgetter(1)
_BREAKS = frozenset("。!?;,\n")
_STOPS = frozenset("。!?;\n")
_WHERE = frozenset("在到从往靠撞对")
"""Letters that begin a word of where something is, or what it struck."""
_DONE = frozenset("了啦咯哒嘞喽啊呀")
NEGATION, PAST, TOPIC, LIVE, ENDED, MASK, UNREAL, SUPPOSED, REAL, NOW, LETTER, PLACE = range(12)
MARKS = 12


class Hit(NamedTuple):
    """A term found: its row, the words as they stood, its span in the normalised text, and how it is meant."""

    term: Term
    words: str
    start: int
    end: int
    standing: Standing


class _Word(NamedTuple):
    """A word of the automaton. `opens`, `closes`: sets of bits, the joints of patterns it stands before or after."""

    length: int
    letters: bool
    whole: tuple[Term, ...]
    marks: tuple[int, ...]
    opens: int
    closes: int


class _Joint(NamedTuple):
    """Between part `part` and the next of a pattern of `parts` parts."""

    term: Term
    pattern: int
    part: int
    parts: int


class _Raw(NamedTuple):
    term: Term
    start: int
    end: int
    first_end: int
    last_start: int


Marks = list[list[tuple[int, int]]]
Nearer = dict[str, frozenset[str]]
"""Kind → kinds it gives way to where one of them has the nearer subject of the same verb."""


def alternatives(word: str) -> list[str]:
    """`[a|b]c` → `ac`, `bc`. An unclosed bracket stands for itself."""
    pieces = [p.split("|") if i % 2 else [p] for i, p in enumerate(re.split(r"\[([^\[\]]*)\]", word))]
    return ["".join(p) for p in product(*pieces)]


class Automaton:
    """The compiled lexicon. Immutable; safe for many threads."""

    def __init__(self, lexicon: Lexicon, places: Iterable[str] = ()) -> None:
        """`places`: normalised names of places; what stands in them is no matter (路灯 at a school is not about it)."""
        self._rules = {(r.kind, r.raises) for r in lexicon.refine}
        self._refined = {r.kind for r in lexicon.refine}
        self._nearer: Nearer = {}
        for row in lexicon.nearer:
            self._nearer |= {k: self._nearer.get(k, frozenset()) | frozenset(row.to) for k in row.kinds}
        self._slots = [("{" + name + "}", f"[{spelled('|'.join(words))}]") for name, words in lexicon.slots.items()]
        self._joints: list[_Joint] = []
        self._far = 0
        slips = [(spelled(wrong), spelled(right)) for wrong, right in lexicon.fold.items()]
        words = _Words(slips)
        number = 0
        for term in lexicon.terms:
            for word in term.words:
                self._add_pattern(words, number, term, self._filled(spelled(word)))
                number += 1
        for what, listed in (
            (NEGATION, lexicon.negations), (PAST, lexicon.past), (TOPIC, lexicon.topic), (LIVE, lexicon.live),
            (ENDED, lexicon.ended), (MASK, lexicon.masks), (UNREAL, lexicon.unreal), (SUPPOSED, lexicon.supposed),
            (REAL, lexicon.real), (NOW, lexicon.now), (LETTER, lexicon.letter), (PLACE, places),
        ):  # fmt: skip
            for word in listed:
                for each in alternatives(spelled(word)):
                    words.marks.setdefault(each, set()).add(what)
        self._automaton = words.compiled()

    def _filled(self, word: str) -> list[str]:
        """Parts and the joints between them, `*` or `~`, by turns; slots filled."""
        for slot, held in self._slots:
            word = word.replace(slot, held)
        return [p for p in re.split(r"([*~])", word.strip("*~")) if p]

    def _add_pattern(self, words: "_Words", number: int, term: Term, pieces: list[str]) -> None:
        parts = pieces[::2]
        if len(parts) == 1:
            for each in words.spelled(parts[0]):
                words.whole.setdefault(each, {})[id(term)] = term
            return
        for part in range(len(parts) - 1):
            bit = 1 << len(self._joints)
            self._joints.append(_Joint(term, number, part, len(parts)))
            if pieces[2 * part + 1] == "~":
                self._far |= bit
            for each in words.spelled(parts[part]):
                words.opens[each] = words.opens.get(each, 0) | bit
            for each in words.spelled(parts[part + 1]):
                words.closes[each] = words.closes.get(each, 0) | bit

    def find(self, text: str) -> list[Hit]:
        """All terms of a normalised text, each with its standing; in order of their ends."""
        found: list[_Raw] = []
        marks: Marks = [[] for _ in range(MARKS)]
        recent: list[tuple[int, int, int]] = []
        chains: dict[tuple[int, int, int], tuple[int, int]] = {}
        opened = 0
        for end, (length, letters, whole, kinds, opens, closes) in self._automaton.iter(text):
            start = end - length + 1
            if letters and _inside_word(text, start, end):
                continue
            for what in kinds:
                marks[what].append((start, end))
            if whole:
                found.extend([_Raw(term, start, end, end, start) for term in whole])
            if closes & opened and start - recent[-1][1] <= _LOOK_BACK + 1:
                self._close(text, (start, end), closes, recent, chains, found)
            if opens:
                recent.append((start, end, opens))
                opened |= opens
        return _judged(text, found, marks, self._nearer) if found else []

    def _close(
        self,
        text: str,
        at: tuple[int, int],
        closes: int,
        recent: list[tuple[int, int, int]],
        chains: dict[tuple[int, int, int], tuple[int, int]],
        found: list[_Raw],
    ) -> None:
        """Joins the word at `at` to those just before it that stand in the same patterns."""
        start, end = at
        for before_start, before_end, opens in reversed(recent):
            gap = start - before_end - 1
            if gap > _LOOK_BACK:
                break
            both = closes & opens if gap >= 0 else 0
            if both and (gap > GAP_MAX or not _BREAKS.isdisjoint(text[before_end + 1 : start])):
                both &= self._far
                if gap > FAR_MAX or (both and not _STOPS.isdisjoint(text[before_end + 1 : start])):
                    both = 0
            if not both:
                continue
            closes &= ~both
            while both:
                low = both & -both
                both ^= low
                joint = self._joints[low.bit_length() - 1]
                head = (before_start, before_end)
                if joint.part:
                    known = chains.get((joint.pattern, joint.part - 1, before_end))
                    if known is None:
                        continue
                    head = known
                if joint.part == joint.parts - 2:
                    found.append(_Raw(joint.term, head[0], end, head[1], start))
                else:
                    chains[joint.pattern, joint.part, end] = head

    def danger(self, text: str) -> bool:
        """Whether a normalised text speaks of danger to life as happening."""
        return self.dangerous(text, self.find(text))

    def dangerous(self, text: str, hits: list[Hit]) -> bool:
        """The same of terms found. In a long report one plain word is not enough: such things are told, not cried."""
        said = [h for h in hits if h.standing == "said"]
        words = {h.words for h in said if h.term.danger}
        if not words:
            return self.grown([h.term for h in said])
        if len(text) <= _LONG or len(words) > 1:
            return True
        return any(h.term.danger and h.term.weight >= _PLAIN_WORD for h in said)

    def grown(self, said: list[Term]) -> bool:
        """Whether a harmless kind became a dangerous one by what else was said (a crash, and someone is hurt)."""
        kinds = {t.kind for t in said if t.kind and not t.danger}
        raises = {r for t in said for r in t.raises} if kinds & self._refined else set()
        return any((k, r) in self._rules for k in kinds for r in raises)


class _Words:
    """What is gathered for each word before the automaton is made."""

    def __init__(self, slips: list[tuple[str, str]]) -> None:
        self._slips = slips
        self.whole: dict[str, dict[int, Term]] = {}
        self.marks: dict[str, set[int]] = {}
        self.opens: dict[str, int] = {}
        self.closes: dict[str, int] = {}

    def spelled(self, piece: str) -> list[str]:
        """All spellings of a part of a pattern: its alternatives, and these with each slip."""
        found: dict[str, None] = {}
        for each in alternatives(piece):
            if each:
                found[each] = None
                found.update((each.replace(right, wrong), None) for wrong, right in self._slips if right in each)
        return list(found)

    def compiled(self) -> Any:
        """The automaton over all words."""
        automaton = ahocorasick.Automaton()
        for word in dict.fromkeys((*self.whole, *self.marks, *self.opens, *self.closes)):
            if word:
                terms = tuple(self.whole.get(word, {}).values())
                kinds = tuple(sorted(self.marks.get(word, ())))
                value = _Word(
                    len(word), word.isascii(), terms, kinds, self.opens.get(word, 0), self.closes.get(word, 0)
                )
                automaton.add_word(word, value)
        automaton.make_automaton()
        return automaton


def _inside_word(text: str, start: int, end: int) -> bool:
    """Whether ASCII letters or digits run on at either side, so that the word is only part of another."""
    size = len(text)
    before = start > 0 and text[start].isalnum() and text[start - 1].isascii() and text[start - 1].isalnum()
    return before or (end + 1 < size and text[end].isalnum() and text[end + 1].isascii() and text[end + 1].isalnum())


def _judged(text: str, found: list[_Raw], marks: Marks, nearer: Nearer) -> list[Hit]:
    masks = marks[MASK]
    live = [m for m in marks[LIVE] if not _within(m, marks[TOPIC])]
    unreal = bool(marks[UNREAL]) and not marks[REAL] and any(not _negated_mark(text, m, marks) for m in marks[UNREAL])
    letter = len(text) > _LETTER and bool(marks[LETTER])
    cries = marks[LIVE] + marks[NOW] if letter else []
    places = marks[PLACE]
    dangers = sorted((o.start, o.end) for o in found if o.term.danger) if places else []
    hits = []
    seen: set[tuple[int, int, int]] = set()
    for raw in found:
        # Several patterns of one term often meet in the same words: they are judged once.
        key = (id(raw.term), raw.start, raw.end)
        if key in seen:
            continue
        seen.add(key)
        if (masks and _hidden(raw, masks)) or _yields(text, raw, found, nearer):
            continue
        # A burning house in 青树嘴 is no burning tree: its danger is told without the town's name. A danger that is
        # told only with the name (a person on a bridge that has one) stands.
        if places and _named(raw, places) and not (raw.term.danger and not _beyond(raw, dangers)):
            continue
        standing = _standing(text, raw, marks, live, unreal=unreal)
        if letter and standing == "said" and not any(_cried(text, raw, m) for m in cries):
            standing = "asked"  # told to an office at length
        hits.append(Hit(raw.term, text[raw.start : raw.end + 1], raw.start, raw.end, standing))
    return hits


def _yields(text: str, raw: _Raw, found: list[_Raw], nearer: Nearer) -> bool:
    """Whether another kind's subject stands nearer to the same verb: 树 in 大树村仓库起火 is not what burns.

    Not where it only says where the first one is (车停在店门口着火).
    """
    to = nearer.get(raw.term.kind)
    if not to or raw.first_end >= raw.last_start:
        return False
    for other in found:
        if (
            other.last_start == raw.last_start > other.first_end > raw.first_end
            and other.start >= raw.start
            and other.term.kind in to
            and _WHERE.isdisjoint(text[raw.first_end + 1 : other.start])
        ):
            return True
    return False


def _named(raw: _Raw, places: list[tuple[int, int]]) -> bool:
    """Whether a term's first part stands in a longer name of a place; `places` in the order of their ends."""
    for at in range(bisect_left(places, raw.first_end, key=_END), len(places)):
        start, end = places[at]
        if end > raw.first_end + NAME_MAX:
            return False
        if start <= raw.start and (start, end) != (raw.start, raw.first_end):
            return True
    return False


def _beyond(raw: _Raw, dangers: list[tuple[int, int]]) -> bool:
    """Whether a danger is told in what follows the first part of this term; `dangers` in the order of their starts."""
    for at in range(bisect_right(dangers, raw.first_end, key=_START), len(dangers)):
        start, end = dangers[at]
        if start > raw.end:
            return False
        if end <= raw.end:
            return True
    return False


def _within(mark: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(s <= mark[0] and mark[1] <= e and (s, e) != mark for s, e in others)


def _hidden(raw: _Raw, masks: list[tuple[int, int]]) -> bool:
    """Whether a term stands in a longer word of another meaning; a plain matter may be told in its very words."""
    masked = _masked(raw.start, raw.first_end, masks) or _masked(raw.last_start, raw.end, masks)
    return masked and (raw.term.danger or not any(raw.start <= s and e <= raw.end for s, e in masks))


def _masked(start: int, end: int, masks: list[tuple[int, int]]) -> bool:
    return any(s <= start and end <= e and e - s > end - start for s, e in masks)


def _negated_mark(text: str, mark: tuple[int, int], marks: Marks) -> bool:
    """Whether a sign is itself denied, as in 不是消防演练."""
    at = mark[0]
    return any(e < at and at - e <= _DENIED_GAP and _BREAKS.isdisjoint(text[e + 1 : at]) for _, e in marks[NEGATION])


def _standing(text: str, raw: _Raw, marks: Marks, live: list[tuple[int, int]], *, unreal: bool) -> Standing:
    if _negated(text, raw, marks[NEGATION]):
        return "negated"
    if unreal or _supposed(text, raw, marks[SUPPOSED]):
        return "past" if not unreal and _over(text, raw, marks[ENDED], live) else "asked"
    if _over(text, raw, marks[ENDED], live):
        return "past"
    if live:
        return "said"
    if not marks[NOW] and any(e < raw.start and raw.start - e <= _NEAR_PAST for _, e in marks[PAST]):
        return "past"
    near = [m for m in marks[TOPIC] if not (raw.start <= m[0] and m[1] <= raw.end)]
    happened = raw.end + 1 < len(text) and text[raw.end + 1] in _DONE and raw.term.weight >= _STRONG
    reach = _same_clause if happened else _same_sentence
    return "asked" if any(reach(text, raw, m) for m in near) else "said"


def _cried(text: str, raw: _Raw, mark: tuple[int, int]) -> bool:
    low, high = _between(raw, mark)
    return high - low <= _CRY and _STOPS.isdisjoint(text[low:high])


def _supposed(text: str, raw: _Raw, marks: list[tuple[int, int]]) -> bool:
    at = raw.start
    return any(0 < at - e <= _SUPPOSED_GAP and _BREAKS.isdisjoint(text[e + 1 : at]) for _, e in marks)


def _between(raw: _Raw, mark: tuple[int, int]) -> tuple[int, int]:
    return (mark[1] + 1, raw.start) if mark[1] < raw.start else (raw.end + 1, mark[0])


def _same_clause(text: str, raw: _Raw, mark: tuple[int, int]) -> bool:
    low, high = _between(raw, mark)
    return high - low <= _NEAR_TOPIC and _BREAKS.isdisjoint(text[low:high])


def _same_sentence(text: str, raw: _Raw, mark: tuple[int, int]) -> bool:
    low, high = _between(raw, mark)
    return high - low <= _NEAR_TOPIC and _STOPS.isdisjoint(text[low:high])


def _negated(text: str, raw: _Raw, negations: list[tuple[int, int]]) -> bool:
    for s, e in negations:
        if e < raw.start:
            gap = raw.start - e - 1
            if gap <= _NEGATION_GAP.get(e - s + 1, _NEGATION_GAP_LONG) and _BREAKS.isdisjoint(text[e + 1 : raw.start]):
                return True
        elif s > raw.first_end and e < raw.last_start:
            return True
    return False


def _over(text: str, raw: _Raw, ended: list[tuple[int, int]], live: list[tuple[int, int]]) -> bool:
    for s, _ in ended:
        if 0 <= s - raw.end <= _NEAR_AFTER and not any(at > s for at, _ in live):
            return text[max(0, s - 1) : s] not in ("没", "未")
    return False
