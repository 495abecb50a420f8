"""Two matters in one breath: the danger of one is never hidden by the other, and both are shown."""

import pytest

from tocsin.enrich import Enricher
from tocsin.enrich.beside import graver
from tocsin.enrich.ear import SPOKEN_MAX
from tocsin.enrich.enricher import automaton_of

PAIRS = [
    ("小区停水三天了", "另外", "楼下有人打架动刀子了"),
    ("门口路灯坏了一个月", "还有", "对面楼有人要跳下来"),
    ("垃圾站好几天没人清", "顺便说一下", "四楼着火了冒好大的烟"),
    ("老板拖欠工资不发", "对了", "工友从架子上掉下来不动了"),
    ("我想问下低保怎么申请", "另外", "我爸刚才晕倒在地上了"),
    ("公交车总是晚点", "同时", "前面路口撞车了，人卡在车里"),
    ("楼上天天装修吵死了", "", "楼道里全是煤气味"),
    ("物业费涨价没有通知", "", "电梯里有个老人昏倒了"),
    ("河边垃圾没人管", "", "有个伢子掉河里了"),
    ("学校食堂的饭菜太差", "还有", "几个学生吃了呕吐抽筋"),
    ("我的电动车昨天被偷了", "对了", "隔壁老公拿刀砍他老婆"),
    ("下水道堵了没人修", "", "邻居家老人喊不醒了"),
    ("村里的路坑坑洼洼", "", "拖拉机翻了把人压在下面"),
    ("停电半天了", "另外", "我妈的呼吸停了"),
    ("违建举报了没人拆", "还有", "那边墙倒了压住两个工人"),
    ("广场舞音响太大", "", "有人倒在地上口吐白沫"),
    ("沟渠里的水发臭", "另外", "堤脚下冒浑水了"),
    ("小区停车位不够", "", "有辆车烧起来了，人还在里面"),
    ("网吧让未成年人进去", "对了", "里面有人捅人了"),
    ("菜市场缺斤少两", "", "一个大爷捂着胸口喘不上气"),
    ("路边井盖响得睡不着", "", "有人被车撞了流好多血"),
    ("电视信号一直不好", "顺便", "我老婆要生了，羊水破了"),
    ("医保报销要什么材料", "", "孩子喝了农药"),
    ("自来水发黄", "还有", "井边有个娃掉下去了"),
    ("占道经营没人管", "", "有人拿斧头追着砍人"),
    ("快递一直不送上门", "", "楼上有人喊救命，打得好凶"),
    ("驾驶证到期怎么换", "对了", "高速上大货车起火了"),
    ("狗叫了一晚上", "", "狗咬住小孩脖子不松口"),
    ("开发商延期交房", "", "工地塌方埋了人"),
    ("绿化带的树没人修", "", "树倒了压住一个人"),
    ("工厂晚上排废气", "另外", "刚才罐子炸了，有人烧伤"),
    ("养老金怎么还没到账", "", "我胸口痛得直冒冷汗"),
    ("邻居在楼道堆杂物", "", "楼道里烧起来了，出不去"),
    ("鱼塘承包费太高", "", "鱼塘边有人触电倒下了"),
    ("公厕没有水", "", "里面有个女孩割腕了"),
    ("学校乱收补课费", "还有", "有个学生站在楼顶要往下跳"),
    ("共享单车乱停", "", "有个老人摔了后脑出血"),
    ("房产证办不下来", "对了", "我不想活了，药都喝了"),
    ("红绿灯坏了", "", "客车翻到沟里好多人受伤"),
    ("煤气公司态度差", "", "家里煤气漏了，我头晕"),
]  # fmt: skip
"""A harmless matter, what joins them, a danger."""


def told(first: str, joint: str, then: str, comma: str = "，") -> str:
    """Both in one breath."""
    return f"{first}{comma}{joint}{then}"


@pytest.mark.parametrize("comma", ["，", "。"])
def test_no_danger_is_hidden_by_a_harmless_matter(enricher: Enricher, comma: str) -> None:
    """In either order, whatever joins them: heard, escalated, urgent, and never of the harmless kind alone."""
    texts = [told(*pair, comma) for pair in PAIRS] + [told(d, j, m, comma) for m, j, d in PAIRS]
    assert [t for t in texts if not enricher.danger(t)] == []
    for text in texts:
        u = enricher.understand("12345", "voice", text)
        assert u.escalated, text
        assert u.priority <= 2, text
        assert not u.kind.startswith(("service.", "utility.water", "utility.power", "order.")), (text, u.kind)


def test_two_harmless_matters_are_no_danger(enricher: Enricher) -> None:
    """Each matter beside the next one of the list, and beside the one ten on."""
    matters = [m for m, _, _ in PAIRS]
    texts = [told(m, j, matters[(i + n) % 40]) for n in (1, 10) for i, (m, j, _) in enumerate(PAIRS)]
    assert [t for t in texts if enricher.danger(t)] == []


def test_the_other_matter_is_shown_too(enricher: Enricher) -> None:
    """The graver one is the call's kind; the other stands among its further matters, or its alternatives at least."""
    u = enricher.understand("12345", "voice", "小区停水三天了，另外楼下有人打架动刀子了")
    assert (u.kind, u.priority, u.matters) == ("crime.inprogress", 1, ["utility.water"])
    u = enricher.understand("12345", "voice", "有人落水了，门口路灯坏了好久")
    assert (u.kind, u.priority, u.matters) == ("rescue.water", 1, ["service.urban"])
    shown = 0
    for pair in PAIRS:
        u = enricher.understand("12345", "voice", told(*pair))
        shown += len({u.kind, *u.matters, *u.alternatives}) > 1
    assert shown >= 36


def test_what_ends_a_danger_is_no_other_matter(enricher: Enricher) -> None:
    """What denies, ends, plays or asks about it belongs to it: none of these is cut off and heard without it."""
    for text in (
        "楼上着火了，已经扑灭了，垃圾没人清",
        "学校演习着火了，路灯坏了",
        "请问被狗咬了狂犬疫苗在哪里打，多少钱",
        "昨天有人落水，救上来了，路灯太暗要装",
        "井盖坏了，怕有人掉下去",
        "没有人受伤，车刮了一下，路灯坏了",
    ):
        assert not enricher.danger(text), text


def test_a_text_of_one_piece_is_not_cut(enricher: Enricher) -> None:
    """Where both sides are danger, or neither is, nothing is taken apart."""
    lexicon = automaton_of(enricher.policy)
    for text in ("楼上着火了,有人被困", "路灯坏了,垃圾没人清", "着火了"):
        heard = enricher._hear(text)
        assert heard is not None
        assert graver(lexicon, text, lexicon.find(text), heard) is None
    assert max(len(told(*pair)) for pair in PAIRS) < SPOKEN_MAX


def test_many_dangers_that_are_over_cost_no_more_than_their_length(enricher: Enricher) -> None:
    """Work grows with the text, not with its square: each clause is asked about itself and what follows it closely."""
    lexicon = automaton_of(enricher.policy)
    read = 0

    class Counting(type(lexicon)):  # type: ignore[misc]  # the very automaton, counting what it reads
        def __init__(self) -> None:
            self.__dict__ |= lexicon.__dict__

        def find(self, text: str) -> list:
            nonlocal read
            read += len(text)
            return lexicon.find(text)

    text = "有人落水了,已经救上来了。" * 400
    heard = enricher._hear(text)
    assert heard is not None
    assert graver(Counting(), text, lexicon.find(text), heard) is None
    assert 0 < read <= 8 * len(text)
