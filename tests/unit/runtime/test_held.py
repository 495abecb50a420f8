"""The lock on a directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.runtime.held import Held
from tocsin.runtime.mend import Mend

_HOLDER = """
import sys
from pathlib import Path
from tocsin.runtime.held import Held
Held(Path(sys.argv[1])).take("", "")
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_holder_is_refused_by_the_first_ones_pid_until_that_one_is_gone(tmp_path: Path) -> None:
    """However the holder dies, the lock is free again: no stale lock is ever left."""
    file = tmp_path / "up.lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Mend, match=f"held by {other.pid}. Wait"):
            Held(file).take("held by {pid}", "Wait.")
        other.kill()
        other.wait()
    mine = Held(file)
    mine.take("held by {pid}", "Wait.")
    mine.release()
