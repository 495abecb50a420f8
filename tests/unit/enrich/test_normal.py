"""The one form of words: what the quick way gives is what looking at each letter gives, whatever the text."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.enrich.gazetteer import _folding, folded
from tocsin.enrich.normal import _BLANKS, _TABLE, normalise

TRICKY = st.text(
    alphabet=st.sampled_from(
        "，！？、；：。…—～ＡＺ０９ａＺ火車门開　 \t\n\x00\x7f\ufeff\u200b\ufe0f\ud800\udfffAz救]^-\\"
    ),
    max_size=60,
)


@given(st.one_of(TRICKY, st.text(max_size=200), st.text(alphabet=st.characters(codec=None), max_size=40)))
def test_the_quick_way_is_the_whole_way(text: str) -> None:
    """Every letter with another form has it, and no other is touched."""
    assert normalise(text) == _BLANKS.sub("", text.translate(_TABLE))


@given(st.text(alphabet=st.sampled_from([chr(c) for c in _folding()] + list("南县人民路1a,")), max_size=60))
def test_letters_of_one_sound_fold_into_one(text: str) -> None:
    """The same letter for each of a group, nothing else changed, as long as before."""
    assert folded(text) == text.translate(_folding())
    assert len(folded(text)) == len(text)


def test_one_form() -> None:
    """Half-width, lower case, simplified, no blank between two Chinese letters; unpaired halves are gone."""
    assert normalise("１１０，Fire 火 災！\ud800 裡面") == "110,fire 火灾! 里面"
