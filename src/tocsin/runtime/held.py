"""A lock on a directory, held for as long as the process that took it (and its children) live."""

import fcntl
import os
from pathlib import Path

from tocsin.runtime.mend import Mend


class Held:
    """`flock` on a file that tells the holder's pid. The kernel lets go of it when the holder dies, however it dies."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fd = -1

    def take(self, what: str, mend: str, *, tell: bool = True) -> None:
        """Takes the lock, or raises Mend; `{pid}` in `what` becomes the holder's pid. `tell`: write our pid into it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise Mend(what.format(pid=holder), mend) from None
        self._fd = fd
        if tell:
            self.tell()

    def tell(self) -> None:
        """Writes this process's pid into the file: again after a fork, where the child is the holder."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    @property
    def pid(self) -> int:
        """The holder: this process."""
        return os.getpid()

    def release(self) -> None:
        """Lets go; nothing where it was not held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
