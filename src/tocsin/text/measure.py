"""How well a model does: accuracy and the mean of the classes' F1, without any library."""

from collections import Counter
from typing import NamedTuple


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
