"""The page's sign-in: a token becomes a cookie no script can read; what comes by cookie must come from our own page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from msgspec import DecodeError, Struct, ValidationError, json
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.runtime.bodies import bounded
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import COOKIE, Principal, signed_in, verify

_SAFE = ("GET", "HEAD", "OPTIONS")
BODY_MAX = 16 * 1024


class SignIn(Struct, frozen=True):
    """The body of a sign-in."""

    token: str


_sign_in = json.Decoder(SignIn).decode


def _who(who: Principal) -> dict[str, str]:
    return {"subject": who.subject, "role": who.role, "region": who.region, "agency": who.agency, "unit": who.unit}


def routes(secret: bytes, *, hours: int) -> APIRouter:
    """`/v1/session`: in, who, out."""
    router = APIRouter(prefix="/v1", tags=["session"])

    @router.post("/session")
    async def sign_in(request: Request) -> Response:
        """Takes a token and sets the cookie; the token itself says how long it lasts."""
        try:
            body = _sign_in(await bounded(request, BODY_MAX))
        except (DecodeError, ValidationError, UnicodeDecodeError) as e:
            raise Problem.invalid("token", 'send {"token": "<your token>"} as JSON') from e
        who = verify(secret, body.token.strip())
        response = JSONResponse(_who(who))
        secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE, body.token.strip(), max_age=hours * 3600, httponly=True, samesite="strict", secure=secure
        )
        return response

    @router.get("/session")
    async def session(who: Annotated[Principal, Depends(signed_in)]) -> Response:
        """Who one is."""
        return JSONResponse(_who(who), headers={"cache-control": "no-store"})

    @router.delete("/session", status_code=204)
    async def sign_out() -> Response:
        """Forgets the cookie."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router


def foreign(request: Request) -> bool:
    """Whether a writing request lives by the cookie alone and does not come from our own page."""
    if request.method in _SAFE or request.headers.get("authorization") or COOKIE not in request.cookies:
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") not in ("same-origin", "none")
    return origin.partition("://")[2] != request.headers.get("host", "")


class SameOrigin:
    """ASGI: refuses writes that another site's page makes with our cookie. Streams pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what is ours."""
        if scope["type"] == "http" and foreign(Request(scope)):
            refusal = Problem(403, "origin_wrong", "This came from another site's page. Open the console itself.")
            await refusal.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)
