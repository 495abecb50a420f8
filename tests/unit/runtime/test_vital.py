"""A part that ends by itself ends its process; one that was stopped, or has done its work, does not."""

import asyncio

import pytest

from tests.support import eventually
from tocsin.runtime.vital import Vital


async def _does(error: BaseException | None) -> None:
    if error is not None:
        raise error


async def _lasts() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("error", [OSError("gone"), asyncio.CancelledError()])
async def test_a_part_that_ends_by_itself_ends_the_process_once(error: BaseException) -> None:
    """An error and a cancellation from within count alike; a second one adds nothing."""
    ends: list[int] = []
    vital = Vital(lambda: ends.append(1))
    vital.start(_lasts(), _does(error), _does(ValueError("too")))
    await eventually(lambda: bool(ends), seconds=5)
    await vital.stop()
    assert ends == [1]
    assert vital.fault is not None
    assert "starts anew" in vital.fault


async def test_what_is_stopped_or_done_ends_nothing() -> None:
    """Work that returns, and work that `stop` cancels, is no fault."""
    ends: list[int] = []
    vital = Vital(lambda: ends.append(1))
    vital.start(_lasts(), _does(None))
    await asyncio.sleep(0)
    await vital.stop()
    assert (ends, vital.fault) == ([], None)
