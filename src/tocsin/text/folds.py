"""How well training does on rows it has not seen: trained without each random part in turn, held against that part."""

from collections.abc import Callable

import numpy as np

from tocsin.text.data import FileInvalid, Labelled
from tocsin.text.measure import Score, score
from tocsin.text.model import Classifier
from tocsin.text.train import train


def held_back(data: Labelled, parts: int, seed: int, say: Callable[[str], None] = lambda _: None) -> list[Score]:
    """The score on each of so many random parts, by models trained on the others; the same seed, the same parts."""
    if not 1 < parts <= len(data.texts):
        raise FileInvalid(f"{len(data.texts)} rows cannot be parted in {parts}")
    order = np.random.default_rng(seed).permutation(len(data.texts))
    scores = []
    for part in range(parts):
        held = np.sort(order[part::parts])
        rest = np.sort(np.concatenate([order[p::parts] for p in range(parts) if p != part]))
        name = f"part {part + 1} of {parts}"
        trained = train(_rows(data, rest), lambda what, name=name: say(f"{name}: {what}"))  # type: ignore[misc]
        classifier, unseen = Classifier(trained, ""), _rows(data, held)
        scores.append(score(unseen.labels, [classifier.best(t)[0] for t in unseen.texts]))
    return scores


def _rows(data: Labelled, rows: np.ndarray) -> Labelled:
    return Labelled([data.texts[i] for i in rows], [data.labels[i] for i in rows])
