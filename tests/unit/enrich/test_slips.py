"""Words of danger written by their sound are put right before either ear listens; everyday words stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.enrich import Enricher
from tocsin.enrich.slips import READ_MAX, Slips, spelled_wrong
from tocsin.policy.model import Policy


@pytest.fixture(scope="module")
def slips(sample: Policy) -> Slips:
    """The sample policy's."""
    return Slips(sample.lexicon)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("有人溺睡", "有人溺水"), ("被帮架了", "被绑架了"), ("心机梗塞", "心肌梗塞"), ("安棉药", "安眠药"),
        ("我家着货了快来", "我家着火了快来"), ("呼吸困南", "呼吸困难"),
    ],
)  # fmt: skip
def test_a_slip_is_put_right(slips: Slips, said: str, meant: str) -> None:
    """One letter of the same sound, in a word of danger."""
    assert slips.mended(said) == meant


@pytest.mark.parametrize(
    "text",
    ["物价上调", "家住南洲镇", "打市长热线", "泄露个人信息", "我要换车", "自杀遗属", "中度污染", "着火了", "落水管"],
)
def test_what_only_looks_like_a_slip_stays(slips: Slips, text: str) -> None:
    """Everyday words of the same sounds, and right ones, are left alone."""
    assert slips.mended(text) == text


def test_whoever_writes_at_length_chose_the_letters(slips: Slips) -> None:
    """Longer texts are left alone, whatever stands in them."""
    text = "有人溺睡" + "。" * READ_MAX
    assert slips.mended(text) == text


@given(st.text(alphabet="着货火溺睡水帮架绑安棉眠药心机肌梗,了人", max_size=READ_MAX))
def test_positions_stay_what_they_were(slips: Slips, text: str) -> None:
    """A mended text is as long as before, and mended once and for all."""
    once = slips.mended(text)
    assert len(once) == len(text)
    assert slips.mended(once) == once


def test_no_right_word_and_nothing_spared_is_a_slip(sample: Policy) -> None:
    """Neither a word of the list nor one that is spared is ever taken for a slip of another."""
    wrong = spelled_wrong(sample.lexicon)
    assert len(wrong) > 1000
    assert not set(wrong) & {*sample.lexicon.misheard, *sample.lexicon.spared}


@pytest.mark.parametrize("text", ["有人溺睡了快来", "有人要跳何", "我被帮架了", "老人中枫了嘴歪"])
def test_a_slip_is_heard_on_any_line(enricher: Enricher, text: str) -> None:
    """Both ears hear the right word."""
    assert enricher.danger(text)
    assert enricher.understand("12345", "sms", text).escalated
