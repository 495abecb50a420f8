"""What tests of every kind share: waiting for progress, free ports, the command line, whole deployments."""

import asyncio
import hashlib
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

import httpx

from tocsin.cli.deployment import Deployment
from tocsin.log.port import LogUnavailable

T = TypeVar("T")
_PIECE, _PIECES, _PIECE_S = bytes(4 << 20), 4, 0.005
"""What `_slowness` hashes, how often, and how long one takes on an idle core of 2020."""
_SLOWNESS_S = 2.0
"""For how long what it found holds: whoever polls does not add to the load by asking."""
_found = (float("-inf"), 1.0)
_PORTS_LOW, _PORTS_HIGH = 20_000, 32_000
"""Below the range from which systems hand out client ports: none is taken between looking and listening."""
_given: set[int] = set()
"""Handed out in this process: whoever asked first may not listen yet, or again after a restart."""


LONG = os.environ.get("TOCSIN_FAULTS") == "long"
"""The long forms of docs/faults.md, which have a machine to themselves; the short ones run with every suite."""
NOT_YET = (AssertionError, httpx.TransportError, LogUnavailable)
"""What a look may end in before what is waited for is there: not so, no answer in time, no broker in reach."""


def stretched(seconds: float) -> float:
    """A target in seconds on a machine with other work, or slower than the one the targets were set on.

    As much longer as more wants to run than it has cores, or as a fixed piece of work takes longer now: the load says
    nothing of a slow core, nor of what another machine on the same host takes. The long forms know no mercy.
    """
    return seconds if LONG else seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1), _slowness())


def _slowness() -> float:
    """How many times longer than usual hashing takes now, by the wall's clock."""
    global _found  # noqa: PLW0603 - one machine, one answer
    began = time.monotonic()
    if began - _found[0] > _SLOWNESS_S:
        for _ in range(_PIECES):
            hashlib.blake2b(_PIECE).digest()
        ended = time.monotonic()
        _found = ended, (ended - began) / _PIECES / _PIECE_S
    return _found[1]


async def eventually(
    check: Callable[[], T | Awaitable[T]], *, seconds: float = 30.0, every: float = 0.05, what: str = ""
) -> T:
    """Polls until `check` gives something true, and returns that; fails with the last answer after `seconds`.

    `check` may be a plain or an async function. What NOT_YET names counts as "not yet". The patience is that of an idle
    machine: while more wants to run than there are cores it lasts as much longer, judged anew at each look.
    """
    began = time.monotonic()
    while True:
        last: object
        try:
            answer = check()
            found: T = await answer if inspect.isawaitable(answer) else answer
            if found:
                return found
            last = found
        except NOT_YET as e:
            last = e
        _still_patient(began, seconds, what or str(check), last)
        await asyncio.sleep(every)


def eventually_sync(check: Callable[[], T], *, seconds: float = 30.0, every: float = 0.05, what: str = "") -> T:
    """The same for a test without an event loop."""
    began = time.monotonic()
    while True:
        last: object
        try:
            found = check()
            if found:
                return found
            last = found
        except NOT_YET as e:
            last = e
        _still_patient(began, seconds, what or str(check), last)
        time.sleep(every)


def _still_patient(began: float, seconds: float, what: str, last: object) -> None:
    took = time.monotonic() - began
    if took > seconds and took > stretched(seconds):
        raise AssertionError(f"not within {took:.0f} s: {what}; last: {last!r}")


def free_ports(count: int = 1) -> int:
    """The first of `count` consecutive free ports on loopback; each xdist worker looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start: int = _PORTS_LOW + (worker * 3_000 + os.getpid() * 40) % (_PORTS_HIGH - _PORTS_LOW)
    places = (*range(start, _PORTS_HIGH, 20), *range(_PORTS_LOW, start, 20))
    for given in (_given, set[int]()):  # a port is given out again only where there is no other
        for first in places:
            wanted = range(first, first + count)
            if given.isdisjoint(wanted) and all(_free(p) for p in wanted):
                _given.update(wanted)
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


def tocsin(*args: str, seconds: float = 600, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs `tocsin …` as a user would; asserts exit code 0 unless `ok` is False."""
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", *args], capture_output=True, text=True, timeout=seconds, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert not ok or done.returncode == 0, (
        f"tocsin {' '.join(args)} ended with {done.returncode}: {done.stderr[-2000:]}"
    )
    return done


def tocsin_json(*args: str, seconds: float = 600, ok: bool = True) -> Any:
    """The JSON object a command prints with `--json`."""
    return json.loads(tocsin(*args, "--json", seconds=seconds, ok=ok).stdout)


class Patient(Deployment):
    """A deployment whose clients wait for an answer as long as a busy machine may need for it."""

    def client(self, service: str, role: str = "admin", *, seconds: float = 60) -> httpx.Client:
        """See `Deployment`."""
        return super().client(service, role, seconds=seconds)

    def async_client(self, service: str, role: str = "admin", *, seconds: float = 60) -> httpx.AsyncClient:
        """See `Deployment`."""
        return super().async_client(service, role, seconds=seconds)


@contextmanager
def deployed(data_dir: Path, *options: str) -> Iterator[Deployment]:
    """`tocsin up --detach` with these options on free ports, and `down` at the end, whatever happens between."""
    tocsin("up", "--data-dir", str(data_dir), "--port-base", str(free_ports(20)), "--detach", "--json", *options)
    try:
        yield Patient.find(data_dir)
    finally:
        tocsin("down", "--data-dir", str(data_dir))


def at_rest(deployment: Deployment) -> None:
    """Returns once all that the manual clock's present moment asks for is worked off: nobody writes by itself now."""
    advance(deployment, 0)


def advance(deployment: Deployment, seconds: float) -> str:
    """Moves a manual clock on; returns once everything due by then has happened. The new now, RFC 3339."""
    moved = tocsin_json("clock", "--data-dir", deployment.data_dir, "--advance", f"PT{seconds:g}S")
    return str(moved["now"])
