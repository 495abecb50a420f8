"""Danger to life is heard on any line: recall at least 0.99 at precision at least 0.95 over our own sentences."""

import re
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from tocsin.enrich import Enricher
from tocsin.enrich.ear import plain
from tocsin.enrich.enricher import automaton_of
from tocsin.enrich.normal import normalise
from tocsin.enrich.understand import witness

CORPUS = Path(__file__).resolve().parents[2] / "data" / "danger.tsv"
FRESH = CORPUS.with_name("danger_fresh.tsv")
HELD = CORPUS.with_name("danger_held.tsv")
SECOND = CORPUS.with_name("danger_second.tsv")
THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH = (
    CORPUS.with_name(f"danger_{n}.tsv") for n in ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
)
SENTENCES = CORPUS.parents[2] / "policy" / "nanxian" / "sentences.tsv"


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
    """At first sight recall was 0.9855 at precision 0.9577; after one more batch of other sentences 0.9952, 0.9626.

    Batches written before, each measured once and only then learned from, had 0.838 (very terse), 0.936, 0.950, 0.955
    and 1.0 (at precision 0.805) in recall: on sentences of yet other people expect 0.95 to 0.98.
    """
    for file, recall, precision in ((HELD, 0.99, 0.95), (FRESH, 0.99, 0.95)):
        found = counted(enricher, "held", file)
        assert found["danger", True] / (found["danger", True] + found["danger", False]) >= recall, found
        assert found["danger", True] / (found["danger", True] + found["near", True]) >= precision, found


def test_a_second_set_that_nothing_was_learned_from(enricher: Enricher) -> None:
    """At first sight recall was 0.9710 at precision 0.9437, short of the goal of 0.99 at 0.95, which it reaches now.

    Before what was learned for it: 0.9614 at 0.9299. Its dangers are said indirectly and its near misses hold words of
    danger; plainer batches written in the same week had 0.986 to 1.0 in recall.
    """
    found = counted(enricher, "held", SECOND)
    assert found["danger", True] / (found["danger", True] + found["danger", False]) >= 0.99, found
    assert found["danger", True] / (found["danger", True] + found["near", True]) >= 0.96, found


def test_dialect_letters_are_plain_ones(enricher: Enricher) -> None:
    """哒, 冇 and 呷 are read as 了, 没 and 吃, in everyday matters as in a cry, and in the lexicon's words."""
    assert normalise("落水哒,冇气哒") == "落水了,没气了"
    assert enricher.danger("娭毑呷农药哒，冇得气")
    assert not enricher.danger("娭毑的老年证过期哒，冇人管")
    assert automaton_of(enricher.policy).danger("他喝哒农药")


@pytest.mark.parametrize(
    ("file", "recall", "precision"),
    [
        (THIRD, 0.99, 0.96),
        (FOURTH, 0.98, 0.975),
        (FIFTH, 0.99, 0.98),
        (SIXTH, 0.99, 0.97),
        (SEVENTH, 0.965, 0.955),
        (EIGHTH, 0.99, 0.89),
        (NINTH, 0.99, 0.975),
    ],
)
def test_sets_each_seen_once_before_its_classes_were_learned(
    enricher: Enricher, file: Path, recall: float, precision: float
) -> None:
    """What was missed was then mended by class, never by sentence; these are the later figures.

    At first sight, recall and precision: third 0.989 at 0.954, fourth 0.966 at 0.901, fifth 0.925 at 0.939 (said
    indirectly, seldom met), sixth 0.970 at 0.934, seventh 0.970 at 0.943, eighth 1.0 at 0.891 (131 dangers
    among 193 near misses; nothing was learned after it). What had learned nothing of any of them had 0.989 at 0.954,
    0.976 at 0.893, 0.925 at 0.912, 0.961 at 0.895, 0.966 at 0.907 and 0.992 at 0.890. The fourth lost two dangers of
    205 and two false alarms when hurry alone was no longer taken for danger (`test_hurry_alone_is_no_danger`). The
    ninth, in the county's own words, had 0.985 at 0.948 at first sight; with gas supply, cries and two matters mended
    beside it 0.980 at 0.961; after its classes were learned 1.0 at 0.976.
    """
    found = counted(enricher, "held", file)
    assert found["danger", True] / (found["danger", True] + found["danger", False]) >= recall, found
    assert found["danger", True] / (found["danger", True] + found["near", True]) >= precision, found


def spoken(sentence: str) -> str:
    """A learned sentence, or a pattern with `[a|b]`, as an expression for all it says."""
    parts = re.split(r"\[([^\[\]]*)\]", sentence)
    return "".join(
        "(?:" + "|".join(map(re.escape, part.split("|"))) + ")" if i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )


def test_nothing_held_was_learned_from() -> None:
    """No held sentence stands among those the second ear learned from, nor is one said by a pattern of them."""
    learned = {line.split("\t")[3] for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line[:1] != "#"}
    assert not learned & {text for _, part, text in rows(FRESH) if part == "held"}
    patterns = [re.compile(spoken(sentence)) for sentence in learned if "[" in sentence]
    assert len(patterns) > 100
    for file in (HELD, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH):
        held = rows(file)
        texts = {text for _, _, text in held}
        assert not learned & texts
        assert not [text for text in texts for pattern in patterns if pattern.fullmatch(text)]
        assert min(Counter(expect for expect, _, _ in held).values()) >= (100 if file == EIGHTH else 200)


def test_where_the_ear_is_clear_the_lexicon_could_not_change_it(enricher: Enricher) -> None:
    """The hits that are not looked for there would have left the answer as it is."""
    lexicon, clear = automaton_of(enricher.policy), 0
    for _, _, text in rows(HELD) + rows(FRESH):
        words = normalise(text)
        heard = enricher._hear(words)
        if heard is not None and heard.odds is not None and heard.clear:
            clear += 1
            hits = lexicon.find(words)
            weight = witness(lexicon.dangerous(words, hits), hits, denies=heard.denies)
            assert (heard.odds + weight >= 0) == (heard.odds > 0), text
    assert clear > 600


def test_without_what_was_learned_the_lexicon_goes_alone(enricher: Enricher) -> None:
    """A policy without hearing.tsv still hears, and says that no model decided."""
    policy = replace(enricher.policy, lexicon=replace(enricher.policy.lexicon, hearing=""))
    alone = Enricher(policy)
    assert alone.danger("三楼着火了，有人被困")
    assert alone.understand("119", "voice", "三楼着火了，有人被困").model == ""


def test_an_opening_or_a_contrast_is_no_evidence(enricher: Enricher) -> None:
    """What asks politely, or says what it is not, is heard by what comes after."""
    assert plain("你好,请问我爸倒地了怎么办") == "我爸倒地了怎么办"
    assert plain("不是演习,是真的着火了") == "真的着火了"
    assert plain("请问") == "请问"
    assert enricher.danger("你好，请问我爸爸突然倒地没有呼吸了怎么办")
    assert not enricher.danger("没有人受伤，没有着火")


def test_a_letter_tells_what_a_cry_says(enricher: Enricher) -> None:
    """Words of danger told at length to an office wait with it; the same with a cry near them do not."""
    told = (
        "尊敬的领导，我是本村村民，物业保安多次殴打业主，此事反映了很多次，"
        "有关部门一直没有处理，希望政府重视，还我们一个公道，谢谢。"
    )
    assert len(told) > 60
    assert not enricher.danger(told)
    assert enricher.danger(told + "现在保安又在殴打业主，快来人。")


def test_a_cry_in_a_long_letter_is_heard_by_its_passage(enricher: Enricher) -> None:
    """A passage that cries danger is heard in a letter of any length; the letter without it waits with the others."""
    letter = (
        "尊敬的领导，我是学校对面开文具店的，这条路没有路灯，下水道堵了一年多，多次反映没有人来修，"
        "一到下雨天积水漫过脚背，希望有关部门早日解决，谢谢。"
    )
    cry = "写到这里我看见对面教学楼顶上有个男生翻出了栏杆，脚已经悬在外面，老师都在哭喊。"
    for before, after in ((letter, ""), ("", letter), (letter * 5, letter * 5)):
        assert not enricher.danger(before + after)
        assert enricher.danger(before + cry + after)


def test_a_far_joint_reaches_over_a_comma_and_no_further(enricher: Enricher) -> None:
    """`~` joins two clauses of one sentence, never two sentences."""
    lexicon = automaton_of(enricher.policy)
    assert lexicon.danger("屋里关门烤火,两个伢子头晕站不稳")
    assert not lexicon.danger("屋里关门烤火。学校的门站不稳")


def test_names_of_places_are_no_matter(enricher: Enricher) -> None:
    """What stands in the name of a place says where, not what."""
    found = enricher.understand("12345", "voice", "浪拔湖派出所垃圾好几天没人清运")
    assert found.kind == "service.urban"


MATTERS = (
    "路灯坏了,晚上看不见", "垃圾没人清运", "两车刮擦,人没事", "楼下太吵,睡不着", "自来水停了一天了",
    "占道经营堵路", "隔壁装修噪音大", "我的电动车被偷了", "公交车不准时", "物业不作为",
)  # fmt: skip
CRIES = ("楼上着火了", "有人落水了", "我爸喘不上气了", "有人拿刀砍人", "煤气泄漏有人晕倒", "有人要跳楼")
HURRY = (
    "", "，麻烦你们快点派人过来看一下", "，我在路边等着，旁边还有几个邻居也看到了", "，赶紧派人来，我等不及了",
    "，麻烦你们快点派人过来看一下，我在路边等着，旁边还有几个邻居也看到了，电话不要挂",
)  # fmt: skip


@pytest.mark.parametrize("hurry", HURRY)
def test_hurry_alone_is_no_danger(enricher: Enricher, hurry: str) -> None:
    """Who is in a hurry about a lamp is no cry; who cries is heard whatever stands behind it."""
    assert [m for m in MATTERS if enricher.danger(m + hurry)] == []
    assert [c for c in CRIES if not enricher.danger(c + hurry)] == []


CALLS = ("快来人啊", "快来人", "来人啊", "快派人来", "快来个人啊")
"""Calls for somebody to come."""


@pytest.mark.parametrize("call", CALLS)
def test_a_call_for_somebody_is_meant_by_what_it_stands_beside(enricher: Enricher, call: str) -> None:
    """Beside a routine matter it is hurry; beside a danger, with a mere place or alone it is a cry for help."""
    assert [m for m in MATTERS for t in (f"{m}，{call}", f"{call}，{m}") if enricher.danger(t)] == []
    assert [c for c in CRIES for t in (f"{c}，{call}", f"{call}，{c}") if not enricher.danger(t)] == []
    assert enricher.danger(f"{call}，我在茅草街码头")
    assert enricher.danger(f"{call}，出事了")


def test_a_cry_alone_is_danger(enricher: Enricher) -> None:
    """Nothing said but that somebody is to come: nobody asks so for a lamp."""
    cries = ("快来人啊", "快来人啊！快来人啊！", "来人啊，来人啊", "快来人", "救命啊", "快来人啊救命")
    assert [c for c in cries if not enricher.danger(c)] == []
    assert not enricher.danger("路灯坏了，快来人修啊")


def test_a_danger_among_many_matters_is_heard(enricher: Enricher) -> None:
    """However long somebody goes on about other things: what is cried in between is no letter to an office."""
    others = MATTERS[:5], MATTERS[5:]
    for cry in ("有人落水了", "楼上着火了", "我爸喘不上气了", "有人拿刀砍人"):
        text = "，".join((*others[0], cry, *others[1]))
        assert len(text) > 60
        assert enricher.danger(text), text
        assert enricher.understand("12345", "voice", text).priority == 1, text
    assert not enricher.danger("，".join(MATTERS))
