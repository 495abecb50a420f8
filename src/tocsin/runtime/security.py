"""Who may do what: signed bearer tokens (or the console's cookie), roles, and the check every route declares."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, get_args

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from tocsin.envelope import Actor
from tocsin.runtime.disk import sync_folder
from tocsin.runtime.problems import Problem

RoleName = Literal[
    "call_taker",
    "hotline",
    "commander",
    "dispatcher",
    "ems_dispatcher",
    "crew",
    "supervisor",
    "auditor",
    "monitor",
    "admin",
]
ROLES: tuple[str, ...] = get_args(RoleName)
COOKIE = "tocsin_session"


class Principal(Struct, frozen=True):
    """Who is asking: from the token, never from the request's body."""

    subject: str
    role: RoleName
    region: str = "430921"
    agency: str = ""
    unit: str = ""

    @property
    def actor(self) -> Actor:
        """The same as commands and events carry it."""
        return Actor(subject=self.subject, role=self.role, agency=self.agency, unit=self.unit)


def load_secret(file: Path) -> bytes:
    """The secret in this file, made on first use (owner-readable only) and on disk at return.

    Whoever comes second takes the first one's: services that start together would else seal under a key no one kept.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(f".{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        with fresh.open("wb") as f:
            f.write(secrets.token_hex(32).encode())
            f.flush()
            os.fsync(f.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)  # unlike a rename, never over what is there
        fresh.unlink()
        sync_folder(file.parent)
    return file.read_bytes()


def issue(secret: bytes, principal: Principal, *, hours: int) -> str:
    """A token that lasts `hours` of real time (a shift)."""
    now = int(time.time())
    claims = {
        "sub": principal.subject, "role": principal.role, "region": principal.region, "agency": principal.agency,
        "unit": principal.unit, "iat": now, "exp": now + hours * 3600,
    }  # fmt: skip
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def verify(secret: bytes, token: str) -> Principal:
    """The token's principal; a Problem (401) where it is not ours, not whole or out of date."""
    try:
        claims = jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}, sub={"essential": True}).validate(claims)
        if claims.get("role") not in ROLES:
            raise ValueError("no such role")  # noqa: TRY301 - one answer for all that is wrong with a token
        texts = {k: str(claims.get(k, "")) for k in ("sub", "role", "region", "agency", "unit")}
    except (JoseError, ValueError) as e:
        raise Problem(401, "token_invalid", f"The token cannot be used ({e}). Sign in again.") from e
    return Principal(texts["sub"], texts["role"], texts["region"], texts["agency"], texts["unit"])  # type: ignore[arg-type]  # checked above


def bearer(request: Request) -> str:
    """The token of a request: the Authorization header, or the page's cookie. Never the URL."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    return request.cookies.get(COOKIE, "")


def signed_in(request: Request) -> Principal:
    """FastAPI dependency: the principal, or 401."""
    token = bearer(request)
    if not token:
        raise Problem(401, "token_missing", "Send 'Authorization: Bearer <token>', or sign in on the page.")
    return verify(request.app.state.secret, token)


def allowed(*roles: RoleName) -> Callable[..., Principal]:
    """FastAPI dependency: the principal where its role is one of these, else 403: `Depends(allowed("admin"))`."""

    def check(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
        if principal.role not in roles:
            raise Problem(
                403, "role_wrong", f"This needs one of the roles {', '.join(roles)}; you are {principal.role}."
            )
        return principal

    return check
