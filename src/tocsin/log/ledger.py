"""What an owner keeps of the log itself: how far inputs are decided, known command ids, chain heads, the last time."""

import hashlib
from typing import Any

from tocsin.codec.wire import chain_hash
from tocsin.envelope import Event, Frozen, Ms, Source

DAY_MS = 86_400_000
PRUNE_EVERY = 4096
"""Events between two prunings of known ids: keeps its cost out of the fold's speed."""
KNOWN_ID_DAYS = 36
"""Days of event time a command id stays known (design, invariant 2: at least 35, longer than any spool or retry)."""


class Head(Frozen, frozen=True):
    """The last event of a chain: its sequence number and its record's bytes (hashed only when asked for)."""

    seq: int = 0
    value: bytes = b""

    @property
    def hash(self) -> bytes:
        """The hash by which the chain's next event names this one; empty before the first."""
        return chain_hash(self.value) if self.value else b""


NO_HEAD = Head()


def chain_of(region: str, partition: int) -> str:
    """The chain a record belongs to: its region's, or the partition's own where it has none."""
    return region or f"-p{partition}"


class Ledger:
    """Folds the envelope of every event of one partition. The same whether live or replayed."""

    def __init__(self, partition: int, *, known_ms: int = KNOWN_ID_DAYS * DAY_MS) -> None:
        self.partition = partition
        self.positions: dict[str, int] = {}
        self.heads: dict[str, Head] = {}
        self.recorded_at: Ms = 0
        self.events = 0
        self._known: dict[str, Ms] = {}
        self._source: Source | None = None
        self._known_ms = known_ms

    def take(self, event: Event[Any], value: bytes) -> None:
        """Notes an event: its source is decided, its command id known, it is its chain's head."""
        source, at = event.source, event.recorded_at
        if source is not self._source:  # the same value again for each further event of a decision
            self._source = source
            if source.offset >= self.positions.get(source.topic, 0):
                self.positions[source.topic] = source.offset + 1
        self.heads[event.region or f"-p{self.partition}"] = Head(event.seq, value)
        self.recorded_at = max(self.recorded_at, at)
        self.events += 1
        if event.index == 0 and event.command_id not in self._known:
            self._known[event.command_id] = event.recorded_at
        if not self.events % PRUNE_EVERY:
            self.prune()

    def take_decision(self, first: Event[Any], last: Event[Any], value: bytes) -> None:
        """`take` for all events of one decision at once, `value` being the last one's bytes: the same in the end."""
        before = self.events
        self.take(first, value)
        if last is not first:
            self.heads[chain_of(last.region, self.partition)] = Head(last.seq, value)
            self.events = before + last.index - first.index + 1
            if self.events // PRUNE_EVERY > (before + 1) // PRUNE_EVERY:
                self.prune()

    def prune(self) -> int:
        """Forgets ids older than the window, oldest first; how many. Done at the same events live and in a fold."""
        horizon, old = self.recorded_at - self._known_ms, []
        # Ids are entered in the order of record time, so the old ones all stand at the front.
        for command_id, at in self._known.items():
            if at >= horizon:
                break
            old.append(command_id)
        for command_id in old:
            del self._known[command_id]
        return len(old)

    def knows(self, command_id: str) -> bool:
        """Whether this command has been decided here within the window."""
        return command_id in self._known

    def too_old(self, issued_at: Ms, recorded_at: Ms) -> bool:
        """Whether a command is so old that a repeat of it could no longer be told: then a person decides."""
        return 0 < issued_at < recorded_at - self._known_ms + DAY_MS

    @property
    def known_ids(self) -> int:
        """How many ids are known."""
        return len(self._known)

    def position(self, topic: str) -> int:
        """The next offset of an input topic to be decided."""
        return self.positions.get(topic, 0)

    def head(self, region: str) -> Head:
        """The head of a region's chain."""
        return self.heads.get(chain_of(region, self.partition), NO_HEAD)

    def digest(self) -> bytes:
        """A hash of positions, heads and time: equal for equal histories."""
        h = hashlib.blake2b(digest_size=32)
        for topic, offset in sorted(self.positions.items()):
            h.update(f"{topic}\x1f{offset}\x1e".encode())
        for region, head in sorted(self.heads.items()):
            h.update(f"{region}\x1f{head.seq}\x1f".encode() + head.hash)
        h.update(str(self.recorded_at).encode())
        return h.digest()
