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
