"""What figures are measured on: a whole deployment of its own, on free ports, with a fresh data directory."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tocsin.cli.deployment import Deployment
from tocsin.runtime.mend import Mend

_PORTS = range(20_000, 32_000, 40)
_UP_S = 180


def _free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_base(count: int = 20) -> int:
    """The first of `count` free ports in a row."""
    for base in _PORTS:
        if all(_free(p) for p in range(base, base + count)):
            return base
    raise Mend("No 20 free ports in a row between 20000 and 32000", "Stop what listens there.")


@contextmanager
def deployment(*options: str) -> Iterator[Deployment]:
    """A running deployment; stopped and its data removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    data = folder / "data"
    command = [sys.executable, "-m", "tocsin"]
    where = ["--data-dir", str(data)]
    try:
        up = [*command, "up", "--detach", "--json", "--port-base", str(free_base()), *where, *options]
        done = subprocess.run(up, capture_output=True, text=True, timeout=_UP_S, check=False)  # noqa: S603 - our own command line
        if done.returncode:
            raise Mend(
                f"The deployment to be measured did not start: {done.stderr.strip()[-400:]}", "See `tocsin doctor`."
            )
        json.loads(done.stdout.strip().splitlines()[-1])
        yield Deployment.find(data)
    finally:
        subprocess.run([*command, "down", *where], capture_output=True, timeout=60, check=False)  # noqa: S603 - see above
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """These processes stand still for as long as the block lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def alone(deployment: Deployment, *services: str) -> Iterator[None]:
    """All services but these stand still: a figure of one process, two cores shared with the broker."""
    with stopped([pid for name, pid in deployment.pids.items() if name not in (*services, "broker")]):
        yield
