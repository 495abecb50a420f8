"""`GET /v1/stream`: a snapshot or what was missed, then every event as it is committed, until one of the two hangs up.

The id of an event is how far every partition had been read: opaque, the same on every replica.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header
from starlette.responses import Response

from services.ems120.api import MEDICAL
from services.ems120.desk import Desk
from services.ems120.index import Entry
from tocsin.codec.text import plain, rfc3339
from tocsin.mission.reports import incident_of
from tocsin.mission.view import hospital_view, mission_view, unit_view
from tocsin.runtime import sse
from tocsin.runtime.metrics import STREAM_CLIENTS
from tocsin.runtime.positions import decode, encode
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, allowed
from tocsin.runtime.sse import Queue, StreamResponse

QUEUE_MAX = 10_000
"""Events a client may leave unread before it is cut off; it resumes with its last id and misses nothing."""


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
        client: Queue[Entry] = Queue(QUEUE_MAX)

        def offer(entries: list[Entry]) -> None:
            client.offer(entries, len(entries))

        desk.index.listeners.add(offer)
        STREAM_CLIENTS.inc()

        def leave() -> None:
            desk.index.listeners.discard(offer)
            STREAM_CLIENTS.dec()

        return StreamResponse(chunks(desk, who, client, last_event_id), cut=client.cut, stop=stop, leave=leave)

    return router


async def chunks(desk: Desk, who: Principal, client: Queue[Entry], last_id: str) -> AsyncIterator[bytes]:
    """The stream's bytes; never ends by itself. The client has joined before: nothing between is missed."""
    index = desk.index
    yield sse.OPENING
    since = decode(last_id, desk.settings.partitions) if last_id else None
    if last_id and (since is None or not index.resumable(since)):
        since = None
        yield sse.RESET
    at = list(index.positions) if since is None else list(since)
    yield _snapshot(desk, who, at) if since is None else _frames(desk, who, list(index.since(since)), at)
    while True:
        entries = await client.take()
        out = _frames(desk, who, entries, at)
        if out:
            yield out
        elif not entries:
            yield sse.STILL_HERE + b"\n"


def _frames(desk: Desk, who: Principal, entries: Sequence[Entry], at: list[int]) -> bytes:
    """What of these entries this stream has not had and may see; `at` moves on with them."""
    out = []
    for entry in entries:
        if entry.next > at[entry.partition]:
            at[entry.partition] = entry.next
            if desk.sees_event(who, entry.event):
                out.append(frame(desk, entry, at))
    return b"".join(out)


def _snapshot(desk: Desk, who: Principal, at: Sequence[int]) -> bytes:
    state, now = desk.index.state, desk.clock.now_ms()
    missions = [state.missions[m] for m in sorted(desk.index.active)]
    promised = desk.policy.ems.arrival_s
    body = {
        "missions": [plain(mission_view(m, desk.words, promised)) for m in missions if desk.sees_mission(who, m)],
        "units": [
            plain(unit_view(u, desk.positions.newest.get(u.unit_id), now))
            for _, u in sorted(state.units.items())
            if desk.sees(who, u.region)
        ],
        "hospitals": [plain(hospital_view(h)) for _, h in sorted(state.hospitals.items()) if desk.sees(who, h.region)],
    }
    return sse.event(encode(at), "snapshot", orjson.dumps(body))


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
    return sse.event(encode(at), event.type, orjson.dumps(data))
