"""The spool's files: appended records with a checksum each, read back in order, a torn tail cut off."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from tocsin.envelope import Ms
from tocsin.log.port import Append
from tocsin.runtime.disk import sync_folder

_HEAD = struct.Struct(">2sII")
_MAGIC = b"T1"


class Held(Struct, frozen=True, array_like=True):
    """A record that waits for the log, and what intake must know of it meanwhile (`call_id` "" for a command)."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    at: Ms
    urgent: bool
    command_id: str
    call_id: str = ""
    body_hash: str = ""

    @property
    def record(self) -> Append:
        """As the log takes it."""
        return Append(self.topic, self.partition, self.key, self.value, self.headers)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Held).decode


def frame(held: Held) -> bytes:
    """The bytes of one record in a file: mark, length, CRC-32, content."""
    content = _encode(held)
    return _HEAD.pack(_MAGIC, len(content), zlib.crc32(content)) + content


def read_from(file: Path, start: int, end: int | None = None) -> Iterator[tuple[Held, int]]:
    """The records from byte `start` on, each with the byte after it; stops at the first that is not whole."""
    with file.open("rb") as f:
        f.seek(start)
        at = start
        while end is None or at < end:
            head = f.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            magic, length, crc = _HEAD.unpack(head)
            content = f.read(length) if magic == _MAGIC else b""
            if len(content) < length or magic != _MAGIC or zlib.crc32(content) != crc:
                return
            at += _HEAD.size + length
            yield _decode(content), at


class Segment:
    """One file. `size` is how much of it is whole and on disk; `done` how much has gone to the log since."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._mark = file.with_suffix(".pos")
        self.size = self.done = 0
        self._fd: int | None = None

    def recover(self) -> list[Held]:
        """Reads what a former process left; cuts a torn tail off. The records not yet gone to the log."""
        self.done = _number(self._mark)
        left = []
        for held, after in read_from(self.file, 0):
            self.size = after
            if after > self.done:
                left.append(held)
        self.done = min(self.done, self.size)
        os.truncate(self.file, self.size)
        return left

    def append(self, frames: list[bytes]) -> None:
        """Writes these and waits for the disk; OSError leaves the file as it was."""
        if self._fd is None:
            self._fd = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
            sync_folder(self.file.parent)
        content = memoryview(b"".join(frames))
        total = len(content)
        try:
            os.lseek(self._fd, self.size, os.SEEK_SET)
            while content:
                content = content[os.write(self._fd, content) :]
            os.fsync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += total

    def note_done(self, done: int) -> None:
        """Keeps how far the log has taken it. Not synced: after a power cut some go twice, under the same ids."""
        self.done = done
        fresh = self._mark.with_suffix(".new")
        try:
            fresh.write_text(str(done))
            fresh.replace(self._mark)
        except OSError:
            return  # a full disk: the position in memory counts; at worst records go twice under the same ids

    def remove(self) -> None:
        """Deletes the file: all of it is on the log."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self.file.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
