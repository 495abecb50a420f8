"""`GET /v1/stream`: a snapshot or what was missed, then every event as it is committed, until one hangs up."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from services.notifier import read
from services.notifier.hub import Client, Frame, Hub, View, concerns, frame
from services.notifier.present import Presenter, dumps
from services.notifier.store import Store
from tocsin.runtime import positions, sse

SHARED_S = 1.0
RESUME_MAX = 50_000
"""Events a client may have missed and still be told one by one; beyond it gets `reset` and a fresh snapshot."""


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
        yield sse.OPENING
        since = positions.decode(last_id, self._partitions) if last_id else None
        held = since is not None and await self._resumable(since)
        reset = bool(last_id) and not held
        if reset:
            yield sse.RESET
        if since is None or not held:
            body, since = await self._fresh(client.view)
            yield body
        until = await asyncio.to_thread(read.positions, self._store, self._partitions)
        async for body in self._missed(client.view, since, until):
            yield body
        reached = tuple(max(a, b) for a, b in zip(since, until, strict=True))
        while True:
            frames = await client.take()
            fresh = [f.body for f in frames if f.next > reached[f.partition]]
            if fresh:
                yield b"".join(fresh)
            elif not frames:
                # Nothing is queued, so all that was published has gone out: the client need not look behind this point.
                at = [max(a, b) for a, b in zip(self._hub.position, reached, strict=True)]
                yield sse.STILL_HERE + b"id: %b\n\n" % positions.encode(at).encode()

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
        incidents = [self._presenter.incident(f.incident, calls, view.sight, f.keys) for f in found]
        data = dumps({"incidents": incidents, "truncated": truncated})
        return sse.event(positions.encode(at), "snapshot", data), at

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
