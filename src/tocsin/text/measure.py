"""How well a model does: accuracy and the mean of the classes' F1, without any library; and what a text costs."""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

_TEXTS, _ROUNDS = 200, 15


class Score(NamedTuple):
    """Over `n` rows."""

    n: int
    accuracy: float
    macro_f1: float


def score(truth: list[str], found: list[str]) -> Score:
    """Compares; classes are those of the truth and of what was found."""
    both = Counter(t for t, f in zip(truth, found, strict=True) if t == f)
    there, said = Counter(truth), Counter(found)
    each = [2 * both[c] / (there[c] + said[c]) for c in there.keys() | said.keys()]
    right = sum(both.values())
    return Score(len(truth), right / len(truth) if truth else 0.0, sum(each) / len(each) if each else 0.0)


def micros_each(scored: Callable[[str], object], words: str, length: int) -> float:
    """Microseconds of processor time for a text of so many characters, cut from `words`: the median over rounds.

    Each text of a round is another one where `words` is long enough, so that none is found in the processor's cache.
    """
    last = max(0, len(words) - length)
    starts = [i * last // _TEXTS for i in range(_TEXTS)]
    texts = [words[s : s + length] for s in starts]
    rounds = []
    for _ in range(_ROUNDS):
        before = time.process_time_ns()
        for text in texts:
            scored(text)
        rounds.append((time.process_time_ns() - before) / _TEXTS / 1000)
    return statistics.median(rounds)
