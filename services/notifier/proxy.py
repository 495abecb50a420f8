"""The console's one origin: what is not the notifier's passes on, with the cookie's token as a bearer.

Calls and commands go to intake under their own names, the 120 centre's missions under `/ems120` (its own stream and
`/v1/commands` would meet the notifier's and intake's). Who may do what is decided there, not here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from tocsin.runtime.problems import Problem
from tocsin.runtime.security import bearer
from tocsin.runtime.sse import StreamResponse

log = structlog.get_logger()
BODY_MAX = 1024 * 1024 + 4096
_ASKED = ("content-type", "accept", "traceparent", "tracestate", "prefer", "last-event-id")
_ANSWERED = ("content-type", "retry-after", "location", "x-tocsin-durability")
PATHS = (
    ("/v1/calls", ("POST",)), ("/v1/calls:batch", ("POST",)), ("/v1/calls/{call_id}", ("GET",)),
    ("/v1/calls/{call_id}/commands", ("POST",)), ("/v1/incidents/{incident_id}/commands", ("POST",)),
    ("/v1/tasks/{task_id}/commands", ("POST",)), ("/v1/commands/{command_id}", ("GET",)),
)  # fmt: skip


EMS = "/ems120"
"""Where the 120 centre's paths stand on this origin."""
EMS_PATHS = (
    ("/v1/missions", ("GET",)), ("/v1/missions/{mission_id}", ("GET",)),
    ("/v1/missions/{mission_id}/candidates", ("GET",)), ("/v1/missions/{mission_id}/commands", ("POST",)),
    ("/v1/units", ("GET",)), ("/v1/units/{unit_id}", ("GET",)), ("/v1/units/{unit_id}/commands", ("POST",)),
    ("/v1/hospitals", ("GET",)), ("/v1/hospitals/{hospital_id}", ("GET",)),
    ("/v1/hospitals/{hospital_id}/commands", ("POST",)), ("/v1/commands/{command_id}", ("GET",)),
)  # fmt: skip
STREAMS_MAX = 2000
"""Consoles that may follow the 120 centre through one replica; the next is told to come back."""
SILENT_S = 20.0
"""A stream says something each 15 s: one that has been silent for longer is cut, and its page resumes."""


class Backend:
    """A service behind this origin: where it is, under what its paths stand here, and what to say when it is away."""

    def __init__(self, url: str, *, under: str = "", away: str, name: str) -> None:
        self.under, self.away, self.name = under, away, name
        # No longer than a command may wait (2 s) and the spool (2 s) together take.
        self.http = _client(url, read_s=12.0, connections=200)
        self.streams = _client(url, read_s=SILENT_S, connections=STREAMS_MAX)

    async def aclose(self) -> None:
        """Lets its connections go."""
        await self.http.aclose()
        await self.streams.aclose()

    def asked(self, request: Request) -> tuple[str, dict[str, str]]:
        """The target there, and the headers that go along: the bearer's, or the cookie's token as one."""
        headers = {k: v for k in _ASKED if (v := request.headers.get(k))}
        token = bearer(request)
        if token:
            headers["authorization"] = f"Bearer {token}"
        raw = request.scope.get("raw_path")
        path = (raw.decode("ascii", "replace") if raw else request.url.path).removeprefix(self.under)
        return f"{path}?{request.url.query}" if request.url.query else path, headers

    def gone(self, error: Exception) -> Problem:
        """503 where it is away: nothing was recorded then, or the id tells."""
        log.warning(self.away, error=repr(error))
        detail = f"{self.name} does not answer. Try again; the same id has no second effect."
        return Problem(503, self.away, detail, {"retry-after": "2"})


def _client(url: str, *, read_s: float, connections: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, timeout=httpx.Timeout(read_s, connect=1.0, pool=1.0), trust_env=False,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=20),
    )  # fmt: skip


def intake(url: str) -> Backend:
    """Calls and acts on incidents."""
    return Backend(url, away="intake_away", name="Intake")


def ems(url: str) -> Backend:
    """Missions, ambulances, hospitals."""
    return Backend(url, under=EMS, away="ems120_away", name="The 120 centre")


def routes(calls: Backend, centre: Backend, stop: asyncio.Event) -> APIRouter:
    """The routes passed on."""
    router = APIRouter(include_in_schema=False)
    for backend, paths in ((calls, PATHS), (centre, EMS_PATHS)):
        for path, methods in paths:
            router.add_api_route(backend.under + path, _forward(backend), methods=list(methods))

    async def stream(request: Request) -> Response:
        return await _streamed(centre, request, stop)

    router.add_api_route(f"{EMS}/v1/stream", stream, methods=["GET"])
    return router


def _forward(backend: Backend) -> Any:
    async def forward(request: Request) -> Response:
        return await passed_on(backend, request)

    return forward


async def passed_on(backend: Backend, request: Request) -> Response:
    """One request and its answer."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise Problem(413, "too_large", "The body is over 1 MiB. Send less, or in several calls.")
    target, headers = backend.asked(request)
    try:
        answer = await backend.http.request(request.method, target, content=bytes(body), headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        raise backend.gone(e) from e
    return Response(answer.content, answer.status_code, _kept(answer.headers))


async def _streamed(backend: Backend, request: Request, stop: asyncio.Event) -> Response:
    """A stream as it comes, `Last-Event-ID` going along; a refusal is passed on as it is."""
    target, headers = backend.asked(request)
    # A reader that takes nothing holds back its own connection there, and is cut off there: nothing is queued here.
    wanted = backend.streams.build_request("GET", target, headers=headers | {"accept-encoding": "identity"})
    try:
        answer = await backend.streams.send(wanted, stream=True)
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        raise backend.gone(e) from e
    if answer.status_code != httpx.codes.OK:
        try:
            return Response(await answer.aread(), answer.status_code, _kept(answer.headers))
        finally:
            await answer.aclose()
    return _Passed(answer, stop)


class _Passed(StreamResponse):
    """The other service's stream, let go when its reader is gone."""

    def __init__(self, answer: httpx.Response, stop: asyncio.Event) -> None:
        super().__init__(_chunks(answer), cut=asyncio.Event(), stop=stop, leave=lambda: None)
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes it on; however it ends, the connection there ends too."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    with contextlib.suppress(httpx.HTTPError, httpx.StreamError):  # it ended there: so it does here, and resumes
        async for chunk in answer.aiter_raw():
            yield chunk


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k in _ANSWERED if (v := headers.get(k))} | {"cache-control": "no-store"}
