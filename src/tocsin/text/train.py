"""Trains the text model: linear support vector machines over runs, words and pairs, calibrated on parts held back.

Each label's machine sees the features scaled by how differently they stand in its rows and in the others' (the ratio of
naive Bayes; Wang and Manning 2012), which is folded into its weights: what is kept is one plain linear model.

The only module that needs scikit-learn (the extra `train`).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from tocsin.text.data import FileInvalid, Labelled
from tocsin.text.model import Trained, features_max
from tocsin.text.vocabulary import Vocabulary

FOLDS = 3
PENALTIES = (0.3, 0.6)
"""Values of C tried on the training rows alone; the best by accuracy over the folds is taken."""
_RATIO_POWER = 0.75
"""How far the ratio counts: 0 is a plain machine, 1 the whole ratio."""
_RATIO_MAX = 4.0
_SEED = 20260405
_LABELS_MAX = 90
"""More would leave each label too few features under 20 MB."""
_TEMPERATURES = tuple(0.5 * 1.15**i for i in range(24))


def train(data: Labelled, say: Callable[[str], None] = lambda _: None) -> Trained:
    """The model of all rows. FileInvalid where there are fewer than two labels, or a label with too few rows."""
    labels = sorted(set(data.labels))
    target = np.array([labels.index(x) for x in data.labels])
    fewest = int(np.bincount(target).min())
    if len(labels) < 2 or fewest < FOLDS:  # noqa: PLR2004 - one class is nothing to tell apart
        raise FileInvalid(f"needs at least two labels, each with {FOLDS} rows or more")
    if len(labels) > _LABELS_MAX:
        raise FileInvalid(f"{len(labels)} labels are more than {_LABELS_MAX}: give fewer, larger classes")
    say("reading features")
    vocabulary = Vocabulary.of(data.texts, features_max(len(labels)))
    if not len(vocabulary.keys):
        raise FileInvalid("nothing stands in three rows or more: nothing can be learned from them")
    matrix = _matrix(data.texts, vocabulary)
    penalty, temperature = _tuned(matrix, target, say)
    say("training on all rows")
    weights, bias = _fit(matrix, target, penalty, len(labels))
    return Trained(labels, vocabulary, weights, bias, temperature, len(target))


def _matrix(texts: list[str], vocabulary: Vocabulary) -> sparse.csr_matrix:
    found = [vocabulary.found(t) for t in texts]
    columns = [f.rows for f in found]
    values = [f.weighed(vocabulary.idf.take(f.rows)) for f in found]
    starts = np.concatenate(([0], np.cumsum([len(c) for c in columns])))
    shape = (len(texts), len(vocabulary.keys))
    return sparse.csr_matrix((np.concatenate(values), np.concatenate(columns), starts), shape=shape)


def _ratio(seen: sparse.csr_matrix, mine: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each feature how differently it stands in a label's rows and in the others', 1 on the mean."""
    here = 1.0 + np.asarray(seen[mine].sum(0)).ravel()
    there = 1.0 + np.asarray(seen[~mine].sum(0)).ravel()
    ratio = np.minimum(np.abs(np.log((here / here.sum()) / (there / there.sum()))), _RATIO_MAX)
    scaled: NDArray[np.float64] = (ratio / ratio.mean()) ** _RATIO_POWER
    return scaled


def _fit(
    matrix: sparse.csr_matrix, target: NDArray[np.int64], penalty: float, labels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    used = np.unique(matrix.indices)
    narrow = matrix[:, used]
    seen = (narrow > 0).astype(np.float32)
    weights = np.zeros((matrix.shape[1], labels), dtype=np.float32)
    bias = np.zeros(labels, dtype=np.float32)
    for label in range(labels):
        mine = target == label
        ratio = _ratio(seen, mine)
        machine = LinearSVC(C=penalty, random_state=_SEED).fit(narrow @ sparse.diags(ratio), mine)
        weights[used, label] = machine.coef_[0] * ratio
        bias[label] = machine.intercept_[0]
    return weights, bias


def _tuned(matrix: sparse.csr_matrix, target: NDArray[np.int64], say: Callable[[str], None]) -> tuple[float, float]:
    """C and the temperature of the confidence, from folds of the training rows."""
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=_SEED).split(np.zeros(len(target)), target))
    labels = int(target.max()) + 1
    best = (-1.0, PENALTIES[0], np.zeros((0, labels), dtype=np.float32))
    for penalty in PENALTIES:
        say(f"trying C={penalty}")
        held = np.zeros((len(target), labels), dtype=np.float32)
        for learn, test in folds:
            weights, bias = _fit(matrix[learn], target[learn], penalty, labels)
            held[test] = matrix[test] @ weights + bias
        right = float((held.argmax(1) == target).mean())
        if right > best[0]:
            best = (right, penalty, held)
    return best[1], min(_TEMPERATURES, key=lambda t: _surprise(best[2] * t, target))


def _surprise(scores: NDArray[np.float32], target: NDArray[np.int64]) -> float:
    shifted = scores - scores.max(1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(target)), target]).mean())
