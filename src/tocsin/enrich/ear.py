"""The second ear: what was learned from sentences, beside the lexicon. Letters and pairs of letters, all linear.

The lexicon knows words and says why; the ear knows how people talk. Where they agree all is well; where one is sure and
the other is not, the sure one is heard (`Enricher`, `understand`).
"""

import math
import re
from operator import add, itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.policy.hearing import Hearing

SAID, DENIED, TOLD, NO_WORD, DENIED_FIRST = 1.3, -1.0, -0.6, -0.8, -3.0
"""What the lexicon lays to the ear's log-odds of danger: it says so; a word of danger stands denied; or past or
asked; there is none; one is denied in a text that begins so. From a regression over batches of sentences none of
which either had learned from; the more the ear has learned, the less the lexicon needs to say against it."""
MATTER = -1.2
"""The same where there is no word of danger, and one of a matter that waits in a queue."""
LEAN = 0.9
"""How far doubt counts as danger, in log-odds: a danger unheard costs a life, one heard in vain a look."""
CLEAR = 1.7
"""Log-odds, the lean among them, from which on nothing the lexicon may say against it changes what is heard; below
-SAID nothing it may say for it does."""
SPOKEN_MAX = 60
"""Characters said in one breath. Longer texts are heard passage by passage."""
PASSAGE_MAX = 40
"""Characters of neighbouring clauses heard together in a longer text."""
PASSAGE_SAID, PASSAGE_ALONE = 2.3, 5.5
"""Log-odds of a passage from which on it is danger: where the lexicon says so too, and without it. Most of what is
told at length to an office is no cry."""
CLAUSE_ALONE = 4.5
"""Log-odds of one clause from which on it is danger among whatever matters, where the lexicon finds it named there. Of
3,287 real letters 0.2 % more are heard so; of dangers told among nine other matters nine in ten were lost without."""
MIXED = 2.0
"""Log-odds of a piece, the lean among them, without which nothing dangerous stands beside what is harmless."""
READ_MAX = 200
"""Characters whose kind the ear judges."""
BRIEF = 8
"""Characters below which a matter named by the ear alone goes to a person."""
_LEXICON_MAX = 3.0
Floats = npt.NDArray[np.float32]
_sum = np.add.reduce
"""Along the first axis; the method of the same end costs a microsecond more in Python alone."""


_OPENING = re.compile(
    r"^(?:你好|您好|喂|请问|请教|咨询|打听|打扰|麻烦|想问|想咨询|想打听|我想问|我想咨询|问一下|问下|一下|下|了|"
    r"你们|你|您|12345吗|[,。!? ])+"
)
_NOT_SO = re.compile(r"^(?:我|这|那|这次)?(?:可)?(?:不是|并非|别当)[^,。!?]{1,8}[,。]+(?:是|而是)?")


def plain(text: str) -> str:
    """A normalised text without its polite opening, and without what the caller says it is not (不是演习,真的…)."""
    left = _NOT_SO.sub("", _OPENING.sub("", text, count=1), count=1)
    return left or text


_CLAUSES = re.compile(rf"[^,。!?;]{{1,{PASSAGE_MAX}}}[,。!?;]?")
JOINTS = "另外|还有|对了|顺便|同时|此外|再一个"
"""Words between one matter and another."""
_PIECES = re.compile(r"[^,。!?;了]+了*")
_BREAK = re.compile(r"[,。!?;了][^,。!?;了]")
_DENIALS = ("没", "不", "无", "未", "并")


class Passage(NamedTuple):
    """Some clauses of a longer text: where they stand, and the log-odds of danger in them."""

    start: int
    end: int
    odds: float


class Piece(NamedTuple):
    """Part of a text: what its letters weigh for danger, and their squares."""

    start: int
    end: int
    weight: float
    square: float


class Heard:
    """One text as the ear has it: its danger at once, its kinds when asked for.

    `odds`: log-odds of danger with the lean, None for a longer text, which has `passages`. `denies`: it begins
    with a denial. `brief`: so little was said that the ear alone is no witness. `clauses`: of a longer text.
    """

    __slots__ = ("_ear", "_mixed", "_rows", "_text", "brief", "clauses", "denies", "odds", "passages", "short")

    def __init__(self, ear: "Ear", text: str) -> None:
        held = ear.held
        self._ear, self._text = ear, text
        self._mixed: bool | None = None
        self.denies = text.startswith(_DENIALS)
        self.short = len(text) <= READ_MAX
        """Whether its kind can be asked for."""
        said = plain(text) if self.short else text
        self.brief = len(said) < BRIEF
        self.odds: float | None = None
        self.passages: list[Passage] = []
        self.clauses: list[Passage] = []
        if len(text) > SPOKEN_MAX:
            self.passages, self.clauses = ear.passages(text)
        if not self.short:
            return
        grams = dict.fromkeys((*said, *map(add, said, said[1:])))
        rows = self._rows = [*filter(None, map(held.rows.get, grams))]
        if len(text) <= SPOKEN_MAX:
            # What was never met says nothing, and makes the rest say less. Plain lists: an array for so few costs more;
            # row 0 twice, for there must be two to be picked as a tuple.
            pick = itemgetter(0, 0, *rows)
            squares = sum(pick(ear.squares)) + held.unseen * (len(grams) - len(rows) - 2)
            self.odds = sum(pick(ear.danger)) / (math.sqrt(max(squares, 0.0)) or 1.0) + ear.bias + LEAN

    @property
    def clear(self) -> bool:
        """Whether the ear alone can say if there is danger; what is mixed or denied the lexicon reads too."""
        if self.odds is None:
            return False
        return not self.denies if self.odds >= CLEAR else self.odds < -SAID and not self.mixed

    @property
    def mixed(self) -> bool:
        """Whether a piece of what was said in one breath speaks of danger where the whole may not."""
        if self._mixed is None:
            pieces = self._ear.pieces(_PIECES, self._text) if _BREAK.search(self._text) else []
            self._mixed = any(p.odds >= MIXED - LEAN for p in map(self._ear.weighed, pieces))
        return self._mixed

    def of(self, text: str) -> "Heard":
        """A part of what was said, by the same ear."""
        return Heard(self._ear, text)

    def odds_of(self, text: str) -> float:
        """The log-odds of a part of what was said in one breath."""
        return Heard(self._ear, text).odds or 0.0

    @property
    def names(self) -> list[str]:
        """The kinds, in the order of their shares."""
        return self._ear.held.kinds

    @property
    def version(self) -> str:
        """Of what was learned."""
        return self._ear.version

    def mask(self, groups: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        """Which kinds begin with one of these."""
        known = self._ear.masks.get(groups)
        if known is None:
            known = self._ear.masks[groups] = np.array([k.startswith(groups) for k in self.names])
        return known

    def kinds(self, line: str, scores: dict[str, float]) -> Floats:
        """How likely each kind of the ear is, after its letters, the line and the lexicon's scores."""
        ear = self._ear
        known = len(ear.held.table)
        at = np.array([r for r in self._rows if r < known], dtype=np.int64)
        norm = math.sqrt(float(_sum(ear.held.squares[at]))) or 1.0
        total: Floats = _sum(ear.held.table[at]) / np.float32(norm) + ear.held.bias[1:]
        at_line = ear.lines.get(line)
        if at_line is not None:
            total += ear.held.of_line[at_line]
        for kind, score in scores.items():
            row = ear.places.get(kind)
            if row is not None:
                total += ear.held.words[row] * np.float32(min(score, _LEXICON_MAX))
        shares: Floats = np.exp(total - total.max())
        shares /= _sum(shares)
        return shares


class Ear:
    """A hearing made ready. Immutable; safe for many threads."""

    def __init__(self, held: Hearing) -> None:
        self.held = held
        self.version = held.version
        danger, squares = held.danger.tolist(), held.squares.tolist()
        squares[0] = held.unseen
        self.danger, self.squares, self.bias = danger, squares, float(held.bias[0])
        """What a row says of danger and how much it weighs; row 0 stands for what was never met."""
        self.masks: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}
        self.lines = {line: i for i, line in enumerate(held.lines)}
        self.places = {kind: i for i, kind in enumerate(held.kinds)}

    def hear(self, text: str) -> Heard:
        """A normalised text."""
        return Heard(self, text)

    def pieces(self, cuts: re.Pattern[str], text: str) -> list["Piece"]:
        """What stands between cuts: where, and what its letters say. Linear in the text."""
        rows, danger, squares = self.held.rows, self.danger, self.squares
        found = []
        for m in cuts.finditer(text):
            said = m.group()
            pick = itemgetter(0, *[rows.get(g, 0) for g in dict.fromkeys((*said, *map(add, said, said[1:])))])
            found.append(Piece(m.start(), m.end(), sum(pick(danger)), sum(pick(squares)) - squares[0]))
        return found

    def weighed(self, piece: "Piece") -> Passage:
        """A piece with its log-odds, without the lean."""
        start, end, weight, square = piece
        return Passage(start, end, weight / (math.sqrt(square) or 1.0) + self.bias)

    def passages(self, text: str) -> tuple[list[Passage], list[Passage]]:
        """Each clause of a longer text, with as many of the following as are heard together; and each alone."""
        clauses = self.pieces(_CLAUSES, text)
        passages = []
        for i, (start, _, _, _) in enumerate(clauses):
            end, weight, square = start, 0.0, 0.0
            for _, until, more, larger in clauses[i:]:
                if end > start and until - start > PASSAGE_MAX:
                    break
                end, weight, square = until, weight + more, square + larger
            passages.append(self.weighed(Piece(start, end, weight, square)))
        return passages, [self.weighed(c) for c in clauses]
