"""What the text model costs: a model as large as one trained on some thousand messages, on calls of the made-up mix."""

import itertools

import numpy as np

from tocsin.bench.figure import Figure, figure
from tocsin.load.mix import made_up
from tocsin.policy.model import Policy
from tocsin.text.features import NO_KEYS, keys_of
from tocsin.text.measure import micros_each
from tocsin.text.model import Classifier, Trained
from tocsin.text.vocabulary import Vocabulary

_CALLS = 4_000
_FEATURES = 300_000
"""What training on 7,300 messages of a real hotline keeps."""
_LABELS = 7
_LIMIT_US = 50.0
_LONG = 10


def text_figures(policy: Policy) -> list[Figure]:
    """Microseconds of processor time for 60 characters beside their limit, and how it grows with the length.

    The weights are drawn: time does not depend on them. The features are those of the calls, which are then all found,
    and drawn ones up to the size of a real model, whose memory is what takes the time.
    """
    words = "".join(str(body.get("text") or "") for body in itertools.islice(made_up(policy), _CALLS))
    classifier = _of_real_size(words)
    short, middle, long = (micros_each(classifier.best, words, n) for n in (60, 360, 3600))
    return [
        figure(
            "text model, 60 characters", "us", short, peer=_LIMIT_US, peer_name="limit", at_most=_LIMIT_US,
            note=f"processor time; {_FEATURES:,} features, {_LABELS} labels",
        ),
        figure(
            "text model, 3600 characters", "us", long, peer=middle * _LONG, peer_name="ten times 360 characters",
            at_most=middle * _LONG, note="no more than linear in length",
        ),
    ]  # fmt: skip


def _of_real_size(words: str) -> Classifier:
    chance = np.random.default_rng(1)
    drawn = chance.integers(0, 3 << 30, size=_FEATURES, dtype=np.uint32)
    keys = np.unique(np.concatenate((keys_of(words), drawn)))
    keys = np.setdiff1d(keys, NO_KEYS)
    vocabulary = Vocabulary.known(keys, np.ones(len(keys)))
    weights = chance.normal(size=(len(vocabulary.keys), _LABELS)).astype(np.float32)
    labels = [str(n) for n in range(_LABELS)]
    return Classifier(Trained(labels, vocabulary, weights, np.zeros(_LABELS, dtype=np.float32), 1.0, 0), "")
