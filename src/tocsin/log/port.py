"""What the rest of Tocsin may ask of a log. One contract suite runs over every implementation."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A record as read. `timestamp` is its append (or create) time in Unix milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int


class Append(NamedTuple):
    """A record to be written; the partition is always named (design: partition of a region)."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Appended(NamedTuple):
    """Where a record came to stand, and the log's time for it."""

    topic: str
    partition: int
    offset: int
    timestamp: int


class LogUnavailable(Exception):
    """The log did not answer (in time); nothing is known of what was sent. Safe to send again with the same ids."""


class RecordTooLarge(Exception):
    """The record is over the topic's size; sending it again cannot help."""


class Fenced(Exception):
    """Another owner has taken this partition: leave the group and exit (invariant 3)."""


class CommitUnknown(Exception):
    """A commit failed or its answer was lost: throw producer and state away, acquire only under a newer assignment."""


class Producer(Protocol):
    """Idempotent, acks=all, outside any transaction. Safe for many tasks at once; batches what comes together."""

    async def start(self) -> None:
        """Connects; LogUnavailable where it cannot."""

    async def append(self, record: Append) -> Appended:
        """Writes one record and waits for all in-sync replicas. LogUnavailable, RecordTooLarge."""

    async def append_all(self, records: Sequence[Append]) -> list[Appended]:
        """Writes many, in order per partition, and waits for all."""

    async def stop(self) -> None:
        """Flushes and closes."""


class Follower(Protocol):
    """Reads all partitions of some topics, read_committed, without a group, from positions the caller keeps."""

    async def start(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Begins at these next offsets; a partition not named begins at its first record."""

    def batches(self, *, max_records: int = 500, idle_ms: int = 200) -> AsyncIterator[list[Record]]:
        """Batches in offset order per partition; an empty batch when nothing came for `idle_ms`."""

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset of each partition, past transaction markers: caught up is `positions()[p] >= ends()[p]`."""

    async def ends(self) -> dict[tuple[str, int], int]:
        """The stable end (next offset) of each partition now."""

    async def stop(self) -> None:
        """Closes."""


class Seat(Protocol):
    """Who is told which partitions a member has. `tocsin.log.owners` is the one that matters."""

    async def revoked(self) -> None:
        """All partitions are taken back. Returns once no decision is under way, within the session's length."""

    def assigned(self, partitions: frozenset[int]) -> None:
        """These partitions are ours under a newer assignment. Returns at once: folding happens elsewhere."""


class Membership(Protocol):
    """A place in the group that shares the partitions of one topic out (invariant 3)."""

    async def join(self, seat: Seat) -> None:
        """Joins; from now on `seat` is told of each assignment. LogUnavailable."""

    async def rejoin(self) -> None:
        """Leaves and joins anew, so that what is acquired next is acquired under a newer assignment."""

    async def confirm(self, partition: int, position: int) -> bool:
        """Whether the group, asked now, still counts this member as the partition's holder.

        `position` is the next offset to be decided; the group keeps it for lag displays alone.
        """

    async def leave(self) -> None:
        """Ends the membership."""


class Lag(NamedTuple):
    """How far behind a reader is: `records` not yet read, `unstable` hidden behind an open transaction."""

    topic: str
    partition: int
    records: int
    unstable: int


class Tenure(Protocol):
    """One partition's ownership: the transactional producer that fences the former owner, and the readers beside it."""

    async def acquire(self) -> int:
        """Fences the former owner, settles its open transaction; the end up to which the events must be folded.

        LogUnavailable, Fenced.
        """

    def history(self, start: int, end: int) -> AsyncIterator[list[Record]]:
        """Committed events from offset `start` up to `end`, in order; the last batch may be empty."""

    async def seek(self, positions: Mapping[str, int]) -> None:
        """Reads each input topic from these next offsets; a topic not named from its first record."""

    async def poll(self, *, limit: int, wait_ms: int) -> list[Record]:
        """Up to `limit` records, those of the first input topic before others; empty when none came in `wait_ms`."""

    async def commit(self, records: Sequence[Append]) -> list[Appended]:
        """Appends all or none. RecordTooLarge before anything is sent; Fenced; CommitUnknown."""

    def lags(self) -> list[Lag]:
        """How far the inputs are ahead of what was polled, as of the last answers of the log."""

    async def stop(self) -> None:
        """Closes producer and readers; an open transaction is left to be settled by the next owner."""


class OwnerLog(Protocol):
    """What an owner's process asks of a log."""

    def membership(self) -> Membership:
        """A place in the kernel's group."""

    def tenure(self, partition: int) -> Tenure:
        """A new tenure of a partition; made anew after each failure."""

    def producer(self) -> Producer:
        """The idempotent producer for forwards and dead letters."""
