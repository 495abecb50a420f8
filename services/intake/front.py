"""The calls' own door: `POST /v1/calls` past the framework, whose routing costs as much as all that is done to a call.

The route is declared to FastAPI all the same: the published document has it from there, and whoever comes without a
bearer token (a page's cookie, nothing at all) is served there.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog

from services.intake.access import Gate, check_taker
from services.intake.calling import Calling
from tocsin.calls.posted import BODY_MAX
from tocsin.runtime.bodies import too_large
from tocsin.runtime.problems import Problem
from tocsin.runtime.tracing import HEADER, child_of, trace_id

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]
_PATH = "/v1/calls"
_BEARER = b"bearer "
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class _Gone(Exception):
    """The sender hung up before its call was whole: nothing was taken, nobody waits for an answer."""


class Front:
    """ASGI middleware around intake's app."""

    def __init__(self, app: _App, *, gate: Gate, calling: Calling) -> None:
        self._app, self._gate, self._calling = app, gate, calling

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        token, given, declared = _head(scope["headers"])
        if not token:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        ours = child_of(given)
        # A request has a task, and so a context, of its own: nothing has to be unbound.
        structlog.contextvars.bind_contextvars(traceparent=ours, trace_id=trace_id(ours))
        status, headers = 202, [_JSON]
        try:
            who = self._gate.of_token(token)
            check_taker(who)
            receipt = await self._calling.record(await _body(receive, declared), who, ours, began)
            body = _encode(receipt)
        except Problem as e:
            refused = e.response()
            status, body = refused.status_code, bytes(refused.body)
            headers = [h for h in refused.raw_headers if h[0] != b"content-length"]
        except _Gone:
            return
        headers += [(b"content-length", b"%d" % len(body)), (HEADER.encode(), ours.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _head(headers: list[tuple[bytes, bytes]]) -> tuple[str, str, int]:
    """The bearer token, the trace and the declared length among a request's headers; "" and 0 for what is not there."""
    token, trace, declared = "", "", 0
    for name, value in headers:
        if name == b"authorization":
            if value[: len(_BEARER)].lower() == _BEARER:
                token = value[len(_BEARER) :].decode("latin-1").strip()
        elif name == b"traceparent":
            trace = value.decode("latin-1")
        elif name == b"content-length" and value.isdigit():
            declared = int(value)
    return token, trace, declared


async def _body(receive: _Receive, declared: int) -> bytes:
    """The body, at most `BODY_MAX` bytes of it ever in memory; Problem 413 above."""
    if declared > BODY_MAX:
        raise too_large(BODY_MAX)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > BODY_MAX:
            raise too_large(BODY_MAX)
        return body
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_MAX:
            raise too_large(BODY_MAX)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
