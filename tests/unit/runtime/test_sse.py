"""What every stream shares: the bytes of an event, the bounded queue, an answer that ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.support import stretched
from tocsin.runtime import sse


async def test_a_reader_that_leaves_too_much_unread_is_cut_off() -> None:
    """Up to the bound everything is kept in order; one more cuts the reader off and frees what it held."""
    queue: sse.Queue[int] = sse.Queue(3)
    queue.offer([1, 2], 2)
    queue.offer([3], 1)
    assert await queue.take(0.01) == [1, 2, 3]
    assert await queue.take(0.01) == []
    queue.offer([4, 5, 6, 7], 4)
    assert queue.cut.is_set()
    queue.offer([8], 1)
    assert await queue.take(0.01) == []


async def _endless(ended: asyncio.Event) -> AsyncIterator[bytes]:
    try:
        yield sse.OPENING
        await asyncio.Event().wait()
    finally:
        ended.set()


async def test_the_end_of_the_service_ends_a_stream_at_once() -> None:
    """SIGTERM's event ends the answer properly within a second, though the reader stays and nothing happens."""
    ended, stop, cut = asyncio.Event(), asyncio.Event(), asyncio.Event()
    sent: list[dict[str, Any]] = []
    left: list[bool] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body"):
            stop.set()

    answer = sse.StreamResponse(_endless(ended), cut=cut, stop=stop, leave=lambda: left.append(True))
    async with asyncio.timeout(stretched(1)):
        await answer({"type": "http"}, receive, send)
    assert [m.get("more_body") for m in sent] == [None, True, False]
    assert ended.is_set()
    assert left == [True]


def test_an_event_has_id_type_and_data() -> None:
    """The form browsers' EventSource reads."""
    assert sse.event("AQ", "TaskRouted", b"{}") == b"id: AQ\nevent: TaskRouted\ndata: {}\n\n"
