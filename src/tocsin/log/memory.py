"""The log in memory, for tests: partitions, transactions with fencing and a last stable offset, groups, seeded faults.

It keeps Kafka's rules where the owner relies on them: a transaction's records take their offsets at once and are read
only after its marker; aborted ones never; a new producer of a transactional id fences the old and settles what it left
open; nobody reads past an open transaction. What it cannot do is said by the contract suite.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Literal

from msgspec import Struct

from tocsin.log.port import (
    Append,
    Appended,
    CommitUnknown,
    Fenced,
    Lag,
    LogUnavailable,
    Record,
    RecordTooLarge,
    Seat,
)
from tocsin.log.topics import RECORD_MAX, Topic

Place = tuple[str, int]


class Faults(Struct, kw_only=True):
    """How often, 0 to 1, a step fails. All zero: a log without faults."""

    unknown: float = 0.0
    timed_out: float = 0.0
    unavailable: float = 0.0
    slow: float = 0.0
    stale: float = 0.0


class _Transaction(Struct):
    state: Literal["open", "committed", "aborted"] = "open"


class _Entry(Struct):
    record: Record | None
    transaction: _Transaction | None = None


class MemoryLog:
    """The log itself. `rng` decides every fault and every interleaving, so that a seed replays a history."""

    def __init__(self, *, partitions: int = 1, rng: Random | None = None, faults: Faults | None = None) -> None:
        self.partitions = partitions
        self.rng, self.faults = rng or Random(0), faults or Faults()  # noqa: S311 - chance for tests, not for secrets
        self.now_ms = 1_775_347_200_000
        self._entries: dict[Place, list[_Entry]] = defaultdict(list)
        self._epochs: dict[str, int] = defaultdict(int)
        self._open: dict[str, tuple[_Transaction, set[Place]]] = {}

    async def step(self) -> None:
        """Lets others go on, for a number of turns that the seed decides."""
        await asyncio.sleep(0)
        for _ in range(20):
            if self.rng.random() >= self.faults.slow:
                return
            await asyncio.sleep(0)

    def fails(self, rate: float) -> bool:
        """Whether this step fails."""
        return rate > 0 and self.rng.random() < rate

    def put(self, append: Append, transaction: _Transaction | None = None) -> Appended:
        """Appends at once."""
        entries = self._entries[append.topic, append.partition]
        self.now_ms += 1
        stood = Appended(append.topic, append.partition, len(entries), self.now_ms)
        record = Record(
            append.topic, append.partition, stood.offset, append.key, append.value, append.headers, stood.timestamp
        )
        entries.append(_Entry(record, transaction))
        return stood

    def end(self, place: Place) -> int:
        """The next offset."""
        return len(self._entries[place])

    def stable_end(self, place: Place) -> int:
        """The first offset of an open transaction, or the end."""
        entries = self._entries[place]
        return next((i for i, e in enumerate(entries) if e.transaction and e.transaction.state == "open"), len(entries))

    def read(self, place: Place, start: int, limit: int) -> tuple[list[Record], int]:
        """Committed records from `start`, at most `limit`, and the next offset to read."""
        found: list[Record] = []
        position, stable = start, self.stable_end(place)
        while position < stable and len(found) < limit:
            entry = self._entries[place][position]
            position += 1
            if entry.record is not None and (entry.transaction is None or entry.transaction.state == "committed"):
                found.append(entry.record)
        return found, position

    def committed(self, topic: str) -> dict[int, list[Record]]:
        """All committed records of a topic by partition."""
        return {p: self.read((topic, p), 0, self.end((topic, p)))[0] for p in range(self.partitions)}

    def fence(self, transactional_id: str) -> int:
        """A new epoch of a transactional id: what its former producer left open is aborted."""
        self._epochs[transactional_id] += 1
        self.settle(transactional_id, "aborted")
        return self._epochs[transactional_id]

    def begin(self, transactional_id: str) -> _Transaction:
        """Opens a transaction."""
        transaction = _Transaction()
        self._open[transactional_id] = (transaction, set())
        return transaction

    def joined(self, transactional_id: str, place: Place) -> None:
        """Counts a partition to the open transaction."""
        self._open[transactional_id][1].add(place)

    def settle(self, transactional_id: str, outcome: Literal["committed", "aborted"]) -> None:
        """Ends the open transaction, if there is one, with a marker in each of its partitions."""
        found = self._open.pop(transactional_id, None)
        if found is not None:
            found[0].state = outcome
            for place in sorted(found[1]):
                self._entries[place].append(_Entry(None))

    def epoch(self, transactional_id: str) -> int:
        """The newest epoch."""
        return self._epochs[transactional_id]


def _check(record: Append) -> None:
    if len(record.value or b"") > RECORD_MAX:
        raise RecordTooLarge(f"a record of {len(record.value or b'')} bytes; at most {RECORD_MAX}")


class MemoryProducer:
    """See `Producer`. A fault may come before or after the record stands: the caller cannot know."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def start(self) -> None:
        """See `Producer`."""

    async def append(self, record: Append) -> Appended:
        """See `Producer`."""
        return (await self.append_all([record]))[0]

    async def append_all(self, records: Sequence[Append]) -> list[Appended]:
        """See `Producer`."""
        for r in records:
            _check(r)
        done = []
        for r in records:
            await self._log.step()
            if self._log.fails(self._log.faults.unavailable):
                raise LogUnavailable("asked to fail before the append")
            done.append(self._log.put(r))
        if self._log.fails(self._log.faults.unavailable):
            raise LogUnavailable("asked to fail after the append")
        return done

    async def stop(self) -> None:
        """See `Producer`."""


class MemoryFollower:
    """See `Follower`."""

    def __init__(self, log: MemoryLog, topics: Sequence[Topic | str]) -> None:
        self._log = log
        self._topics = [t.name if isinstance(t, Topic) else t for t in topics]
        self._positions: dict[Place, int] = {}

    async def start(self, positions: Mapping[Place, int]) -> None:
        """See `Follower`."""
        places = [(t, p) for t in self._topics for p in range(self._log.partitions)]
        self._positions = {place: positions.get(place, 0) for place in places}

    async def batches(self, *, max_records: int = 500, idle_ms: int = 200) -> AsyncIterator[list[Record]]:
        """See `Follower`. Does not wait: an empty batch is given at once."""
        del idle_ms
        while self._positions:
            await self._log.step()
            found: list[Record] = []
            for place in self._log.rng.sample(sorted(self._positions), len(self._positions)):
                records, position = self._log.read(place, self._positions[place], max_records - len(found))
                self._positions[place] = position
                found += records
            yield found

    def positions(self) -> dict[Place, int]:
        """See `Follower`."""
        return dict(self._positions)

    async def ends(self) -> dict[Place, int]:
        """See `Follower`."""
        return {place: self._log.stable_end(place) for place in self._positions}

    async def stop(self) -> None:
        """See `Follower`."""
        self._positions = {}


class MemoryTenure:
    """See `Tenure`."""

    def __init__(self, log: MemoryLog, name: str, partition: int, *, inputs: Sequence[Topic], events: Topic) -> None:
        self._log, self._id = log, f"{name}-{partition}"
        self._inputs: list[Place] = [(t.name, partition) for t in inputs]
        self._events: Place = (events.name, partition)
        self._positions: dict[Place, int] = {}
        self._epoch = 0

    def _alive(self) -> None:
        if self._epoch != self._log.epoch(self._id):
            raise Fenced(f"{self._id}: epoch {self._epoch} of {self._log.epoch(self._id)}")

    async def acquire(self) -> int:
        """See `Tenure`: as on Kafka, the end is that of an aborted barrier record."""
        await self._log.step()
        if self._log.fails(self._log.faults.unavailable):
            raise LogUnavailable("asked to fail in acquire")
        self._epoch = self._log.fence(self._id)
        await self._log.step()
        self._alive()
        transaction = self._log.begin(self._id)
        self._log.joined(self._id, self._events)
        stood = self._log.put(Append(*self._events, b"barrier", b""), transaction)
        await self._log.step()
        self._alive()
        self._log.settle(self._id, "aborted")
        return stood.offset + 1

    async def history(self, start: int, end: int) -> AsyncIterator[list[Record]]:
        """See `Tenure`. A stale read gives nothing and is tried again: the position alone tells the end."""
        position = start
        while position < end:
            await self._log.step()
            if self._log.fails(self._log.faults.stale):
                yield []
                continue
            found, position = self._log.read(self._events, position, self._log.rng.randint(1, 20))
            yield found

    async def seek(self, positions: Mapping[str, int]) -> None:
        """See `Tenure`. With stale positions it begins too early: the owner has to pass by what is decided already."""
        await self._log.step()
        early = self._log.rng.randint(0, 3) if self._log.fails(self._log.faults.stale) else 0
        self._positions = {place: max(0, positions.get(place[0], 0) - early) for place in self._inputs}

    async def poll(self, *, limit: int, wait_ms: int) -> list[Record]:
        """See `Tenure`. Does not wait."""
        del wait_ms
        await self._log.step()
        if self._log.fails(self._log.faults.unavailable):
            raise LogUnavailable("asked to fail in poll")
        found: list[Record] = []
        size = self._log.rng.randint(1, limit)
        for place in self._inputs:
            records, self._positions[place] = self._log.read(place, self._positions[place], size - len(found))
            found += records
        return found

    async def commit(self, records: Sequence[Append]) -> list[Appended]:
        """See `Tenure`."""
        for r in records:
            _check(r)
        await self._log.step()
        self._alive()
        transaction = self._log.begin(self._id)
        done = []
        for r in records:
            self._log.joined(self._id, (r.topic, r.partition))
            done.append(self._log.put(r, transaction))
            await self._log.step()
            self._alive()
        return await self._end(done)

    async def _end(self, done: list[Appended]) -> list[Appended]:
        faults = self._log.faults
        if self._log.fails(faults.timed_out):
            self._log.fence(self._id)
            raise Fenced(f"{self._id}: the transaction timed out")
        if self._log.fails(faults.unknown):
            if self._log.rng.random() < 0.5:  # noqa: PLR2004 - the commit took place as often as not
                self._log.settle(self._id, "committed")
            raise CommitUnknown("asked to lose the answer")
        self._log.settle(self._id, "committed")
        return done

    def lags(self) -> list[Lag]:
        """See `Tenure`."""
        return [
            Lag(t, p, self._log.end((t, p)) - at, self._log.end((t, p)) - self._log.stable_end((t, p)))
            for (t, p), at in self._positions.items()
        ]

    async def stop(self) -> None:
        """See `Tenure`: what is open stays open until the next owner settles it. A real one takes its time to close."""
        await self._log.step()


class MemoryGroup:
    """Shares a topic's partitions out among members, round robin, all taken back before any is given."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.members: list[MemoryMembership] = []
        self._lock = asyncio.Lock()

    async def rebalance(self) -> None:
        """Takes all back from those in the group, then gives out anew."""
        async with self._lock:
            for member in list(self.members):
                if member.seat is not None:
                    member.held = frozenset()
                    await member.seat.revoked()
            present = [m for m in self.members if m.seat is not None]
            for i, member in enumerate(present):
                member.held = frozenset(p for p in range(self._log.partitions) if p % len(present) == i)
                if member.seat is not None:
                    member.seat.assigned(member.held)

    async def expel(self, member: "MemoryMembership") -> None:
        """A session ran out: the others get its partitions; the member itself is not told."""
        if member in self.members:
            self.members.remove(member)
            member.held = frozenset()
            await self.rebalance()


class MemoryMembership:
    """See `Membership`."""

    def __init__(self, log: MemoryLog, group: MemoryGroup) -> None:
        self._log, self._group = log, group
        self.seat: Seat | None = None
        self.held: frozenset[int] = frozenset()
        self.dead = False

    async def join(self, seat: Seat) -> None:
        """See `Membership`."""
        self.seat = seat
        if self not in self._group.members:
            self._group.members.append(self)
        await self._group.rebalance()

    async def rejoin(self) -> None:
        """See `Membership`."""
        seat = self.seat
        if seat is None or self.dead:
            raise LogUnavailable("no member any more")
        await seat.revoked()
        await self.join(seat)

    async def confirm(self, partition: int, position: int) -> bool:
        """See `Membership`."""
        del position
        await self._log.step()
        return partition in self.held

    async def leave(self) -> None:
        """See `Membership`. One that has died leaves nothing behind but its place, until its session runs out."""
        if self.dead:
            return
        self.seat = None
        if self in self._group.members:
            self._group.members.remove(self)
            await self._group.rebalance()


class MemoryOwnerLog:
    """See `OwnerLog`: one process's view. All processes of a kernel share log and group."""

    def __init__(
        self, log: MemoryLog, group: MemoryGroup, name: str, *, inputs: Sequence[Topic], events: Topic
    ) -> None:
        self._log, self._name, self._inputs, self._events = log, name, tuple(inputs), events
        self.member = MemoryMembership(log, group)

    def membership(self) -> MemoryMembership:
        """See `OwnerLog`."""
        return self.member

    def tenure(self, partition: int) -> MemoryTenure:
        """See `OwnerLog`."""
        return MemoryTenure(self._log, self._name, partition, inputs=self._inputs, events=self._events)

    def producer(self) -> MemoryProducer:
        """See `OwnerLog`."""
        return MemoryProducer(self._log)
