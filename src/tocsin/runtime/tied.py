"""A child process that does not outlive its parent, however the parent ends: a small watcher holds a pipe to it."""

import subprocess
from contextlib import suppress

# The pipe's other end is in the parent alone; the kernel closes it when the parent dies, by kill -9 too. A signal by
# PR_SET_PDEATHSIG would come when the *thread* ends that started the child, and exists on Linux alone.
_SCRIPT = """
read -r _
kill -TERM "$1" 2>/dev/null || exit 0
kill -CONT "$1" 2>/dev/null
left="$2"
while [ "$left" -gt 0 ]; do
    sleep 1
    kill -0 "$1" 2>/dev/null || exit 0
    left=$((left - 1))
done
kill -KILL "$1" 2>/dev/null
"""


class Tied:
    """Watches over the child `pid`: SIGTERM to it once this process is gone, SIGKILL `grace_s` seconds later."""

    def __init__(self, pid: int, *, grace_s: int) -> None:
        self._watcher: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603 - our own few lines
            ["/bin/sh", "-c", _SCRIPT, "tied", str(pid), str(grace_s)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def release(self) -> None:
        """The child has ended and was waited for: its number may soon be another's. Again: nothing."""
        watcher, self._watcher = self._watcher, None
        if watcher is None:
            return
        watcher.kill()  # first, so that the closing of the pipe finds nobody
        watcher.wait()
        if watcher.stdin is not None:
            with suppress(BrokenPipeError):
                watcher.stdin.close()
