"""Danger to life is heard on any line: recall at least 0.99 at precision at least 0.95 over our own sentences."""

from collections import Counter
from pathlib import Path

from tocsin.enrich import Enricher
from tocsin.enrich.enricher import automaton_of

CORPUS = Path(__file__).resolve().parents[2] / "data" / "danger.tsv"
FRESH = CORPUS.with_name("danger_fresh.tsv")


def rows(file: Path = CORPUS) -> list[list[str]]:
    """(expect, part, text) of each sentence."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith(("#", "expect\t"))]


def counted(enricher: Enricher, part: str, file: Path = CORPUS) -> Counter[tuple[str, bool]]:
    """How often each was found, of a part or ("") of all."""
    return Counter((expect, enricher.danger(text)) for expect, p, text in rows(file) if part in {"", p})


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


def test_sentences_nobody_tuned_for_stay_near_the_goal(enricher: Enricher) -> None:
    """The held half of the fresh sentences: measured once at recall 0.974, precision 0.931; it must not fall off."""
    found = counted(enricher, "held", FRESH)
    assert found["danger", True] / (found["danger", True] + found["danger", False]) >= 0.97, found
    assert found["danger", True] / (found["danger", True] + found["near", True]) >= 0.93, found


def test_a_letter_tells_what_a_cry_says(enricher: Enricher) -> None:
    """Words of danger told at length to an office wait with it; the same with a cry near them do not."""
    told = (
        "尊敬的领导，我是本村村民，物业保安多次殴打业主，此事反映了很多次，"
        "有关部门一直没有处理，希望政府重视，还我们一个公道，谢谢。"
    )
    assert len(told) > 60
    assert not enricher.danger(told)
    assert enricher.danger(told + "现在保安又在殴打业主，快来人。")


def test_a_far_joint_reaches_over_a_comma_and_no_further(enricher: Enricher) -> None:
    """`~` joins two clauses of one sentence, never two sentences."""
    lexicon = automaton_of(enricher.policy)
    assert lexicon.danger("屋里关门烤火,两个伢子头晕站不稳")
    assert not lexicon.danger("屋里关门烤火。学校的门站不稳")


def test_names_of_places_are_no_matter(enricher: Enricher) -> None:
    """What stands in the name of a place says where, not what."""
    found = enricher.understand("12345", "voice", "浪拔湖派出所垃圾好几天没人清运")
    assert found.kind == "service.urban"
