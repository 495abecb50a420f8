"""Danger to life is heard on any line: recall at least 0.99 at precision at least 0.95 over our own sentences."""

from collections import Counter
from pathlib import Path

from tocsin.enrich import Enricher

CORPUS = Path(__file__).resolve().parents[2] / "data" / "danger.tsv"


def rows() -> list[list[str]]:
    """(expect, part, text) of each sentence."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith(("#", "expect\t"))]


def counted(enricher: Enricher, part: str) -> Counter[tuple[str, bool]]:
    """How often each was found, of a part or ("") of all."""
    return Counter((expect, enricher.danger(text)) for expect, p, text in rows() if part in {"", p})


def test_the_corpus_is_large_enough() -> None:
    """At least 200 phrasings of danger and 200 near misses, a third of each held back."""
    sizes = Counter((expect, part) for expect, part, _ in rows())
    for expect in ("danger", "near"):
        assert sizes[expect, "tune"] + sizes[expect, "held"] >= 200
        assert sizes[expect, "held"] >= 50


def test_recall_and_precision_over_all_sentences(enricher: Enricher) -> None:
    """The figures the rules are held to."""
    found = counted(enricher, "")
    recall = found["danger", True] / (found["danger", True] + found["danger", False])
    precision = found["danger", True] / (found["danger", True] + found["near", True])
    assert recall >= 0.99, found
    assert precision >= 0.95, found
