"""The console's files, with a policy that lets nothing but our own scripts and styles run."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response
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
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response


def mount(app: FastAPI) -> None:
    """Serves the console at `/`; mounted last, so that every route goes before it."""
    files: Any = _Console(directory=console_path(), html=True)
    app.mount("/", files, name="console")
