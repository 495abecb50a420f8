"""`/v1/webhooks`: endpoints that are told what their agency may see, signed as Standard Webhooks has it."""

import asyncio
import base64
import secrets
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.notifier import hooks
from services.notifier.api import Board, answer
from services.notifier.hooks import Hook
from services.notifier.hub import Hub
from services.notifier.openapi import answers, body
from services.notifier.outward import Network, NotAllowed, check_url, resolve
from tocsin.calls.fields import field_errors
from tocsin.codec.text import rfc3339
from tocsin.delivery import WebhookRegistered, WebhookRemoved
from tocsin.envelope import Frozen
from tocsin.incident.events import EVENTS
from tocsin.log.port import LogUnavailable, Producer
from tocsin.runtime.bodies import bounded, json_of
from tocsin.runtime.positions import encode
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, allowed
from tocsin.sealing.keyring import KeysUnavailable

URL_MAX, HOOKS_MAX, BODY_MAX = 2_000, 100, 64 * 1024
SEEN_S = 5.0
"""How long an answer waits until the read model shows what was asked for."""
TYPES = frozenset(c.__name__ for c in EVENTS)
Keeper = Annotated[Principal, Depends(allowed("admin", "dispatcher"))]


class Asked(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registration. No `agency`: the dispatcher's own; for an admin all incidents. No `event_types`: all."""

    url: str
    agency: str | None = None
    event_types: list[str] = []


FORM = 'send {"url": "https://…", "agency": "…", "event_types": ["…"]}'


def registration(value: Any) -> Asked:
    """A body's JSON value as a registration; 422 with an entry for each field that cannot be used."""
    errors = [x.shown for x in field_errors(value, Asked)]
    known = {f.name for f in msgspec.structs.fields(Asked)}
    if isinstance(value, dict):
        errors += [{"field": str(k)[:64], "message": f"is no field here; {FORM}"} for k in value if k not in known]
    if errors:
        raise Problem(422, "invalid", "The request has fields that cannot be used; see 'errors'.", errors=errors)
    return msgspec.convert(value, Asked)


class Office:
    """What the routes need."""

    def __init__(
        self, board: Board, hub: Hub, producer: Producer, keyring: Any, ranges: tuple[Network, ...], partitions: int
    ) -> None:
        self.board, self.hub, self.producer, self.keyring = board, hub, producer, keyring
        self.ranges, self.partitions = ranges, partitions

    def own(self, who: Principal, webhook_id: str) -> Hook:
        """The webhook, or 404 where it is none or another agency's."""
        hook = hooks.get_hook(self.board.store, webhook_id)
        if hook is None or (who.role != "admin" and hook.agency != who.agency):
            raise Problem(404, "not_found", f"No webhook {webhook_id[:40]!r} of yours.")
        return hook

    def show(self, hook: Hook) -> dict[str, Any]:
        """A webhook without its secret."""
        return {
            "id": hook.webhook_id, "url": self.board.presenter.words(hook.url), "agency": hook.agency or None,
            "event_types": hook.event_types, "created_at": rfc3339(hook.created_at), "created_by": hook.created_by,
            "state": "failing" if hook.failing_since is not None else "active", "delivered": hook.delivered,
            "last_status": hook.last_status, "last_error": hook.last_error,
            "last_at": rfc3339(hook.last_at) if hook.last_at is not None else None,
            "failing_since": rfc3339(hook.failing_since) if hook.failing_since is not None else None,
            "escalated": hook.escalated,
        }  # fmt: skip

    async def read(self, request: Request, who: Principal) -> Asked:
        """The registration, checked; 422 with an entry for each field that cannot be used."""
        asked = registration(json_of(await bounded(request, BODY_MAX)))
        if unknown := sorted(set(asked.event_types) - TYPES):
            raise Problem.invalid("event_types", f"no such type: {', '.join(unknown)[:200]}")
        if who.role == "dispatcher":
            if asked.agency not in (None, "", who.agency):
                raise Problem(403, "agency_wrong", "A dispatcher registers webhooks of the own agency only.")
            asked = msgspec.structs.replace(asked, agency=who.agency)
        if asked.agency and asked.agency not in self.board.policy.agencies:
            raise Problem.invalid("agency", f"no agency {asked.agency[:64]!r} in this policy")
        if len(asked.url) > URL_MAX:
            raise Problem.invalid("url", f"over {URL_MAX} characters")
        try:
            await resolve(*check_url(asked.url), self.ranges)
        except NotAllowed as e:
            raise Problem.invalid("url", str(e)) from e
        return asked

    async def keep(self, webhook_id: str, data: Any, who: Principal, region: str) -> None:
        """Onto the log, and until the read model shows it; 503 where the log does not answer."""
        now = self.board.clock.now_ms()
        key = type(data).__name__
        record = hooks.record_of(
            webhook_id, region, data, now=now, key=key, partitions=self.partitions, actor=who.actor
        )  # fmt: skip
        try:
            await self.producer.append(record)
        except LogUnavailable as e:
            raise Problem(503, "log_unavailable", "The log does not answer. Try again.", {"retry-after": "2"}) from e
        there = isinstance(data, WebhookRegistered)
        for _ in range(int(SEEN_S / 0.05)):
            found = await asyncio.to_thread(hooks.get_hook, self.board.store, webhook_id)
            if (found is not None) == there:
                return
            await asyncio.sleep(0.05)


def routes(office: Office) -> APIRouter:
    """Register, list, look at, remove."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    @router.post(
        "", status_code=201, response_class=Response, responses=answers("NewWebhook", 413, 422, success=201),
        openapi_extra=body("WebhookAsked"),
    )  # fmt: skip
    async def register(request: Request, who: Keeper) -> Response:
        """Registers an endpoint and shows its secret, this once."""
        asked = await office.read(request, who)
        if len(await asyncio.to_thread(hooks.hooks, office.board.store)) >= HOOKS_MAX:
            raise Problem(409, "too_many", f"There are {HOOKS_MAX} webhooks already. Remove one first.")
        webhook_id = f"wh-{secrets.token_hex(8)}"
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        try:
            await office.keyring.ensure([webhook_id])
        except KeysUnavailable as e:
            raise Problem(503, "keys_unavailable", "The key store does not answer. Try again.") from e
        data = WebhookRegistered(
            webhook_id=webhook_id, url=office.keyring.seal(webhook_id, asked.url),
            secret=office.keyring.seal(webhook_id, secret), agency=asked.agency or "",
            event_types=list(dict.fromkeys(asked.event_types)), since=encode(office.hub.position), by=who.subject,
        )  # fmt: skip
        await office.keep(webhook_id, data, who, who.region)
        shown = {"id": webhook_id, "secret": secret, "url": asked.url, "agency": asked.agency or None}
        return answer(shown | {"event_types": data.event_types}, 201)

    @router.get("", response_class=Response, responses=answers("WebhookPage"))
    def listed(who: Keeper) -> Response:
        """One's agency's endpoints (an admin: all) and how they fare. No secrets."""
        held = hooks.hooks(office.board.store, agency=None if who.role == "admin" else who.agency)
        return answer({"items": [office.show(h) for h in held], "next_cursor": None})

    @router.get("/{webhook_id}", response_class=Response, responses=answers("Webhook", 404))
    def one(who: Keeper, webhook_id: str) -> Response:
        """One endpoint and how it fares."""
        return answer(office.show(office.own(who, webhook_id)))

    @router.delete("/{webhook_id}", status_code=204, response_class=Response)
    async def remove(who: Keeper, webhook_id: str) -> Response:
        """Nothing more is sent there."""
        hook = await asyncio.to_thread(office.own, who, webhook_id)
        await office.keep(webhook_id, WebhookRemoved(webhook_id=webhook_id, by=who.subject), who, hook.region)
        await asyncio.to_thread(office.keyring.destroy, webhook_id)
        return Response(status_code=204)

    return router
