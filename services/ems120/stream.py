"""`GET /v1/stream`: a snapshot or what was missed, then every event as it is committed, until one of the two hangs up.

The id of an event is how far every partition had been read: opaque, the same on every replica.
"""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header
from starlette.responses import Response

from services.ems120.api import MEDICAL
from services.ems120.desk import Desk
from services.ems120.index import Entry
from tocsin.codec.text import plain, rfc3339
from tocsin.mission.reports import incident_of
from tocsin.mission.view import hospital_view, mission_view, unit_view
from tocsin.runtime.metrics import STREAM_CLIENTS
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, allowed

KEEPALIVE_S = 14.0
"""A comment each 15 s is promised; it must have arrived by then."""
QUEUE_MAX = 10_000
"""Events a client may leave unread before it is cut off; it resumes with its last id and misses nothing."""
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
Send = Callable[[Any], Awaitable[None]]


def encode(positions: Sequence[int]) -> str:
    """The next offset of each partition as opaque text."""
    return base64.urlsafe_b64encode(",".join(f"{p:x}" for p in positions).encode()).rstrip(b"=").decode()


def decode(text: str, partitions: int) -> list[int] | None:
    """The reverse; None where it is no id of a log of so many partitions."""
    if len(text) > 64 * (partitions + 1):
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        found = [int(part, 16) for part in raw.split(",")]
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == partitions and all(0 <= p < 2**63 for p in found) else None


class Client:
    """One open stream's queue. `cut` is set where the client was too slow."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()
        self._ready = asyncio.Event()
        self._entries: list[Entry] = []

    def offer(self, entries: list[Entry]) -> None:
        """Queues entries, or cuts the client off where it leaves too many unread."""
        if len(self._entries) + len(entries) > QUEUE_MAX:
            self._entries.clear()
            self.cut.set()
            return
        self._entries.extend(entries)
        self._ready.set()

    async def take(self, timeout_s: float) -> list[Entry]:
        """What is queued; empty where nothing came in time."""
        if not self._entries:
            self._ready.clear()
            with contextlib.suppress(TimeoutError):  # what came in the very moment of the time-out is taken below
                await asyncio.wait_for(self._ready.wait(), timeout_s)
        entries, self._entries = self._entries, []
        self._ready.clear()
        return entries


def streams(desk: Desk, stop: asyncio.Event) -> APIRouter:
    """The route."""
    router = APIRouter()

    @router.get("/v1/stream", tags=["stream"])
    async def stream(
        who: Annotated[Principal, Depends(allowed(*MEDICAL))],
        last_event_id: Annotated[str, Header(max_length=4096)] = "",
    ) -> Response:
        """Server-Sent Events: `snapshot` {"missions", "units", "hospitals"}, then deltas; `reset` where too old."""
        if (reason := desk.index.ready()) is not None:
            raise Problem(503, "not_ready", reason, {"retry-after": "1"})
        client = Client()
        desk.index.listeners.add(client.offer)
        STREAM_CLIENTS.inc()

        def leave() -> None:
            desk.index.listeners.discard(client.offer)
            STREAM_CLIENTS.dec()

        return StreamResponse(client, chunks(desk, who, client, last_event_id), stop, leave)

    return router


async def chunks(desk: Desk, who: Principal, client: Client, last_id: str) -> AsyncIterator[bytes]:
    """The stream's bytes; never ends by itself. The client has joined before: nothing between is missed."""
    index = desk.index
    yield b": tocsin\nretry: 1000\n\n"
    since = decode(last_id, desk.settings.partitions) if last_id else None
    if last_id and (since is None or not index.resumable(since)):
        since = None
        yield b"event: reset\ndata: {}\n\n"
    at = list(index.positions) if since is None else list(since)
    yield _snapshot(desk, who, at) if since is None else _frames(desk, who, list(index.since(since)), at)
    while True:
        entries = await client.take(KEEPALIVE_S)
        out = _frames(desk, who, entries, at)
        if out:
            yield out
        elif not entries:
            yield b": still here\n\n"


def _frames(desk: Desk, who: Principal, entries: Sequence[Entry], at: list[int]) -> bytes:
    """What of these entries this stream has not had and may see; `at` moves on with them."""
    out = []
    for entry in entries:
        if entry.next > at[entry.partition]:
            at[entry.partition] = entry.next
            if desk.sees(who, entry.event.region):
                out.append(frame(desk, entry, at))
    return b"".join(out)


def _snapshot(desk: Desk, who: Principal, at: Sequence[int]) -> bytes:
    state, now = desk.index.state, desk.clock.now_ms()
    missions = [state.missions[m] for m in sorted(desk.index.active)]
    body = {
        "missions": [plain(mission_view(m, desk.words)) for m in missions if desk.sees(who, m.region)],
        "units": [
            plain(unit_view(u, desk.positions.newest.get(u.unit_id), now))
            for _, u in sorted(state.units.items())
            if desk.sees(who, u.region)
        ],
        "hospitals": [plain(hospital_view(h)) for _, h in sorted(state.hospitals.items()) if desk.sees(who, h.region)],
    }
    return b"id: %b\nevent: snapshot\ndata: %b\n\n" % (encode(at).encode(), orjson.dumps(body))


def frame(desk: Desk, entry: Entry, at: Sequence[int]) -> bytes:
    """One event as it goes out, its words in clear."""
    event = entry.event
    data = {
        "event_id": event.event_id, "type": event.type, "mission_id": event.subject if "-M" in event.subject else None,
        "subject": event.subject, "incident_id": incident_of(event.subject) or None, "version": event.version,
        "region": event.region, "occurred_at": rfc3339(event.occurred_at), "recorded_at": rfc3339(event.recorded_at),
        "agency_classes": ["medical"], "exercise": event.exercise,
        "actor": {"role": event.actor.role, "unit": event.actor.unit}, "data": plain(desk.clear(event.data)),
    }  # fmt: skip
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (encode(at).encode(), event.type.encode(), orjson.dumps(data))


class StreamResponse(Response):
    """Sends chunks until the reader leaves, is cut off for slowness, or the service stops; never holds SIGTERM."""

    media_type = "text/event-stream"

    def __init__(
        self, client: Client, body: AsyncIterator[bytes], stop: asyncio.Event, leave: Callable[[], None]
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._client, self._body, self._stop, self._leave = client, body, stop, leave

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        """The ASGI application of this one answer."""
        assert scope["type"] == "http"  # noqa: S101 - nothing else is routed here
        tasks = [
            asyncio.ensure_future(self._send(send)), asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(self._client.cut.wait()), asyncio.ensure_future(self._stop.wait()),
        ]  # fmt: skip
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._stop.is_set() or self._client.cut.is_set():
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(send({"type": "http.response.body", "body": b"", "more_body": False}), 0.5)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
