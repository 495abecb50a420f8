"""Progress on a terminal, silence elsewhere; and the one way commands print their result."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn


def out(value: object) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def console() -> Console:
    """The terminal, on standard error: standard output is for results."""
    return Console(stderr=True, highlight=False)


class Steps:
    """What is being done now, and how much of it. Everything is a no-op where standard error is no terminal."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._task = None if progress is None else progress.add_task("", total=None)

    def say(self, what: str) -> None:
        """Names the present step."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=what, total=None, completed=0)

    def end(self) -> None:
        """Takes the spinner away: nothing more is under way."""
        if self._progress is not None:
            self._progress.stop()

    def bytes(self, done: int, total: int) -> None:
        """Bytes of a download; called from several threads."""
        if self._progress is not None and self._task is not None:
            with self._lock:
                self._progress.update(self._task, description="fetching Apache Kafka", completed=done, total=total)


@contextmanager
def steps() -> Iterator[Steps]:
    """A spinner with the present step, a bar where the size is known."""
    if not sys.stderr.isatty():
        yield Steps(None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(), transient=True) as progress:
        yield Steps(progress)
