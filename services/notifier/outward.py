"""Requests to addresses of others' choosing: allowed ranges, no redirects, no proxies, bounded in time and size."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpcore

ANSWER_MAX = 64 * 1024
"""Bytes of an answer that are read before the connection is closed; nothing in them is used."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NotAllowed(Exception):
    """The address is none that may be sent to; says why."""


def networks(setting: str) -> tuple[Network, ...]:
    """The ranges of `TOCSIN_WEBHOOK_NETWORKS`. ValueError where one is none."""
    return tuple(ipaddress.ip_network(part.strip()) for part in setting.split(",") if part.strip())


def allowed_address(address: str, ranges: Iterable[Network]) -> bool:
    """Whether an IP address lies in one of the ranges; an IPv4 address dressed as IPv6 is judged as what it is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped if mapped is not None else ip
    return any(ip.version == r.version and ip in r for r in ranges)


def check_url(url: str) -> tuple[str, int]:
    """Host and port of an endpoint's URL. NotAllowed where it is no plain http(s) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as e:
        raise NotAllowed(f"it is no URL ({e})") from e
    if parts.scheme not in ("http", "https"):
        raise NotAllowed("it must begin with http:// or https://")
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise NotAllowed("it needs a host, and nothing but printable ASCII")
    if parts.username is not None or parts.password is not None:
        raise NotAllowed("it must not hold a user or password; the signature says who sends")
    if parts.fragment:
        raise NotAllowed("it must not hold a fragment")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


async def resolve(host: str, port: int, ranges: Iterable[Network]) -> list[str]:
    """The addresses of a host. NotAllowed where it has none, or one of them is out of the ranges."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise NotAllowed(f"{host[:100]} has no address ({e})") from e
    addresses = list(dict.fromkeys(str(f[4][0]) for f in found))
    ranges = tuple(ranges)
    outside = [a for a in addresses if not allowed_address(a, ranges)]
    if outside or not addresses:
        raise NotAllowed(f"{host[:100]} is at {', '.join(outside)}, outside TOCSIN_WEBHOOK_NETWORKS")
    return addresses


class _Backend(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was judged: a name that changes its mind between the two is of no use."""

    def __init__(self, ranges: tuple[Network, ...]) -> None:
        self._ranges, self._inner = ranges, httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None, socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        """A connection to one of the host's allowed addresses."""
        error: Exception = NotAllowed("no address")
        for address in await resolve(host, port, self._ranges):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as e:
                error = e
        raise error

    async def sleep(self, seconds: float) -> None:
        """As httpcore asks."""
        await self._inner.sleep(seconds)


class Outward:
    """Posts to endpoints; one bounded pool."""

    def __init__(self, ranges: tuple[Network, ...], *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._pool = httpcore.AsyncConnectionPool(
            network_backend=_Backend(ranges), max_connections=200, max_keepalive_connections=50, keepalive_expiry=10
        )

    async def post(self, url: str, body: bytes, headers: Mapping[bytes | str, bytes | str]) -> tuple[int, str]:
        """The status of the answer (0 where none came) and what went wrong, if anything. Never raises for an endpoint.

        A redirect is an answer like another and not followed; only 2xx counts as taken.
        """
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._pool.stream("POST", url, headers=headers, content=body) as answer,
            ):
                read = 0
                async for part in answer.aiter_stream():
                    read += len(part)
                    if read > ANSWER_MAX:
                        break
                status = answer.status
        except NotAllowed as e:
            return 0, f"not allowed: {e}"
        except TimeoutError:
            return 0, f"no answer within {self._timeout_s:g} s"
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, ValueError) as e:
            return 0, f"{type(e).__name__}: {e}"[:200]
        return (status, "") if status // 100 == 2 else (status, f"answered {status}")  # noqa: PLR2004 - 2xx

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()
