"""What a call is about is said with its reasons; the unsure goes to a person."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.enrich import Enricher
from tocsin.enrich.normal import normalise

CORPUS = Path(__file__).resolve().parents[2] / "data"
ANY_TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=()))


@given(ANY_TEXT)
@settings(max_examples=300)
def test_no_text_makes_it_raise(enricher: Enricher, text: str) -> None:
    """Lone surrogates, NULs, anything: always an answer, and a text is its own normal form's normal form."""
    u = enricher.understand("12345", "sms", text)
    assert u.kind in enricher.policy.kinds
    assert 1 <= u.priority <= 4
    assert isinstance(enricher.danger(text), bool)
    once = normalise(text)
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("said", "plain"),
    [("１１０", "110"), ("ＧＡＳ", "gas"), ("著火燒起來", "著火烧起来"), ("着 火 了", "着火了"), ("着\u200b火", "着火"),
        ("煤氣洩漏", "煤气泄漏"), ("救\x00命", "救命")],
)  # fmt: skip
def test_writings_of_one_word_are_one(said: str, plain: str) -> None:
    """Full-width, traditional, spaced and unprintable letters come to one form."""
    assert normalise(said) == plain


@pytest.mark.parametrize(
    ("line", "text", "kind"),
    [
        ("119", "三楼着火了，浓烟往外冒", "fire.building"), ("122", "两车追尾，人没事", "traffic.damage"),
        ("122", "两车相撞，有人受伤", "traffic.injury"), ("122", "撞车了，司机卡在驾驶室", "traffic.trapped"),
        ("120", "我爸胸口痛得冒汗", "medical.cardiac"), ("110", "有人持刀抢劫", "crime.inprogress"),
        ("110", "我的手机被偷了", "crime.reported"), ("12345", "物业乱收费", "service.urban"),
        ("12345", "老板拖欠工资", "service.labour"), ("12345", "小区停水两天了", "utility.water"),
        ("110", "打错了，不好意思", "invalid.misdial"), ("119", "Fire: GAS-ODOR/LEAK", "utility.gas"),
        ("122", "Traffic: VEHICLE ACCIDENT -", "traffic.damage"), ("120", "EMS: CVA/STROKE", "medical.stroke"),
        ("120", "EMS: RESPIRATORY EMERGENCY", "medical.cardiac"), ("119", "Fire: VEHICLE FIRE", "fire.vehicle"),
    ],
)  # fmt: skip
def test_plain_calls_have_their_kind(enricher: Enricher, line: str, text: str, kind: str) -> None:
    """Chinese as callers speak it, and English titles of imported calls."""
    u = enricher.understand(line, "voice", text)
    assert u.kind == kind
    assert u.terms
    assert not u.human or kind.startswith("invalid.")


def test_negation_takes_a_word_out(enricher: Enricher) -> None:
    """没有人受伤 says that nobody is hurt: it raises no plan, the word is shown as negated, its contrary as said."""
    u = enricher.understand("122", "voice", "两车刮擦，没有人受伤")
    assert (u.kind, u.priority, u.raises) == ("traffic.damage", 3, ["unhurt"])
    assert "受伤" in u.negated


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("车翻到沟里了，人压在下面动不了", {"trapped"}),
        ("两车相撞，司机卡在驾驶室里出不来", {"trapped"}),
        ("电动车和小车撞了，骑车的腿在流血", {"unprotected", "collided"}),
        ("撞到人了，老人倒在地上，头破了", {"unprotected", "collided"}),
        ("小车撞了行人，人躺在路中间", {"unprotected", "collided"}),
        ("摩托车摔了，两个人受伤", {"unprotected", "fell_alone"}),
        ("有人被车撞了，躺在地上", {"unprotected"}),
        ("出车祸了，有伤者，麻烦叫救护车", set()),
    ],
)
def test_how_a_crash_is_told(enricher: Enricher, text: str, told: set[str]) -> None:
    """Who was in it and how it came: what linking holds two crashes at one crossing apart by."""
    u = enricher.understand("122", "voice", text)
    assert set(u.raises) & {"trapped", "unprotected", "fell_alone", "collided"} == told


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("青树嘴镇有户人家着火了", "fire.building"),
        ("山桥村有房子着火了", "fire.building"),
        ("青树嘴镇的树着火了", "fire.vegetation"),
        ("茅草街大桥桥下的草着火了", "fire.vegetation"),
        ("山上着火了", "fire.vegetation"),
    ],
)
def test_a_places_name_is_not_what_burns(enricher: Enricher, text: str, kind: str) -> None:
    """The tree in 青树嘴 and the hill in 山桥 are names; a tree there that burns is still one."""
    assert enricher.understand("119", "voice", text).kind == kind
    assert enricher.danger(text)


@pytest.mark.parametrize(
    ("text", "kind", "priority"),
    [
        ("大树村仓库起火", "fire.building", 1),
        ("竹山小区起火", "fire.building", 1),
        ("山上的房子着火了", "fire.building", 1),
        ("树脂厂起火", "fire.building", 1),
        ("修车店着火了", "fire.building", 1),
        ("车间起火", "fire.building", 1),
        ("货车司机家里着火", "fire.building", 1),
        ("小区的草坪着火", "fire.vegetation", 2),
        ("屋后的山着火", "fire.vegetation", 2),
        ("树下的车着火了", "fire.vehicle", 1),
        ("店门口一台车着火", "fire.vehicle", 1),
        ("车停在店门口着火了", "fire.vehicle", 1),
    ],
)
def test_what_stands_nearest_to_the_fire_burns(enricher: Enricher, text: str, kind: str, priority: int) -> None:
    """A tree in a name, a hill a house stands on, a car a shop repairs: none of them is on fire."""
    u = enricher.understand("119", "voice", text)
    assert (u.kind, u.priority) == (kind, priority)
    assert enricher.danger(text)


@pytest.mark.parametrize(
    "text",
    [
        "稻草堆起火蔓延到民房",
        "山上着火了往村里烧过来了",
        "芦苇荡着火离房子只有几米",
        "树着火了旁边是加油站",
        "离房子很近的草堆着火了",
    ],
)
def test_a_fire_outdoors_that_comes_to_houses_is_as_urgent_as_theirs(enricher: Enricher, text: str) -> None:
    """The kind stays, the priority is raised."""
    u = enricher.understand("119", "voice", text)
    assert (u.kind, u.priority) == ("fire.vegetation", 1)
    assert "spreading" in u.raises


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("喝醉了叫不醒", {"unconscious"}),
        ("我妈昏迷了，喊不醒", {"unconscious"}),
        ("人抽搐，口吐白沫", {"unconscious"}),
        ("你们快点来，人快不行了", {"unconscious"}),
        ("有人晕倒了", {"collapsed"}),
        ("中暑了，人说胡话", {"collapsed"}),
        ("没有昏迷，就是头晕", set()),
        ("意识清楚，腿摔断了", set()),
    ],
)
def test_who_does_not_answer_goes_first(enricher: Enricher, text: str, told: set[str]) -> None:
    """Unconscious or collapsed, the priority is 1 and the 120 centre is told the word."""
    u = enricher.understand("120", "voice", text)
    assert set(u.raises) & {"unconscious", "collapsed"} == told
    assert u.kind.startswith("medical.")
    assert not told or u.priority == 1


@pytest.mark.parametrize("text", ["高速上逆行", "有人酒驾，车停路中间睡着了", "高速上有个老人在走"])
def test_danger_waits_behind_nothing_routine(enricher: Enricher, text: str) -> None:
    """A kind of the lowest priority is no such where danger is heard, on any line."""
    assert enricher.danger(text)
    assert enricher.understand("122", "voice", text).priority <= 2


def test_a_telephone_call_is_no_electric_shock(enricher: Enricher) -> None:
    """打过电话 holds 过电: who rings again about his father was an injured man of his own."""
    again = enricher.understand("120", "voice", "刚才打过电话的，老人现在昏迷了，喊不醒")
    assert again.kind == "medical.other"
    assert "unconscious" in again.raises
    assert enricher.understand("120", "voice", "人过电了").kind == "medical.trauma"


@pytest.mark.parametrize("text", ["我打过电话了，怎么还没来", "报警半个小时了还没看到人", "撞车的那个，交警什么时候来"])
def test_who_asks_after_help_already_called_is_heard_so(enricher: Enricher, text: str) -> None:
    """Linking looks for the matter it was sent to (linking.toml, `asking`)."""
    assert "asked_after" in enricher.understand("110", "voice", text).raises


@pytest.mark.parametrize(
    ("line", "text", "kind"),
    [
        ("120", "鱼刺卡在喉咙了", "medical.cardiac"),
        ("119", "加油站那里有汽油味", "hazmat.leak"),
        ("12345", "汽油涨价太快", "service.economy"),
        ("12345", "餐饮店油烟味好大", "service.environment"),
    ],
)
def test_what_chokes_or_smells_of_petrol(enricher: Enricher, line: str, text: str, kind: str) -> None:
    """A blocked throat and petrol one can smell are danger; the price of petrol and a kitchen's smell are not."""
    assert enricher.understand(line, "voice", text).kind == kind
    assert enricher.danger(text) == (not kind.startswith("service."))


def test_what_is_past_or_practised_is_no_danger(enricher: Enricher) -> None:
    """Yesterday's fire, a drill and a film are told, not happening; crying for help now is."""
    assert not enricher.danger("昨天的火已经灭了")
    assert not enricher.danger("咨询消防演练，假设三楼着火")
    assert not enricher.danger("电影里有人跳楼")
    assert enricher.danger("不是演习，真的着火了")
    assert enricher.danger("昨天摔了一跤，现在昏迷不醒")


@pytest.mark.parametrize("text", ["有人要跳楼", "煤气味很重", "胸口疼得厉害"])
def test_invariant_8_danger_on_12345_leaves_the_queue(enricher: Enricher, text: str) -> None:
    """Words of danger to life on the hotline are escalated to priority 1, whatever the line."""
    u = enricher.understand("12345", "web", text)
    assert (u.escalated, u.priority) == (True, 1)
    assert enricher.danger(text)


def test_invariant_8_the_unsure_is_for_a_person(enricher: Enricher) -> None:
    """No words, or words that say nothing, never end in silence: unknown or invalid, human, urgent."""
    assert enricher.understand("110", "voice", "").kind == "invalid.silent"
    assert enricher.understand("110", "voice", "", dropped=True).kind == "invalid.dropped"
    assert enricher.understand("119", "voice", "", has_point=True).kind == "invalid.silent", "telephones tell where"
    assert enricher.understand("119", "voice", "……", has_point=True).kind == "invalid.silent"
    assert enricher.understand("119", "voice", "", has_address=True).kind == "unknown"
    assert enricher.understand("119", "app", "", has_point=True).kind == "unknown"
    assert enricher.understand("119", "sensor", "").kind == "unknown"
    for text in ("", "嗯嗯那个", "asdf"):
        u = enricher.understand("119", "voice", text, has_point=True)
        assert u.human
        assert u.priority <= 2


def test_victims_and_raises(enricher: Enricher) -> None:
    """Counted people are counted; three or more are many; those trapped raise the plan."""
    u = enricher.understand("122", "voice", "大货车追尾小车，两个人被困，三人受伤")
    assert u.victims == 3
    assert {"trapped", "injured", "many"} <= set(u.raises)
    assert enricher.understand("119", "voice", "着火了，12个人没出来").victims == 12


def test_several_matters_of_one_call(enricher: Enricher) -> None:
    """What stands behind a separator and is clearly of another group becomes a matter of its own."""
    u = enricher.understand("12345", "voice", "小区停水三天了，另外单位拖欠工资半年")
    assert {u.kind, *u.matters} == {"utility.water", "service.labour"}
    assert enricher.understand("119", "voice", "房子着火了，另外有人受伤流血").matters == []


def test_danger_is_found_at_the_end_of_a_long_text(enricher: Enricher) -> None:
    """64 KiB of words do not hide a danger at their end."""
    text = "反映小区绿化的事情，" * 2000 + "现在有人要跳楼，快来救人"
    assert enricher.danger(text)
    assert enricher.understand("12345", "web", text).escalated


def test_a_model_is_asked_only_when_the_words_are_unsure(enricher: Enricher) -> None:
    """The lexicon decides what it is sure of; danger never waits for a model."""
    asked: list[str] = []

    class Model:
        version = "test"

        def classify(self, text: str) -> tuple[str, float] | None:
            asked.append(text)
            return "service.technology", 0.9

    helped = Enricher(enricher.policy, model=Model())
    assert helped.understand("119", "voice", "房子着火了").decided_by == "lexicon"
    assert helped.understand("12345", "web", "煤气味很重").kind == "utility.gas"
    assert asked == []
    u = helped.understand("12345", "web", "那个东西一直弄不好")
    assert (u.kind, u.decided_by, u.model) == ("service.technology", "model", "test")


@pytest.mark.parametrize("name", ["kinds_held.tsv", "kinds_second.tsv", "kinds_third.tsv"])
def test_sentences_nobody_learned_from_have_their_kind(enricher: Enricher, name: str) -> None:
    """Every kind of the table on its line, at first sight 0.977, 0.953 and 0.930; now 0.991, 0.979 and 0.990."""
    lines = (CORPUS / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith(("#", "kind\t"))]
    wrong = [
        (kind, text, u.kind)
        for kind, line, text in rows
        if (u := enricher.understand(line, "voice", text)).kind != kind
    ]
    assert len({kind for kind, _, _ in rows}) >= 45
    assert len(wrong) <= 0.03 * len(rows), wrong


def test_what_was_learned_decides_where_the_lexicon_has_no_word(enricher: Enricher) -> None:
    """The kind is then the second ear's, its version stands in the understanding, and the unsure goes to a person."""
    u = enricher.understand("110", "voice", "邻居练架子鼓")
    assert (u.kind, u.decided_by) == ("order.noise", "model")
    assert u.model.startswith("hearing:")
    assert enricher.understand("12345", "web", "呵呵").human


@pytest.mark.parametrize(
    ("line", "text", "asks"),
    [
        ("12345", "请问医保怎么报销", True),
        ("12345", "我想咨询一下公积金怎么提取", True),
        ("12345", "求助，老人的社保卡丢了，能不能帮忙补办", True),
        ("12345", "请问举报违建打哪个电话，我们楼顶有人违建", False),
        ("12345", "投诉某超市卖过期食品", False),
        ("12345", "想咨询并投诉物业乱收费", False),
        ("12345", "请问胸口疼得厉害怎么办，现在喘不上气", False),
        ("110", "请问办身份证要带什么", False),
    ],
)
def test_a_question_is_told_from_a_complaint(enricher: Enricher, line: str, text: str, asks: bool) -> None:
    """On 12345 alone: who asks or asks for help, and neither complains nor is in danger."""
    assert enricher.understand(line, "voice", text).asks == asks


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("天然气没有气了", "utility.supply"), ("煤气没气了", "utility.supply"), ("天然气冇得气哒", "utility.supply"),
        ("我们小区停气两天了", "utility.supply"), ("家里没气了，做不了饭", "utility.supply"),
        ("煤气罐没气了", "utility.supply"), ("燃气灶没有气了", "utility.supply"),
        ("水压没有了", "utility.water"), ("没有电没有信号", "utility.power"), ("停电了，手机也没信号", "utility.power"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("line", ["12345", "110"])
def test_gas_that_stays_away_is_a_matter_of_supply(enricher: Enricher, line: str, text: str, kind: str) -> None:
    """没有气 is said of a stove as of a man: of what burns gas it is the supplier's, with the promise of utilities."""
    u = enricher.understand(line, "voice", text)
    assert (u.kind, u.priority, u.escalated) == (kind, 3, False)
    assert not enricher.danger(text)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("他没有气了", "medical."), ("我爸没得气了", "medical."), ("老人没气息了", "medical."),
        ("娭毑冇得气哒", "medical."), ("没气了，你们快来", "medical."), ("我妈没有气了，天然气灶还开着", "medical."),
        ("在浴室倒了，没有气了", "medical."), ("爷爷在灶边倒下没有气了", "medical."),
        ("天然气漏气了", "utility.gas"), ("停气后来气了，一屋子煤气味", "utility.gas"),
        ("天然气没有气了，但是闻到煤气味", "utility.gas"), ("天然气没关，屋里一股味", "utility.gas"),
    ],
)  # fmt: skip
def test_of_a_person_or_of_a_leak_it_is_danger(enricher: Enricher, text: str, group: str) -> None:
    """The same words of somebody who does not breathe, and gas that is where it should not be, leave the queue."""
    u = enricher.understand("12345", "voice", text)
    assert u.kind.startswith(group), u.kind
    assert u.escalated
    assert u.priority <= 2


def test_a_very_long_text_is_read_by_portions(enricher: Enricher, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 KiB full of words of danger that are only asked about: no portion is longer than its bound, all are read."""
    lexicon, read = type(enricher._automaton), []
    find = lexicon.find
    monkeypatch.setattr(lexicon, "find", lambda self, text: (read.append(len(text)), find(self, text))[1])
    text = "楼上着火了吗，怎么办理赔偿。" * 1500
    enricher.danger(text)
    assert max(read) <= 2000
    read.clear()
    assert enricher.danger("路灯什么时候修，" * 4000 + "有人落水了，快来救人")
