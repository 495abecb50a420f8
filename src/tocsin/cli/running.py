"""`up` in the foreground and in the background: the same County, told of in two ways."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Literal

import msgspec
from msgspec import Struct

from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend
from tocsin.cli.plan import UpPlan
from tocsin.cli.progress import Steps, steps
from tocsin.cli.supervise import County


class Report(Struct):
    """A line from a detached `up` to the command that started it."""

    kind: Literal["say", "bytes", "ready", "failed"]
    text: str = ""
    mend: str = ""
    done: int = 0
    total: int = 0


class _Asked(BaseException):
    """SIGINT or SIGTERM: whatever is under way ends, and everything is stopped in order."""


class _PipeSteps(Steps):
    def __init__(self, fd: int) -> None:
        super().__init__(None)
        self._fd: int | None = fd
        self._lock = threading.Lock()

    def send(self, report: Report) -> None:
        with self._lock:
            if self._fd is None:
                return
            try:
                os.write(self._fd, msgspec.json.encode(report) + b"\n")
            except OSError:  # the command that waited is gone; the deployment goes on
                self._fd = None

    def say(self, what: str) -> None:
        self.send(Report("say", what))

    def bytes(self, done: int, total: int) -> None:
        self.send(Report("bytes", done=done, total=total))


def _asked(_: int, __: FrameType | None) -> None:
    raise _Asked


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _attend(county: County, told: Steps, ready: Callable[[Deployment], None]) -> None:
    """Starts, tells that it is ready, watches until it is asked to end (Ctrl-C, `down`, a closed terminal), stops."""
    for sig in _ENDING:
        signal.signal(sig, _asked)
    never = threading.Event()
    try:
        ready(county.start(told))
        county.watch(never.wait)
    except _Asked:
        pass
    finally:
        for sig in _ENDING:
            signal.signal(sig, signal.SIG_IGN)  # what now stops in order shall not be stopped half-way
        county.stop()


def run_foreground(plan: UpPlan, ready: Callable[[Deployment], None], *, beside: Sequence[str] = ()) -> None:
    """Stays until Ctrl-C. `beside` is a command of ours that runs for as long, such as the one that plays the day."""
    county = County(plan)
    with steps() as told:

        def done(deployment: Deployment) -> None:
            told.end()
            if beside:
                county.accompany(beside)
            ready(deployment)

        _attend(county, told, done)


def run_reporting(plan: UpPlan, fd: int) -> None:
    """The detached process itself: reports through a pipe until it is ready."""
    pipe = _PipeSteps(fd)
    try:
        _attend(County(plan), pipe, lambda _: pipe.send(Report("ready")))
    except Mend as e:
        pipe.send(Report("failed", e.what, e.mend))
        raise
    except BaseException as e:
        pipe.send(Report("failed", f"{type(e).__name__}: {e}", "See logs/up.log in the data directory."))
        raise


def run_detached(plan: UpPlan) -> Deployment:
    """Starts `up` as a process of its own and returns once it is ready."""
    logs = plan.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    command = [
        sys.executable,
        "-m",
        "tocsin",
        "up",
        "--plan",
        plan.to_text(),
        "--report-fd",
        str(writing),
    ]
    with (logs / "up.log").open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(writing,), start_new_session=True
        )
    os.close(writing)
    with steps() as told, os.fdopen(reading, "rb") as reports:
        for line in reports:
            report = msgspec.json.decode(line, type=Report)
            if report.kind == "ready":
                break
            if report.kind == "failed":
                child.wait()
                raise Mend(report.text, report.mend)
            if report.kind == "bytes":
                told.bytes(report.done, report.total)
            else:
                told.say(report.text)
        else:
            raise Mend("The deployment ended while it started", f"See {logs / 'up.log'}.")
    return Deployment.find(plan.data_dir)
