"""The open-loop run: sends at a fixed rate whatever comes back, and watches the log and the stream for each call."""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NamedTuple

import aiohttp

from tocsin.codec.wire import decode_event
from tocsin.incident.events import CallLinked, CallRecorded, IncidentOpened
from tocsin.load.ledger import Ledger, Sent
from tocsin.log.kafka import KafkaFollower
from tocsin.log.topics import INCIDENT_EVENTS
from tocsin.runtime.settings import Settings

_RETRY_S = 0.2
_ANSWER_S = 15.0


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The lines of a stream, however long: a snapshot is one line, and longer than what aiohttp takes for one."""
    rest: list[bytes] = []
    async for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for part in whole:
            yield b"".join([*rest, part]).decode()
            rest.clear()
        rest.append(tail)


class Target(NamedTuple):
    """Where to send and whom as; `token` is a commander's, who may take calls of any line and sees the region."""

    intake: str
    notifier: str
    token: str


class Load:
    """One run. `prefix` keeps its call ids apart from those of other runs."""

    def __init__(self, target: Target, settings: Settings, *, prefix: str, drain_s: float = 30.0) -> None:
        self.target, self.settings, self.prefix, self.drain_s = target, settings, prefix, drain_s
        self.ledger = Ledger()
        self._last = ""
        self._subscribed = asyncio.Event()

    async def run(self, bodies: Iterable[dict[str, Any]], *, rate: float, seconds: float) -> dict[str, object]:
        """Sends `rate` calls a second for `seconds` (or until the bodies end), drains, and sums up."""
        follower = KafkaFollower(self.settings, [INCIDENT_EVENTS])
        await follower.start({})
        ends = await follower.ends()
        await follower.stop()
        follower = KafkaFollower(self.settings, [INCIDENT_EVENTS])
        await follower.start(ends)
        connector = aiohttp.TCPConnector(limit=512)
        headers = {"Authorization": f"Bearer {self.target.token}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            watchers = [
                asyncio.create_task(self._watch_log(follower)),
                asyncio.create_task(self._watch_stream(session)),
            ]
            try:
                # A screen that has just been opened reads a snapshot first: receipt is counted from a live one on.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._subscribed.wait(), self.drain_s)
                began = time.perf_counter()
                await self._send_all(session, iter(bodies), rate, seconds)
                took = time.perf_counter() - began
                await self._drained()
            finally:
                await follower.stop()
                for w in watchers:
                    w.cancel()
                await asyncio.gather(*watchers, return_exceptions=True)
        return self.ledger.summary(seconds=max(took, seconds if took < seconds * 1.05 else took))

    async def _send_all(
        self, session: aiohttp.ClientSession, bodies: Iterator[dict[str, Any]], rate: float, seconds: float
    ) -> None:
        loop_start, pending = time.perf_counter(), set[asyncio.Task[None]]()
        for n, body in enumerate(itertools.islice(bodies, int(rate * seconds))):
            due = loop_start + n / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            call_id = f"{self.prefix}-{n:07d}"
            # Open loop: latency counts from when the call was due, so a stalled service cannot hide its own delay.
            self.ledger.calls[call_id] = Sent(due)
            task = asyncio.create_task(self._send(session, call_id, body | {"call_id": call_id}))
            pending.add(task)
            task.add_done_callback(pending.discard)
        if pending:
            await asyncio.gather(*pending)

    async def _send(self, session: aiohttp.ClientSession, call_id: str, body: dict[str, Any]) -> None:
        """Sends until answered: the id makes repeats harmless, as a caller's own system would."""
        deadline = time.perf_counter() + self.drain_s + _ANSWER_S
        data = json.dumps(body, ensure_ascii=False).encode()
        while time.perf_counter() < deadline:
            try:
                timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
                request = session.post(f"{self.target.intake}/v1/calls", data=data, timeout=timeout)
                async with request as answer:
                    await answer.read()
                    if answer.status == 202:
                        self.ledger.calls[call_id].acknowledged = time.perf_counter()
                        return
                    self.ledger.refused[str(answer.status)] = self.ledger.refused.get(str(answer.status), 0) + 1
                    if answer.status < 500 and answer.status != 429:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                self.ledger.retries += 1
            await asyncio.sleep(_RETRY_S)

    async def _watch_log(self, follower: KafkaFollower) -> None:
        async for batch in follower.batches(max_records=2000, idle_ms=50):
            now = time.perf_counter()
            for record in batch:
                event = decode_event(record.value or b"")
                if isinstance(event.data, CallRecorded):
                    sent = self.ledger.calls.get(event.data.call.call_id)
                    if sent is not None:
                        sent.decided = sent.decided or now
                        sent.records += 1
                elif isinstance(event.data, IncidentOpened | CallLinked):
                    sent = self.ledger.calls.get(event.data.call_id)
                    # One call may open several incidents (several matters); the same command twice may not.
                    if sent is not None and (isinstance(event.data, CallLinked) or not event.data.cause):
                        sent.homes += 1

    async def _watch_stream(self, session: aiohttp.ClientSession) -> None:
        while True:
            headers = {"Last-Event-ID": self._last} if self._last else {}
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
                async with session.get(f"{self.target.notifier}/v1/stream", headers=headers, timeout=timeout) as answer:
                    await self._read_stream(answer)
            await asyncio.sleep(_RETRY_S)

    async def _read_stream(self, answer: aiohttp.ClientResponse) -> None:
        kind = ""
        async for line in lines_of(answer.content.iter_any()):
            if line.startswith("id:"):
                # Kept outside this call: a connection that breaks must go on from here, not from a snapshot.
                self._last = line[3:].strip()
            elif line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:") and kind == "snapshot":
                self._subscribed.set()
            elif line.startswith("data:") and kind in ("IncidentOpened", "CallLinked"):
                call_id = json.loads(line[5:])["data"].get("call_id", "")
                sent = self.ledger.calls.get(call_id)
                if sent is not None and sent.delivered is None:
                    sent.delivered = time.perf_counter()

    async def _drained(self) -> None:
        """Waits until every acknowledged call was seen delivered, or nothing new came for the drain time."""
        deadline = time.perf_counter() + self.drain_s
        while time.perf_counter() < deadline:
            waiting = [c for c in self.ledger.calls.values() if c.acknowledged and not (c.decided and c.delivered)]
            if not waiting:
                # Repeats show late: give a doubled decision the time to be seen.
                await asyncio.sleep(0.5)
                return
            await asyncio.sleep(0.1)
