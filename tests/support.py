"""What tests of every kind share: waiting for progress, free ports."""

import asyncio
import inspect
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PORTS_LOW, _PORTS_HIGH = 20_000, 32_000
"""Below the range from which systems hand out client ports, so that no client takes one between looking and listening."""


async def eventually(
    check: Callable[[], T | Awaitable[T]], *, seconds: float = 30.0, every: float = 0.05, what: str = ""
) -> T:
    """Polls until `check` gives something true, and returns that; fails with the last answer after `seconds`.

    `check` may be a plain or an async function. An AssertionError inside it counts as "not yet".
    """
    until = time.monotonic() + seconds
    while True:
        last: object
        try:
            answer = check()
            found: T = await answer if inspect.isawaitable(answer) else answer  # type: ignore[assignment]  # narrowed by the check
            if found:
                return found
            last = found
        except AssertionError as e:
            last = e
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:g} s: {what or check}; last: {last!r}")
        await asyncio.sleep(every)


def eventually_sync(check: Callable[[], T], *, seconds: float = 30.0, every: float = 0.05, what: str = "") -> T:
    """The same for a test without an event loop."""
    until = time.monotonic() + seconds
    while True:
        last: object
        try:
            found = check()
            if found:
                return found
            last = found
        except AssertionError as e:
            last = e
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:g} s: {what or check}; last: {last!r}")
        time.sleep(every)


def free_ports(count: int = 1) -> int:
    """The first of `count` consecutive free ports on loopback; each xdist worker looks in a range of its own."""
    worker = int("".join(c for c in os.environ.get("PYTEST_XDIST_WORKER", "gw0") if c.isdigit()) or 0)
    start = _PORTS_LOW + (worker * 3_000 + os.getpid() * 40) % (_PORTS_HIGH - _PORTS_LOW)
    for first in (*range(start, _PORTS_HIGH, 20), *range(_PORTS_LOW, start, 20)):
        if all(_free(p) for p in range(first, first + count)):
            return first
    raise RuntimeError("no free ports on loopback")


def free_port() -> int:
    """One free port."""
    return free_ports(1)


def _free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
