"""What a process starts ends with it."""

import os
import signal
import subprocess
import sys

import psutil

from tests.support import eventually_sync
from tocsin.runtime.tied import Tied

PARENT = """
import subprocess, sys, time
from tocsin.runtime.tied import Tied
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
tied = Tied(child.pid, grace_s=1)
print(child.pid, flush=True)
time.sleep(60)
"""


def _ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _orphaned(child: str) -> int:
    """Starts a parent with a child tied to it, kills the parent with SIGKILL; the child's pid."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not _ended(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    return pid


def test_a_child_ends_when_its_parent_was_killed() -> None:
    """A kill -9 of the parent: the child gets SIGTERM."""
    pid = _orphaned("import time; time.sleep(60)")
    eventually_sync(lambda: _ended(pid), seconds=10, what="the child has ended")


def test_a_child_that_does_not_listen_is_killed() -> None:
    """A child that ignores SIGTERM, or is stopped, is killed after its grace."""
    pid = _orphaned("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    eventually_sync(lambda: _ended(pid), seconds=10, what="the child has been killed")


def test_a_released_child_goes_on() -> None:
    """After `release` the number is nobody's business any more; twice does no harm."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        tied = Tied(child.pid, grace_s=1)
        tied.release()
        tied.release()
        assert child.poll() is None
        os.kill(child.pid, signal.SIGKILL)
