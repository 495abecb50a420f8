"""The frame of every HTTP service: health, readiness, metrics, problems, one way to start and stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import ORJSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from tocsin import __version__
from tocsin.runtime.problems import Problem
from tocsin.runtime.tracing import TraceMiddleware

log = structlog.get_logger()
ReadyCheck = Callable[[], str | None]
"""Says what keeps a service from being ready, or None."""
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        n: {"type": "integer" if n == "status" else "string"} for n in ("type", "title", "status", "code", "detail")
    },
}
_REFUSED = {
    "description": "Refused, with a stable code",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def create_app(
    title: str, *, secret: bytes, ready: list[ReadyCheck], warn: Sequence[ReadyCheck] = (),
    tell: Mapping[str, ReadyCheck] | None = None,
) -> FastAPI:  # fmt: skip
    """An app with `/healthz`, `/readyz`, `/metrics`, OpenAPI 3.1 and problem+json for every error.

    What `warn` says is told by `/readyz` and keeps nothing from being ready: calls must go on. So is what `tell` says,
    under its names: which versions are in force.
    """
    app = FastAPI(title=f"Tocsin {title}", version=__version__, docs_url="/docs", redoc_url=None)
    app.state.secret = secret
    app.add_middleware(TraceMiddleware)

    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Alive."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"])
    async def readyz() -> Response:
        """Ready, or 503 with the reasons."""
        reasons = [r for r in (check() for check in ready) if r]
        warnings = [w for w in (check() for check in warn) if w]
        told = {name: say() for name, say in (tell or {}).items()}
        said = {"ready": not reasons, "reasons": reasons, "warnings": warnings, **told}
        return JSONResponse(said, 503 if reasons else 200)

    @app.get("/metrics", tags=["health"])
    async def metrics() -> Response:
        """Prometheus text."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    _problems(app)
    _refusals(app)
    return app


def _refusals(app: FastAPI) -> None:
    """Says in the document how a service refuses: problem+json with a code, whatever the status."""
    bare = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = bare()
        for path, operations in document["paths"].items():
            for o in operations.values():
                if path.startswith("/v1/"):
                    o["responses"].setdefault("default", _REFUSED)
                if "application/json" in o["responses"].get("422", {}).get("content", {}):
                    o["responses"]["422"] = _REFUSED
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", _PROBLEM)
        for own in ("HTTPValidationError", "ValidationError"):
            schemas.pop(own, None)
        return document

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _problems(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(_: Request, e: Problem) -> Response:
        return e.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, e: RequestValidationError) -> Response:
        errors = [{"field": ".".join(str(p) for p in x["loc"] if p != "body"), "message": x["msg"]} for x in e.errors()]
        detail = "The request has fields that cannot be used; see 'errors'."
        return Problem(422, "invalid", detail, errors=errors).response()

    @app.exception_handler(HTTPException)
    async def http(_: Request, e: HTTPException) -> Response:
        headers = dict(e.headers or {})
        code = {404: "not_found", 405: "method_not_allowed"}.get(e.status_code, "http_error")
        detail = str(e.detail)
        if e.status_code == 404:  # noqa: PLR2004 - no route; what a route does not find says so itself
            detail = "There is nothing at this address; /openapi.json lists what there is."
        elif e.status_code == 405:  # noqa: PLR2004 - a route, by another method
            detail = f"This address takes {headers.get('Allow', 'another method')}."
        return Problem(e.status_code, code, detail, headers).response()


async def serve(app: Any, *, host: str, port: int, stop: asyncio.Event | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then stops within seconds; `stop` is set first, so that streams can end."""
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop is not None:
            stop.set()
        server.should_exit = True

    with contextlib.ExitStack() as undo:
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, end)
            undo.callback(loop.remove_signal_handler, sig)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # ours tell the streams first
        await server._serve()  # noqa: SLF001 - serve() would take the signals again; _serve is what it wraps


__all__ = ["ORJSONResponse", "ReadyCheck", "create_app", "serve"]
