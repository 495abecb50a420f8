"""What tests of every kind share: waiting for progress, free ports, the command line, whole deployments."""

import asyncio
import inspect
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tocsin.cli.deployment import Deployment

T = TypeVar("T")
_PORTS_LOW, _PORTS_HIGH = 20_000, 32_000
"""Below the range from which systems hand out client ports: none is taken between looking and listening."""


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
            found: T = await answer if inspect.isawaitable(answer) else answer
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
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start: int = _PORTS_LOW + (worker * 3_000 + os.getpid() * 40) % (_PORTS_HIGH - _PORTS_LOW)
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


def tocsin(*args: str, seconds: float = 180, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs `tocsin …` as a user would; asserts exit code 0 unless `ok` is False."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", *args], capture_output=True, text=True, timeout=seconds, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert not ok or done.returncode == 0, (
        f"tocsin {' '.join(args)} ended with {done.returncode}: {done.stderr[-2000:]}"
    )
    return done


def tocsin_json(*args: str, seconds: float = 180, ok: bool = True) -> Any:
    """The JSON object a command prints with `--json`."""
    return json.loads(tocsin(*args, "--json", seconds=seconds, ok=ok).stdout)


@contextmanager
def deployed(data_dir: Path, *options: str) -> Iterator[Deployment]:
    """`tocsin up --detach` with these options on free ports, and `down` at the end, whatever happens between."""
    tocsin("up", "--data-dir", str(data_dir), "--port-base", str(free_ports(20)), "--detach", "--json", *options)
    try:
        yield Deployment.find(data_dir)
    finally:
        tocsin("down", "--data-dir", str(data_dir))


def advance(deployment: Deployment, seconds: float) -> str:
    """Moves a manual clock on; returns once everything due by then has happened. The new now, RFC 3339."""
    moved = tocsin_json("clock", "--data-dir", deployment.data_dir, "--advance", f"PT{seconds:g}S")
    return str(moved["now"])
