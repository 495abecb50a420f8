"""The spool: where a call is made safe when the log does not answer. fsynced before the 202, urgent drained first."""

import asyncio
import shutil
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import structlog

from services.intake.segments import Held, Segment, frame, read_from
from tocsin.runtime.disk import sync_folder
from tocsin.runtime.metrics import SPOOL_DEPTH

log = structlog.get_logger()
Lane = Literal["urgent", "routine"]
LANES: tuple[Lane, ...] = ("urgent", "routine")
SEGMENT_BYTES = 8 * 1024 * 1024
DISK_FREE_MIN = 32 * 1024 * 1024
"""Below this many free bytes the service says it is not ready, before a call has to find out."""


class SpoolFull(Exception):
    """The spool cannot take the record: no false 202."""


class _Put:
    __slots__ = ("frame", "future", "held", "loop")

    def __init__(self, held: Held) -> None:
        self.held, self.frame = held, frame(held)
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()


class Spool:
    """Segments of two lanes in one folder. One thread writes and syncs, as many records a sync as have come."""

    def __init__(self, folder: Path, *, bytes_max: int = 512 * 1024 * 1024) -> None:
        self._folder, self._bytes_max = folder, bytes_max
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._segments: dict[Lane, deque[Segment]] = {lane: deque() for lane in LANES}
        self._calls: dict[str, Held] = {}
        self._depth = self._pending = self._bytes = self._number = 0
        self._fault = ""
        self._queue: deque[_Put] = deque()
        self._more = threading.Condition()
        self._files = threading.Lock()
        self._ended = False
        self.arrived = asyncio.Event()
        self._recover()
        self._thread = threading.Thread(target=self._write, name="tocsin-spool", daemon=True)
        self._thread.start()

    def _recover(self) -> None:
        for file in sorted(self._folder.glob("*.seg")):
            lane, number = file.stem.rsplit("-", 1)
            segment = Segment(file)
            left = segment.recover()
            self._number = max(self._number, int(number))
            if not left:
                segment.remove()
                continue
            self._segments["urgent" if lane == "urgent" else "routine"].append(segment)
            self._bytes += segment.size
            self._count(left)
        if self._depth:
            log.warning("spool_found", count=self._depth, path=str(self._folder))
            self.arrived.set()

    def _count(self, held: Iterable[Held]) -> None:
        for h in held:
            self._depth += 1
            if h.call_id:
                self._calls.setdefault(h.call_id, h)
        SPOOL_DEPTH.set(self._depth)

    @property
    def depth(self) -> int:
        """Records on disk that the log has not taken."""
        return self._depth

    @property
    def idle(self) -> bool:
        """Whether a new record may go to the log directly: nothing waits before it."""
        return self._depth == 0 and self._pending == 0

    def call(self, call_id: str) -> Held | None:
        """A call that waits here."""
        return self._calls.get(call_id)

    def fault(self) -> str | None:
        """What keeps the spool from taking calls, or None."""
        if self._fault:
            return self._fault
        free = shutil.disk_usage(self._folder).free
        return f"spool: {free // 1024} KiB free on its disk; make room" if free < DISK_FREE_MIN else None

    async def put(self, held: Held) -> None:
        """Keeps the record; on disk when this returns. SpoolFull where that cannot be."""
        if self._bytes > self._bytes_max:
            raise SpoolFull(f"the spool holds its {self._bytes_max} bytes")
        put = _Put(held)
        self._pending += 1
        try:
            with self._more:
                self._queue.append(put)
                self._more.notify()
            await put.future
        finally:
            self._pending -= 1

    def peek(self, count_max: int) -> tuple[Lane, list[Held], list[int]]:
        """The next records to send, urgent first, with the byte after each. Blocks on the disk."""
        for lane in LANES:
            with self._files:
                segment = self._segments[lane][0] if self._segments[lane] else None
                start, end = (segment.done, segment.size) if segment else (0, 0)
            if segment is None or start >= end:
                continue
            found: list[Held] = []
            after: list[int] = []
            for held, at in read_from(segment.file, start, end):
                found.append(held)
                after.append(at)
                if len(found) >= count_max:
                    break
            return lane, found, after
        return "urgent", [], []

    def take(self, lane: Lane, after: int) -> None:
        """The log has all up to this byte of the lane's first segment. Blocks on the disk; then `forget`."""
        with self._files:
            segment = self._segments[lane][0]
            segment.note_done(after)
            if segment.done >= segment.size:
                self._segments[lane].popleft()
                self._bytes -= segment.size
                segment.remove()
                sync_folder(self._folder)

    def forget(self, held: list[Held]) -> None:
        """These wait no longer."""
        self._depth -= len(held)
        for h in held:
            if h.call_id and self._calls.get(h.call_id) == h:
                del self._calls[h.call_id]
        SPOOL_DEPTH.set(self._depth)

    def close(self) -> None:
        """Ends the writer; what it has promised is on disk."""
        with self._more:
            self._ended = True
            self._more.notify()
        self._thread.join(10)
        for segments in self._segments.values():
            for s in segments:
                s.close()

    def _write(self) -> None:
        while True:
            with self._more:
                self._more.wait_for(lambda: self._queue or self._ended)
                puts, self._queue = list(self._queue), deque()
                if not puts:
                    return
            for lane in LANES:
                mine = [p for p in puts if p.held.urgent == (lane == "urgent")]
                if mine:
                    # Told to the loop under the lock: what drains these records comes after they are counted.
                    with self._files:
                        error = self._keep(lane, mine)
                        mine[0].loop.call_soon_threadsafe(self._resolve, mine, error)

    def _keep(self, lane: Lane, puts: list[_Put]) -> Exception | None:
        segments = self._segments[lane]
        if not segments or segments[-1].size > SEGMENT_BYTES:
            self._number += 1
            segments.append(Segment(self._folder / f"{lane}-{self._number:010d}.seg"))
        segment = segments[-1]
        before = segment.size
        try:
            segment.append([p.frame for p in puts])
        except OSError as e:
            if segment.size == segment.done == 0:
                segments.pop()
                segment.remove()
            self._fault = f"spool: {e.strerror or e}; make room on its disk"
            log.exception("spool_failed", path=str(self._folder))
            return SpoolFull(self._fault)
        self._fault = ""
        self._bytes += segment.size - before
        return None

    def _resolve(self, puts: list[_Put], error: Exception | None) -> None:
        if error is None:
            self._count(p.held for p in puts)
            self.arrived.set()
        for p in puts:
            if p.future.done():
                continue
            if error is None:
                p.future.set_result(None)
            else:
                p.future.set_exception(error)
