"""Joins what comes together for one partition into one batch: aiokafka's own way costs 50 µs a record, a batch 3."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from tocsin.log.port import Append, Appended, LogUnavailable, RecordTooLarge

STOP_S = 2.0
"""How long what waits may still go out when the producer is told to stop."""
Connect = Callable[[], Awaitable[AIOKafkaProducer]]


class Pack:
    """Records one caller waits for: answered when the last of them stands, or when their time is up."""

    __slots__ = ("_appended", "_left", "future")

    def __init__(self, count: int) -> None:
        self.future: asyncio.Future[list[Appended]] = asyncio.get_running_loop().create_future()
        self._appended: list[Appended | None] = [None] * count
        self._left = count

    def stands(self, index: int, appended: Appended) -> None:
        """One of them is on the log."""
        self._appended[index] = appended
        self._left -= 1
        if self._left == 0 and not self.future.done():
            self.future.set_result([a for a in self._appended if a is not None])

    def fails(self, error: Exception) -> None:
        """One of them is not, or nobody knows: no more is said of the others."""
        if not self.future.done():
            self.future.set_exception(error)


_Entry = tuple[Append, Pack, int]
_Taken = tuple[_Entry, int]
"""An entry in a batch under way, with the time the batch gave it."""


class Lanes:
    """A queue a partition. One batch is under way in each, as idempotence demands; what comes meanwhile is the next."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._waiting: dict[tuple[str, int], deque[_Entry]] = {}
        self._flushing: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def append_all(self, records: Sequence[Append], timeout_s: float) -> list[Appended]:
        """Writes records in order per partition and waits for all; LogUnavailable after `timeout_s`."""
        if not records:
            return []
        pack = Pack(len(records))
        for i, r in enumerate(records):
            at = (r.topic, r.partition)
            queue = self._waiting.get(at)
            if queue is None:
                queue = self._waiting[at] = deque()
            queue.append((r, pack, i))
            if at not in self._flushing:
                # The task begins in the loop's next turn: all that is appended in this one travels together.
                self._flushing[at] = asyncio.create_task(self._flush(at, queue))
        late = asyncio.get_running_loop().call_later(timeout_s, _late, pack, timeout_s)
        try:
            return await pack.future
        finally:
            late.cancel()

    async def _flush(self, at: tuple[str, int], queue: deque[_Entry]) -> None:
        try:
            while queue:
                await self._flush_some(at, queue)
        finally:
            del self._flushing[at]
            for _, pack, _ in queue:
                pack.fails(LogUnavailable("the producer was stopped"))
            queue.clear()

    async def _flush_some(self, at: tuple[str, int], queue: deque[_Entry]) -> None:
        taken: list[_Taken] = []
        try:
            producer = await self._connect()
            batch = producer.create_batch()
            _fill(batch, queue, taken)
            stood = await (await producer.send_batch(batch, at[0], partition=at[1])) if taken else None
        except (MessageSizeTooLargeError, RecordTooLargeError) as e:
            _fail(taken, RecordTooLarge(str(e)))
        except LogUnavailable as e:
            # Not connected: nothing was taken, and nothing that waits can be.
            _fail(((entry, 0) for entry in queue), e)
            queue.clear()
        except (KafkaError, TimeoutError, OSError, AssertionError) as e:
            # aiokafka asserts that a partition exists: a topic made with fewer than `TOCSIN_PARTITIONS` says.
            _fail(taken, LogUnavailable(f"the log did not take {len(taken)} record(s): {e!r}"))
        except BaseException:
            _fail(taken, LogUnavailable("the producer was stopped"))
            raise
        else:
            _stand(at, taken, stood)

    async def stop(self) -> None:
        """Lets what waits go out, for a moment, and ends."""
        tasks = list(self._flushing.values())
        if not tasks:
            return
        _, left = await asyncio.wait(tasks, timeout=STOP_S)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)


def _fill(batch: BatchBuilder, queue: deque[_Entry], taken: list[_Taken]) -> None:
    """Moves what fits from the queue into the batch."""
    while queue:
        record, pack, _ = queue[0]
        # Whoever has given up has spooled it: sending it too would only make the owner know it again.
        if not pack.future.done():
            made = batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
            if made is None:
                return
            taken.append((queue[0], made.timestamp))
        queue.popleft()


def _stand(at: tuple[str, int], taken: Sequence[_Taken], stood: RecordMetadata | None) -> None:
    """Answers whoever waits for a batch's records: they stand one after another from its offset on."""
    if stood is None or stood.offset < 0:
        # A repeat whose first answer was lost: it stands, the broker no longer says where.
        _fail(taken, LogUnavailable("the log has the records, but does not say where"))
        return
    for i, ((_, pack, index), made_at) in enumerate(taken):
        # A topic that keeps the sender's time answers none of its own.
        time = made_at if stood.timestamp < 0 else stood.timestamp
        pack.stands(index, Appended(at[0], at[1], stood.offset + i, time))


def _late(pack: Pack, timeout_s: float) -> None:
    pack.fails(LogUnavailable(f"no answer within {timeout_s:g} s"))


def _fail(taken: Iterable[_Taken], error: Exception) -> None:
    for (_, pack, _), _ in taken:
        pack.fails(error)
