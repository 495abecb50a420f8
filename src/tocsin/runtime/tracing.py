"""W3C Trace Context, just what is needed to follow a call: read a `traceparent`, make one, hand one on."""

import random
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import structlog

HEADER = "traceparent"
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ids = random.Random(secrets.randbits(256))  # noqa: S311 - ids to be found by, no secrets; the system's source costs more
_Scope = MutableMapping[str, Any]
_Call = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Call, _Send], Awaitable[None]]


def parse(value: str) -> tuple[str, str] | None:
    """A `traceparent`'s (trace id, flags), or None where it is none: the standard says to begin anew then."""
    found = _FORM.fullmatch(value.strip().lower())
    if found is None:
        return None
    version, trace, parent, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(parent, 16):
        return None
    return trace, flags


def trace_id(traceparent: str) -> str:
    """The trace id within, "" where there is none: what log lines show."""
    found = parse(traceparent)
    return found[0] if found else ""


def child_of(traceparent: str = "") -> str:
    """A `traceparent` for what this causes: the same trace with a parent id of our own, or a new trace."""
    trace, flags = (parse(traceparent) if traceparent else None) or (f"{_ids.getrandbits(128) or 1:032x}", "01")
    return f"00-{trace}-{_ids.getrandbits(64) or 1:016x}-{flags}"


def of_headers(headers: Iterable[tuple[str, bytes]]) -> str:
    """The `traceparent` among a Kafka record's headers, "" where there is none that can be used."""
    for name, value in headers:
        if name == HEADER:
            text = value.decode("ascii", "replace")
            return text if parse(text) else ""
    return ""


def current() -> str:
    """The `traceparent` of the request being served, for the commands it leads to; "" outside of one."""
    return str(structlog.contextvars.get_contextvars().get(HEADER, ""))


class TraceMiddleware:
    """ASGI: takes the request's trace up or begins one, binds it for log lines and commands, answers with it."""

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(self, scope: _Scope, receive: _Call, send: _Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"traceparent"), "")
        ours = child_of(given)

        async def traced(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"traceparent", ours.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(traceparent=ours, trace_id=trace_id(ours)):
            await self._app(scope, receive, traced)
