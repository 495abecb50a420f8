"""Stopping a deployment from outside, by the pid that holds its lock."""

from contextlib import suppress
from pathlib import Path

import psutil

from tocsin.cli.accounts import anothers
from tocsin.cli.deployment import RUN_FILE
from tocsin.cli.errors import Mend
from tocsin.cli.leftovers import end_leftovers
from tocsin.runtime.held import Held

STOP_SECONDS_MAX = 60.0


def holder(data_dir: Path) -> int:
    """The pid of the `up` that holds the directory, or 0."""
    file = data_dir / "up.lock"
    if not file.exists():
        return 0
    held = Held(file)
    try:
        held.take("{pid}", "", tell=False)
    except Mend as e:
        return int(e.what) if e.what.isdigit() else 0
    held.release()
    return 0


def readable(data_dir: Path) -> None:
    """PermissionError where run.json is another account's: one that may not read it may not look for what runs."""
    with suppress(FileNotFoundError), (data_dir / RUN_FILE).open("rb"):
        pass


def stop_deployment(data_dir: Path) -> bool:
    """Asks `up` to stop, waits, ends what is left; whether anything ran. Mend where it is another account's."""
    try:
        return _stopped(data_dir)
    except (PermissionError, psutil.AccessDenied) as e:
        raise Mend(f"The deployment on {data_dir} is not this account's to stop", anothers(data_dir)) from e


def _stopped(data_dir: Path) -> bool:
    pid = holder(data_dir)
    if pid:
        try:
            process = psutil.Process(pid)
            process.terminate()
            process.wait(STOP_SECONDS_MAX)
        except psutil.NoSuchProcess:
            pass
        except psutil.TimeoutExpired as e:
            raise Mend(
                f"The deployment (process {pid}) has not stopped within {STOP_SECONDS_MAX:.0f} s",
                f"See {data_dir / 'logs' / 'up.log'}; `kill -9 {pid}` and `tocsin down` again end it.",
            ) from e
    readable(data_dir)
    left = end_leftovers(data_dir)
    with suppress(FileNotFoundError):
        (data_dir / RUN_FILE).unlink()
    return bool(pid or left)
