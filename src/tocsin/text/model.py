"""The trained model as it is kept and scored: four plain arrays and a manifest, known by the hash of both."""

import hashlib
import json
import math
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tocsin.policy.model import Policy
from tocsin.text.vocabulary import Unordered, Vocabulary

FORMAT = 3
WEIGHTS, MANIFEST = "weights.npz", "manifest.json"
BYTES_MAX = 20 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
"""What names, shapes and bias take at most."""


class ModelInvalid(Exception):
    """A model directory that cannot be used; the message says why."""


class Trained(NamedTuple):
    """What training makes. `weights` has a row for each key of the vocabulary and a column a label."""

    labels: list[str]
    vocabulary: Vocabulary
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    rows: int


def features_max(labels: int) -> int:
    """How many features a model of so many labels may know: key, idf and weights of each in under 20 MB."""
    return (BYTES_MAX - _HEAD_BYTES) // (4 + 2 + 2 * labels)


def save_model(trained: Trained, directory: Path) -> str:
    """Writes weights and manifest; the version. Raises ModelInvalid where the file would be over 20 MB."""
    held = BytesIO()
    np.savez_compressed(
        held,
        keys=trained.vocabulary.keys,
        idf=trained.vocabulary.idf.astype(np.float16),
        weights=trained.weights.astype(np.float16),
        bias=trained.bias,
    )
    data = held.getvalue()
    if len(data) > BYTES_MAX:
        raise ModelInvalid(f"the model would take {len(data)} bytes, over {BYTES_MAX}")
    manifest = {
        "format": FORMAT,
        "labels": trained.labels,
        "features": len(trained.vocabulary.keys),
        "temperature": trained.temperature,
        "rows": trained.rows,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / WEIGHTS).write_bytes(data)
    (directory / MANIFEST).write_text(text, encoding="utf-8")
    return _version(text)


def _version(manifest: str) -> str:
    return "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()[:16]


class Classifier:
    """A loaded model. Scores a text in time linear in its length, without the library that trained it."""

    def __init__(self, trained: Trained, version: str) -> None:
        self.version = version
        self.labels = trained.labels
        self._vocabulary = trained.vocabulary
        # A feature's idf stands beside its weights: one look at memory instead of two.
        self._table = np.column_stack((trained.weights, trained.vocabulary.idf)).astype(np.float32)
        self._bias = trained.bias.astype(np.float32)
        self._temperature = trained.temperature

    def scores(self, text: str) -> NDArray[np.float32]:
        """The decision value of each label."""
        found = self._vocabulary.found(text)
        held = self._table.take(found.rows, 0)
        scores: NDArray[np.float32] = (found.weighed(held[:, -1]) @ held)[:-1] + self._bias
        return scores

    def best(self, text: str) -> tuple[str, float]:
        """The best label and how sure, calibrated on parts held back in training."""
        scores = [x * self._temperature for x in self.scores(text).tolist()]
        top = max(scores)
        return self.labels[scores.index(top)], 1.0 / sum(math.exp(x - top) for x in scores)


class KindModel:
    """A classifier whose labels are a policy's kinds: codes as they are, hotline classes by their names."""

    def __init__(self, classifier: Classifier, policy: Policy) -> None:
        self.version = classifier.version
        self._classifier = classifier
        named = {k.group: k.code for k in policy.kinds.values() if k.group}
        self._kinds = [c if c in policy.kinds else named.get(c, "") for c in classifier.labels]
        if not any(self._kinds):
            raise ModelInvalid("none of the model's labels is a kind of this policy")

    def classify(self, text: str) -> tuple[str, float] | None:
        """The best kind and how sure; None where the best label is none of the policy's kinds."""
        if not text.strip():
            return None
        label, sure = self._classifier.best(text)
        kind = self._kinds[self._classifier.labels.index(label)]
        return (kind, round(sure, 4)) if kind else None


def load_model(directory: Path) -> Classifier:
    """A model that was saved; ModelInvalid for a corrupt one or one of another version."""
    try:
        text = (directory / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
        data = (directory / WEIGHTS).read_bytes()
    except FileNotFoundError as e:
        name = Path(str(e.filename)).name
        raise ModelInvalid(f"there is no model in {directory} ({name} is missing)") from e
    except (OSError, ValueError, RecursionError) as e:
        raise ModelInvalid(f"the model in {directory} cannot be read ({_why(e)})") from e
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        held = manifest.get("format") if isinstance(manifest, dict) else None
        raise ModelInvalid(
            f"the model in {directory} is of another version (format {held}); this Tocsin reads format {FORMAT}"
        )
    if hashlib.sha256(data).hexdigest() != manifest.get("weights_sha256"):
        raise ModelInvalid(f"the weights in {directory} are not those of their manifest: corrupt or mixed up")
    return Classifier(_trained(manifest, data, directory), _version(text))


def _why(e: Exception) -> str:
    """In a person's words."""
    if isinstance(e, OSError):
        return (e.strerror or type(e).__name__).lower()
    return f"{MANIFEST} is no JSON"


def _trained(manifest: dict[str, Any], data: bytes, directory: Path) -> Trained:
    try:
        held = np.load(BytesIO(data), allow_pickle=False)
        keys = held["keys"]
        idf, weights, bias = (held[n].astype(np.float32) for n in ("idf", "weights", "bias"))
        labels, features = [str(x) for x in manifest["labels"]], int(manifest["features"])
        temperature, rows = float(manifest["temperature"]), int(manifest["rows"])
    except (ValueError, KeyError, TypeError, EOFError, BadZipFile) as e:
        raise ModelInvalid(f"the model in {directory} is not as its manifest says ({type(e).__name__})") from e
    fits = keys.dtype == np.uint32 and keys.shape == idf.shape == (features,) and features > 0
    fits = fits and weights.shape == (features, len(labels)) and bias.shape == (len(labels),) and bool(labels)
    finite = all(bool(np.isfinite(x).all()) for x in (idf, weights, bias)) and bool((idf > 0).all())
    if not fits or not finite or not math.isfinite(temperature):
        raise ModelInvalid(f"the model in {directory} is not as its manifest says (shapes or numbers)")
    try:
        return Trained(labels, Vocabulary(keys, idf), weights, bias, temperature, rows)
    except Unordered as e:
        raise ModelInvalid(f"the model in {directory} is not one that training made: {e}") from e


def open_model(directory: Path | None, policy: Policy) -> tuple[KindModel | None, str]:
    """The model for a policy, or None with the reason (for readiness): then the lexicon alone decides."""
    if directory is None:
        return None, ""
    try:
        return KindModel(load_model(directory), policy), ""
    except ModelInvalid as e:
        mend = f"`tocsin train FILE --output {directory}` makes it anew; then start the router again"
        return None, f"text model not in use, lexicon alone: {e}; {mend}"
