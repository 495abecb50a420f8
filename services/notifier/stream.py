"""`GET /v1/stream`: a snapshot or what was missed, then every event as it is committed, until one hangs up."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from starlette.responses import Response

from services.notifier import positions, read
from services.notifier.hub import Client, Frame, Hub, View, concerns, frame
from services.notifier.present import Presenter, dumps
from services.notifier.store import Store

KEEPALIVE_S = 14.0
"""A comment each 15 s is promised; it must have arrived by then."""
SHARED_S = 1.0
RESUME_MAX = 50_000
"""Events a client may have missed and still be told one by one; beyond it gets `reset` and a fresh snapshot."""
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
Send = Callable[[Any], Awaitable[None]]


class Streams:
    """Makes the body of streams."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        presenter: Presenter,
        partitions: int,
        ends: Callable[[], Awaitable[Sequence[int]]],
    ) -> None:
        self._store, self._hub, self._presenter, self._partitions, self._ends = store, hub, presenter, partitions, ends
        self._one_at_a_time = asyncio.Lock()
        self._made: dict[View, tuple[float, bytes, tuple[int, ...]]] = {}

    async def chunks(self, client: Client, last_id: str) -> AsyncIterator[bytes]:
        """The stream's bytes; never ends by itself."""
        yield b": tocsin\nretry: 1000\n\n"
        since = positions.decode(last_id, self._partitions) if last_id else None
        held = since is not None and await self._resumable(since)
        reset = bool(last_id) and not held
        if reset:
            yield b"event: reset\ndata: {}\n\n"
        if since is None or not held:
            body, since = await self._fresh(client.view)
            yield body
        until = await asyncio.to_thread(read.positions, self._store, self._partitions)
        async for body in self._missed(client.view, since, until):
            yield body
        reached = tuple(max(a, b) for a, b in zip(since, until, strict=True))
        while True:
            frames = await client.take(KEEPALIVE_S)
            fresh = [f.body for f in frames if f.next > reached[f.partition]]
            if fresh:
                yield b"".join(fresh)
            elif not frames:
                # Nothing is queued, so all that was published has gone out: the client need not look behind this point.
                at = [max(a, b) for a, b in zip(self._hub.position, reached, strict=True)]
                yield b": still here\nid: %b\n\n" % positions.encode(at).encode()

    async def _resumable(self, since: Sequence[int]) -> bool:
        until = await asyncio.to_thread(read.positions, self._store, self._partitions)
        if any(a > b for a, b in zip(since, until, strict=True)):
            ends = await self._ends()
            if any(a > b for a, b in zip(since, ends, strict=True)):
                return False
        return await asyncio.to_thread(read.count_since, self._store, since, until) <= RESUME_MAX

    async def _fresh(self, view: View) -> tuple[bytes, tuple[int, ...]]:
        """A snapshot no older than `SHARED_S`: a whole shift that reloads its pages at once shares one."""
        async with self._one_at_a_time:
            made_at, body, at = self._made.get(view, (0.0, b"", ()))
            if not body or time.monotonic() - made_at > SHARED_S:
                body, at = await asyncio.to_thread(self._snapshot, view)
                self._made = {v: m for v, m in self._made.items() if time.monotonic() - m[0] <= SHARED_S}
                self._made[view] = (time.monotonic(), body, at)
        return body, at

    def _snapshot(self, view: View) -> tuple[bytes, tuple[int, ...]]:
        found, at, truncated = read.snapshot(self._store, view.sight, view.want, self._partitions)
        calls = read.calls_of(self._store, [f.incident for f in found])
        self._presenter.load(calls.values())
        incidents = [self._presenter.incident(f.incident, calls, view.sight) for f in found]
        data = dumps({"incidents": incidents, "truncated": truncated})
        return b"id: %b\nevent: snapshot\ndata: %b\n\n" % (positions.encode(at).encode(), data), at

    async def _missed(self, view: View, since: Sequence[int], until: Sequence[int]) -> AsyncIterator[bytes]:
        at = list(since)
        pages = read.entries_since(self._store, since, until)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            frames: list[Frame] = []
            for entry in page:
                at[entry.partition] = entry.next
                if concerns(view, entry):
                    frames.append(
                        Frame(
                            entry.partition, entry.next, frame(self._presenter, entry, positions.encode(at), view.sight)
                        )
                    )
            if frames:
                yield b"".join(f.body for f in frames)


class StreamResponse(Response):
    """Sends chunks until the reader leaves, is cut off for slowness, or the service stops; never holds SIGTERM."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, client: Client, chunks: AsyncIterator[bytes], stop: asyncio.Event) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._hub, self._client, self._chunks, self._stop = hub, client, chunks, stop

    async def __call__(self, _: Any, receive: Any, send: Send) -> None:
        """The ASGI application of this one answer."""
        tasks = [
            asyncio.ensure_future(self._send(send)), asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(self._client.cut.wait()), asyncio.ensure_future(self._stop.wait()),
        ]  # fmt: skip
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._stop.is_set():
            with contextlib.suppress(OSError):
                await asyncio.wait_for(send({"type": "http.response.body", "body": b"", "more_body": False}), 0.5)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with contextlib.aclosing(self._chunks) as chunks:  # type: ignore[type-var]  # an async generator, typed as its iterator
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
