"""The ids of stream events."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.runtime import positions

OFFSETS = st.lists(st.integers(0, 2**62), min_size=1, max_size=80)


@given(OFFSETS)
def test_an_id_gives_back_the_offsets_of_all_partitions(at: list[int]) -> None:
    """Whatever the offsets, the id is URL-safe text and decodes to the same on any replica."""
    text = positions.encode(at)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert positions.decode(text, len(at)) == tuple(at)


@given(OFFSETS)
def test_an_id_of_another_number_of_partitions_is_none(at: list[int]) -> None:
    """A log with more partitions is another log."""
    assert positions.decode(positions.encode(at), len(at) + 1) is None


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_none(text: str) -> None:
    """Nothing a client sends as Last-Event-ID raises."""
    found = positions.decode(text, 3)
    assert found is None or len(found) == 3
