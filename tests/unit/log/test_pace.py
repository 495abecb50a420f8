"""Batches small enough that heartbeats go out between them."""

from tocsin.log.pace import FIRST, SLICE_S, Pace


def test_a_quick_owner_comes_to_full_batches() -> None:
    """Doubling from the first size to the most, and no further."""
    pace = Pace(500)
    assert pace.limit == FIRST
    for _ in range(10):
        pace.took(0.01, pace.limit)
    assert pace.limit == 500


def test_small_batches_say_nothing_of_large_ones() -> None:
    """A quiet night of single calls does not make the first batch after an outage a full one."""
    pace = Pace(500)
    for _ in range(100):
        pace.took(0.001, 1)
    assert pace.limit == FIRST


def test_a_slow_owner_decides_fewer_at_once() -> None:
    """Halved for each batch that held the loop too long; one record at least."""
    pace = Pace(500)
    pace.took(SLICE_S * 1.1, FIRST)
    assert pace.limit == FIRST // 2
    for _ in range(20):
        pace.took(SLICE_S * 2, 1)
    assert pace.limit == 1


def test_in_between_it_stays() -> None:
    """Neither too long nor much too short."""
    pace = Pace(500)
    pace.took(SLICE_S / 2, FIRST)
    assert pace.limit == FIRST


def test_a_small_most_is_kept_to() -> None:
    """An owner asked for batches of ten starts with ten."""
    assert Pace(10).limit == 10
