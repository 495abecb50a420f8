"""The console's files, with a policy that lets nothing but our own scripts and styles run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-cache",
}


def console_path() -> Path:
    """The console's files: beside the code, or in the wheel."""
    root = Path(__file__).resolve().parent.parent.parent
    beside = root / "console"
    return beside if (beside / "index.html").is_file() else root / "tocsin" / "_data" / "console"


class _Console(StaticFiles):
    """The files. They stand under every path, so what a route has under another method would look like no file."""

    routes: Sequence[BaseRoute] = ()

    async def get_response(self, path: str, scope: Scope) -> Response:
        fits = (r for r in self.routes if isinstance(r, Route) and r.matches(scope)[0] is Match.PARTIAL)
        methods = {m for r in fits for m in r.methods or ()}
        if methods:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        if path.startswith(("v1/", "ems120/")):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response


def mount(app: FastAPI) -> None:
    """Serves the console at `/`; mounted last, so that every route goes before it."""
    files: Any = _Console(directory=console_path(), html=True)
    files.routes = list(app.routes)
    app.mount("/", files, name="console")
