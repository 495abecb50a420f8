"""Trains the text model: linear support vector machines over hashed features, calibrated on parts held back.

Each label's machine sees the features scaled by how differently they stand in its rows and in the others' (the ratio of
naive Bayes; Wang and Manning 2012), which is folded into its weights: what is kept is one plain linear model.

The only module that needs scikit-learn (the extra `train`).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from tocsin.text.data import FileInvalid, Labelled
from tocsin.text.features import Block, blocks
from tocsin.text.model import TEXT_MAX, Trained

FOLDS = 3
PENALTIES = (0.3, 0.6)
"""Values of C tried on the training rows alone; the best by accuracy over the folds is taken."""
_DOCUMENTS_MIN = 2
_RATIO_POWER = 0.75
"""How far the ratio counts: 0 is a plain machine, 1 the whole ratio."""
_RATIO_MAX = 4.0
_SEED = 20260405
_BITS = ((9, 20), (18, 19), (40, 18), (90, 17))
"""Labels up to → table size: 2 ** bits rows of float16 stay under 20 MB."""
_TEMPERATURES = tuple(0.5 * 1.15**i for i in range(24))


def bits_for(labels: int) -> int:
    """The table's size for so many labels."""
    for most, bits in _BITS:
        if labels <= most:
            return bits
    raise FileInvalid(f"{labels} labels are more than {_BITS[-1][0]}: give fewer, larger classes")


def train(data: Labelled, say: Callable[[str], None] = lambda _: None) -> Trained:
    """The model of all rows. FileInvalid where there are fewer than two labels, or a label with too few rows."""
    labels = sorted(set(data.labels))
    target = np.array([labels.index(x) for x in data.labels])
    fewest = int(np.bincount(target).min())
    if len(labels) < 2 or fewest < FOLDS:  # noqa: PLR2004 - one class is nothing to tell apart
        raise FileInvalid(f"needs at least two labels, each with {FOLDS} rows or more")
    bits = bits_for(len(labels))
    say("reading features")
    rows = [blocks(t[:TEXT_MAX], bits) for t in data.texts]
    idf = _idf(rows, bits)
    matrix = _matrix(rows, idf, bits)
    penalty, temperature = _tuned(matrix, target, say)
    say("training on all rows")
    weights, bias = _fit(matrix, target, penalty, len(labels))
    return Trained(labels, bits, idf, weights, bias, temperature, len(target))


def _idf(rows: list[list[Block]], bits: int) -> NDArray[np.float32]:
    documents = np.zeros(1 << bits, dtype=np.float64)
    for row in rows:
        for block in row:
            documents[block.buckets] += 1
    idf = np.log((1 + len(rows)) / (1 + documents)) + 1
    idf[documents < _DOCUMENTS_MIN] = 0.0
    # As it will be kept, so that training sees what scoring will see.
    kept: NDArray[np.float32] = idf.astype(np.float16).astype(np.float32)
    return kept


def _matrix(rows: list[list[Block]], idf: NDArray[np.float32], bits: int) -> sparse.csr_matrix:
    values, columns, starts = [], [], [0]
    for row in rows:
        length = 0
        for block in row:
            weighed = block.weights * idf[block.buckets]
            norm = math.sqrt(float(weighed @ weighed))
            used = weighed.nonzero()[0]
            if norm > 0:
                values.append(weighed[used] * np.float32(block.scale / norm))
                columns.append(block.buckets[used])
                length += len(used)
        starts.append(starts[-1] + length)
    shape = (len(rows), 1 << bits)
    matrix = sparse.csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(starts)), shape=shape)
    matrix.sum_duplicates()
    return matrix


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
