"""The second ear: what was learned from sentences, beside the lexicon. Letters and pairs of letters, all linear.

The lexicon knows words and says why; the ear knows how people talk. Where they agree all is well; where one is sure and
the other is not, the sure one is heard (`Enricher`, `understand`).
"""

import math
import re
from operator import add

import numpy as np
import numpy.typing as npt

from tocsin.policy.hearing import Hearing

CERTAIN_DANGER = 0.9
"""From here on the ear alone hears danger, whatever the lexicon says."""
SURE_DANGER = 0.7
"""From here on it hears danger where the lexicon has no word for the matter."""
NO_DANGER = 0.3
"""Below this a word of danger is told, asked or meant otherwise: the lexicon alone does not cry."""
SPOKEN_MAX = 60
"""Characters said in one breath. Of longer texts the ear does not judge danger: the lexicon does, clause by clause."""
READ_MAX = 200
"""Characters whose kind the ear judges."""
BRIEF = 8
"""Characters below which a matter named by the ear alone goes to a person."""
UNJUDGED = 0.5
_LEXICON_MAX = 3.0
Floats = npt.NDArray[np.float32]


_OPENING = re.compile(
    r"^(?:你好|您好|喂|请问|请教|咨询|打听|打扰|麻烦|想问|想咨询|想打听|我想问|我想咨询|问一下|问下|一下|下|了|"
    r"你们|你|您|12345吗|[,。!? ])+"
)
_NOT_SO = re.compile(r"^(?:我|这|那|这次)?(?:可)?(?:不是|并非|别当)[^,。!?]{1,8}[,。]+(?:是|而是)?")


def plain(text: str) -> str:
    """A normalised text without its polite opening, and without what the caller says it is not (不是演习,真的…)."""
    left = _NOT_SO.sub("", _OPENING.sub("", text, count=1), count=1)
    return left or text


_DENIALS = ("没", "不", "无", "未", "并")


class Heard:
    """One text as the ear has it: its danger at once, its kinds when asked for.

    `brief`: so little was said that the ear alone is no witness.
    """

    __slots__ = ("_at", "_denies", "_ear", "_norm", "brief", "danger")

    def __init__(self, ear: "Ear", text: str) -> None:
        said = plain(text)
        grams = dict.fromkeys(said) | dict.fromkeys(map(add, said, said[1:]))
        self._ear = ear
        self._denies = text.startswith(_DENIALS)
        self.brief = len(said) < BRIEF
        self._at = np.array([*filter(None, map(ear.held.rows.get, grams))], dtype=np.int64)
        self._norm = math.sqrt(float(ear.held.squares[self._at].sum())) or 1.0
        self.danger = UNJUDGED
        if len(text) > SPOKEN_MAX:
            return
        logit = float(ear.danger[self._at].sum()) / self._norm + float(ear.held.bias[0])
        self.danger = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))

    @property
    def clear(self) -> bool:
        """Whether the ear alone can say if there is danger; what begins with a denial the lexicon reads too."""
        return self.danger < NO_DANGER or (self.danger >= CERTAIN_DANGER and not self._denies)

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
        total: Floats = ear.kinds[self._at].sum(0) / np.float32(self._norm) + ear.held.bias[1:]
        at_line = ear.lines.get(line)
        if at_line is not None:
            total += ear.held.of_line[at_line]
        for kind, score in scores.items():
            row = ear.places.get(kind)
            if row is not None:
                total += ear.held.words[row] * np.float32(min(score, _LEXICON_MAX))
        shares: Floats = np.exp(total - total.max())
        shares /= shares.sum()
        return shares


class Ear:
    """A hearing made ready. Immutable; safe for many threads."""

    def __init__(self, held: Hearing) -> None:
        self.held = held
        self.version = held.version
        self.danger = np.ascontiguousarray(held.table[:, 0])
        self.kinds = np.ascontiguousarray(held.table[:, 1:])
        self.masks: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}
        self.lines = {line: i for i, line in enumerate(held.lines)}
        self.places = {kind: i for i, kind in enumerate(held.kinds)}

    def hear(self, text: str) -> Heard | None:
        """A normalised text, or None for one too long to be spoken in one breath."""
        return Heard(self, text) if 0 < len(text) <= READ_MAX else None
