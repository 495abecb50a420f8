"""Sends webhooks: one task an endpoint, so that a dead one waits alone; at least once, in the log's order per region.

Each partition's events are sent by the replica that holds it (`Clerk.held`). What was sent, and what could not be, is
an event on the deliveries' topic, from which every replica knows how far an endpoint has been served.
"""

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from msgspec import Struct
from standardwebhooks import Webhook

from services.notifier import hooks, read
from services.notifier.deliveries import Clerk
from services.notifier.filters import Filter
from services.notifier.fold import Entry
from services.notifier.hooks import Hook
from services.notifier.hub import Hub, View, concerns, shown
from services.notifier.outward import Outward
from services.notifier.present import Presenter, dumps
from services.notifier.store import Store
from tocsin import __version__
from tocsin.codec.text import rfc3339
from tocsin.delivery import DeliveryAttempted, WebhookAdvanced, WebhookFailing, WebhookRemoved
from tocsin.envelope import Event
from tocsin.log.port import LogUnavailable, Producer
from tocsin.policy.model import Policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.metrics import WEBHOOKS_FAILING
from tocsin.runtime.positions import encode
from tocsin.runtime.settings import Settings
from tocsin.sight import FORGOTTEN

log = structlog.get_logger()
RETRY_MAX_S = 60.0
ESCALATE_S = 30.0
"""How long an endpoint may take nothing before a person is told."""
GIVE_UP_S = 86_400.0
"""How long one event is tried: an event no endpoint wants must not hold up for ever what comes after it."""
ADVANCE_EVERY = 5_000
GONE = 410


class _Way(Struct):
    """How far one endpoint has been served. `repeat`: what comes next may have been sent before a change of hands."""

    at: list[int]
    held: frozenset[int] = frozenset()
    passed: int = 0
    repeat: bool = True


class Courier:
    """All endpoints of this replica."""

    def __init__(
        self, settings: Settings, store: Store, hub: Hub, clerk: Clerk, presenter: Presenter, policy: Policy,
        producer: Producer, clock: Clock, outward: Outward,
    ) -> None:  # fmt: skip
        self._settings, self._store, self._hub, self._clerk = settings, store, hub, clerk
        self._presenter, self._policy, self._producer, self._clock = presenter, policy, producer, clock
        self._outward = outward
        self._rounds: dict[str, asyncio.Task[None]] = {}
        self._failing: set[str] = set()
        self._gone: set[str] = set()
        """Answered 410, and not yet seen to be removed."""

    def follow(self, policy: Policy) -> None:
        """Another policy stands: what an endpoint is told is what its agency may see by it."""
        self._policy = policy

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps one task for each endpoint there is, until `stop`."""
        try:
            while not stop.is_set():
                await self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.5)
        finally:
            await self._end(list(self._rounds))
            await self._outward.close()

    async def _look(self) -> None:
        held = await asyncio.to_thread(hooks.hooks, self._store)
        # A webhook whose key is destroyed is forgotten: nobody knows its address any more.
        self._gone &= {h.webhook_id for h in held}
        known = {
            h.webhook_id: h
            for h in held
            if h.webhook_id not in self._gone and self._presenter.words(h.secret) != FORGOTTEN
        }
        await self._end([i for i in self._rounds if i not in known])
        for webhook_id, hook in known.items():
            task = self._rounds.get(webhook_id)
            if task is None or task.done():
                if task is not None and not task.cancelled() and (error := task.exception()) is not None:
                    log.warning("webhook_interrupted", webhook=webhook_id, error=repr(error))
                self._rounds[webhook_id] = asyncio.create_task(self._serve(hook))
        self._failing &= set(known)
        WEBHOOKS_FAILING.set(len(self._failing))

    async def _end(self, ids: list[str]) -> None:
        ending = [self._rounds.pop(i) for i in ids]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _serve(self, hook: Hook) -> None:
        """One endpoint, until it is gone or its task is ended."""
        view = View(hooks.sight_of_hook(hook, self._policy), Filter())
        way = _Way([0] * self._settings.partitions)
        while hook.webhook_id not in self._gone:
            turn = self._hub.turn
            if self._clerk.held != way.held:
                stored = await asyncio.to_thread(hooks.served, self._store, hook.webhook_id, len(way.at))
                way.at = [max(a, b) for a, b in zip(way.at, stored, strict=True)]
                way.held, way.repeat = self._clerk.held, True
            until = list(self._hub.position)
            for partition in sorted(way.held):
                if not await self._walk(hook, view, way, partition, until[partition]):
                    break
            if way.passed >= ADVANCE_EVERY:
                way.passed, since = 0, encode(way.at)
                await self._tell(hook, WebhookAdvanced(webhook_id=hook.webhook_id, since=since), key=since)
            if self._clerk.held == way.held:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(turn.wait(), 1.0)

    async def _walk(self, hook: Hook, view: View, way: _Way, partition: int, until: int) -> bool:
        """One partition's events up to a position; False where the partitions have changed hands meanwhile."""
        pages = read.entries_of(self._store, partition, way.at[partition], until)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            for entry in page:
                if self._clerk.held != way.held:
                    return False
                if concerns(view, entry) and hooks.wanted(hook.event_types, entry.event.type):
                    if not await self._deliver(hook, entry, view, repeat=way.repeat):
                        return False
                    way.passed, way.repeat = 0, False
                else:
                    way.passed += 1
                way.at[partition] = entry.next
        return True

    async def _deliver(self, hook: Hook, entry: Entry, view: View, *, repeat: bool) -> bool:
        """Until it is taken or given up; False where the endpoint is gone or the partition no longer ours."""
        began = time.monotonic()
        secret = self._presenter.words(hook.secret)
        url = self._presenter.words(hook.url)
        body = dumps(shown(self._presenter, entry, view.sight) | {"timestamp": rfc3339(entry.event.recorded_at)})
        attempt = 0
        while True:
            attempt += 1
            status, error = await self._outward.post(url, body, self._headers(secret, entry.event, body, attempt))
            tried = time.monotonic() - began
            outcome: Literal["delivered", "failed", "given_up"] = "failed"
            if not error:
                outcome = "delivered"
            elif tried > GIVE_UP_S:
                outcome = "given_up"
            made = DeliveryAttempted(
                webhook_id=hook.webhook_id, cause=entry.event.type, cause_id=entry.event.event_id,
                incident_id=entry.incident_id, agency=hook.agency, attempt=attempt, outcome=outcome, status=status,
                error=error, partition=entry.partition, next=entry.next, repeat=repeat or attempt > 1,
            )  # fmt: skip
            key = f"{entry.event.event_id}:{attempt}:{began}"
            await self._tell(hook, made, subject=entry.incident_id, key=key, exercise=entry.event.exercise)
            if outcome != "failed":
                self._failing.discard(hook.webhook_id)
                return True
            if status == GONE:
                self._gone.add(hook.webhook_id)
                log.warning("webhook_gone", webhook=hook.webhook_id, agency=hook.agency)
                await self._tell(hook, WebhookRemoved(webhook_id=hook.webhook_id, reason="gone"), key="removed")
                return False
            if tried >= ESCALATE_S and hook.webhook_id not in self._failing:
                await self._escalate(hook, attempt, error)
            await asyncio.sleep(self._pause_s(attempt))
            if entry.partition not in self._clerk.held:
                return False

    def _headers(self, secret: str, event: Event[Any], body: bytes, attempt: int) -> dict[bytes | str, bytes | str]:
        # The signature's time is the real one, whatever clock runs here: receivers check it against theirs.
        at = datetime.now(tz=UTC)
        return {
            "content-type": "application/json",
            "user-agent": f"tocsin/{__version__}",
            "webhook-id": event.event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(event.event_id, at, body.decode()),
            "tocsin-attempt": str(attempt),
        }

    def _pause_s(self, attempt: int) -> float:
        pause = min(RETRY_MAX_S, self._settings.webhook_retry_s * 2.0 ** min(attempt - 1, 16))
        return pause * random.uniform(0.8, 1.0)  # noqa: S311 - spreads retries, keeps no secret

    async def _escalate(self, hook: Hook, attempts: int, error: str) -> None:
        self._failing.add(hook.webhook_id)
        WEBHOOKS_FAILING.set(len(self._failing))
        log.error("webhook_failing", webhook=hook.webhook_id, agency=hook.agency, error=error)
        now = self._clock.now_ms()
        data = WebhookFailing(
            webhook_id=hook.webhook_id, agency=hook.agency, since=now, attempts=attempts, error=error
        )  # fmt: skip
        await self._tell(hook, data, key=f"failing:{now}:{attempts}")

    async def _tell(self, hook: Hook, data: Any, *, key: str, subject: str = "", exercise: bool = False) -> None:
        """Onto the log, however long it takes: what is not written down would be sent again."""
        record = hooks.record_of(
            hook.webhook_id, hook.region, data, now=self._clock.now_ms(), key=key, subject=subject,
            partitions=self._settings.partitions, exercise=exercise,
        )  # fmt: skip
        while True:
            try:
                await self._producer.append(record)
            except LogUnavailable as e:
                log.warning("webhook_record_waits", error=str(e))
                await asyncio.sleep(1.0)
            else:
                return
