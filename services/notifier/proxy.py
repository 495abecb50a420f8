"""The console's one origin: calls and commands pass through to intake, with the cookie's token as a bearer."""

from collections.abc import Mapping

import httpx
import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from tocsin.runtime.problems import Problem
from tocsin.runtime.security import bearer

log = structlog.get_logger()
BODY_MAX = 1024 * 1024 + 4096
_ASKED = ("content-type", "accept", "traceparent", "tracestate", "prefer")
_ANSWERED = ("content-type", "retry-after", "location", "x-tocsin-durability")
PATHS = (
    ("/v1/calls", ("POST",)), ("/v1/calls:batch", ("POST",)), ("/v1/calls/{call_id}", ("GET",)),
    ("/v1/calls/{call_id}/commands", ("POST",)), ("/v1/incidents/{incident_id}/commands", ("POST",)),
    ("/v1/tasks/{task_id}/commands", ("POST",)), ("/v1/commands/{command_id}", ("GET",)),
)  # fmt: skip


def client(intake_url: str) -> httpx.AsyncClient:
    """Connections to intake: waits no longer than a command may (2 s) and the spool (2 s) together take."""
    return httpx.AsyncClient(
        base_url=intake_url, timeout=httpx.Timeout(12.0, connect=1.0), trust_env=False,
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=20),
    )  # fmt: skip


def routes(intake: httpx.AsyncClient) -> APIRouter:
    """The routes passed on."""
    router = APIRouter(tags=["intake"], include_in_schema=False)

    async def forward(request: Request) -> Response:
        return await passed_on(intake, request)

    for path, methods in PATHS:
        router.add_api_route(path, forward, methods=list(methods))
    return router


async def passed_on(intake: httpx.AsyncClient, request: Request) -> Response:
    """One request to intake and its answer; 503 where intake is away: nothing was recorded then, or the id tells."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise Problem(413, "too_large", "The body is over 1 MiB. Send less, or in several calls.")
    headers = {k: v for k in _ASKED if (v := request.headers.get(k))}
    token = bearer(request)
    if token:
        headers["authorization"] = f"Bearer {token}"
    path = request.scope["raw_path"].decode("ascii", "replace") if request.scope.get("raw_path") else request.url.path
    target = f"{path}?{request.url.query}" if request.url.query else path
    try:
        answer = await intake.request(request.method, target, content=bytes(body), headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        log.warning("intake_away", error=repr(e))
        raise Problem(
            503,
            "intake_away",
            "Intake does not answer. Try again; the same id has no second effect.",
            {"retry-after": "2"},
        ) from e
    return Response(answer.content, answer.status_code, _kept(answer.headers))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k in _ANSWERED if (v := headers.get(k))} | {"cache-control": "no-store"}
