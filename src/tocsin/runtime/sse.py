"""Server-Sent Events, the same for every stream: the bytes of an event, a bounded queue for each reader, the answer.

A reader that leaves too much unread is cut off and resumes with its last id; the service's end never waits for one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from starlette.responses import Response

KEEPALIVE_S = 14.0
"""A comment each 15 s is promised; it must have arrived by then."""
OPENING = b": tocsin\nretry: 1000\n\n"
RESET = b"event: reset\ndata: {}\n\n"
STILL_HERE = b": still here\n"
END_S = 0.5
"""How long the last bytes may take when the service stops: streams end within a second of SIGTERM."""
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
T = TypeVar("T")
Send = Callable[[Any], Awaitable[None]]


def event(at: str, name: str, data: bytes) -> bytes:
    """One event; `at` is how far every partition had been read (`runtime.positions`)."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (at.encode(), name.encode(), data)


class Queue(Generic[T]):
    """What one stream has yet to send, in units of the caller's choosing. `cut` is set where it became too much."""

    def __init__(self, size_max: int) -> None:
        self.cut = asyncio.Event()
        self._size_max = size_max
        self._size = 0
        self._ready = asyncio.Event()
        self._items: list[T] = []

    def offer(self, items: Sequence[T], size: int) -> None:
        """Queues items, or cuts the reader off where it leaves too much unread."""
        if self.cut.is_set():
            return
        if self._size + size > self._size_max:
            self._items.clear()
            self.cut.set()
            return
        self._items.extend(items)
        self._size += size
        self._ready.set()

    async def take(self, timeout_s: float = KEEPALIVE_S) -> list[T]:
        """What is queued; empty where nothing came in time."""
        if not self._items:
            self._ready.clear()
            with contextlib.suppress(TimeoutError):  # what came in the very moment of the time-out is still taken below
                await asyncio.wait_for(self._ready.wait(), timeout_s)
        items, self._items, self._size = self._items, [], 0
        self._ready.clear()
        return items


class StreamResponse(Response):
    """Sends chunks until the reader leaves, is cut off for slowness, or the service stops; never holds SIGTERM."""

    media_type = "text/event-stream"

    def __init__(
        self, chunks: AsyncIterator[bytes], *, cut: asyncio.Event, stop: asyncio.Event, leave: Callable[[], None]
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._chunks, self._cut, self._stop, self._leave = chunks, cut, stop, leave

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """The ASGI application of this one answer."""
        tasks = [
            asyncio.ensure_future(self._send(send)), asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(self._cut.wait()), asyncio.ensure_future(self._stop.wait()),
        ]  # fmt: skip
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._stop.is_set():
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(send({"type": "http.response.body", "body": b"", "more_body": False}), END_S)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with contextlib.aclosing(self._chunks) as chunks:  # type: ignore[type-var]  # an async generator, typed as its iterator
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
