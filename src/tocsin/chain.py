"""The hash chain of a region's events, walked and held against the heads kept outside the log (invariant 6)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tocsin.codec.text import plain
from tocsin.codec.wire import UnreadableRecord, chain_hash, decode_event
from tocsin.log.anchors import Anchor
from tocsin.log.ledger import chain_of


class BrokenLink(Struct, frozen=True, kw_only=True):
    """Where a chain does not hold, and what is wrong there."""

    topic: str
    chain: str
    partition: int
    offset: int
    seq: int
    what: str

    def shown(self) -> dict[str, Any]:
        """As JSON holds it."""
        return dict(plain(self))


class ChainWalk:
    """Walks the events of a topic's partitions, each in order. A chain is walked on after a broken link."""

    def __init__(self, topic: str, anchors: Iterable[Anchor] = ()) -> None:
        self.topic = topic
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.broken: list[BrokenLink] = []
        self.events = self.anchors_met = 0
        # An owner anchors the head it finds, so a restart names a head twice: each is held against the log, or else
        # the anchor of a head forged while it was down would stand in for the one that was written before.
        self._anchored: dict[str, dict[int, list[Anchor]]] = defaultdict(dict)
        for anchor in anchors:
            self._anchored[anchor.chain].setdefault(anchor.seq, []).append(anchor)

    def take(self, partition: int, offset: int, value: bytes) -> None:
        """Takes the next record of a partition."""
        self.events += 1
        try:
            event = decode_event(value)
        except UnreadableRecord as e:
            self._break("?", partition, offset, 0, f"cannot be read: {e}")
            return
        chain = chain_of(event.region, partition)
        seq, before = self.heads.get(chain, (0, b""))
        if event.seq != seq + 1:
            self._break(chain, partition, offset, event.seq, f"sequence number {event.seq} follows {seq}")
        elif event.prev_hash != before:
            self._break(chain, partition, offset, event.seq, "the hash of its predecessor is another one")
        head = chain_hash(value)
        self.heads[chain] = (event.seq, head)
        anchored = [a.hash == head.hex() for a in self._anchored.get(chain, {}).pop(event.seq, ())]
        self.anchors_met += sum(anchored)
        if not all(anchored):
            self._break(chain, partition, offset, event.seq, "another hash was anchored outside the log")

    def end(self) -> None:
        """After the last record: an anchor that was not met says that a tail is missing."""
        for chain, left in self._anchored.items():
            for seq in sorted(left)[:1]:
                self._break(
                    chain, left[seq][0].partition, -1, seq,
                    f"anchored outside the log, but the chain ends at {self.heads.get(chain, (0, b''))[0]}",
                )  # fmt: skip

    def _break(self, chain: str, partition: int, offset: int, seq: int, what: str) -> None:
        self.broken.append(
            BrokenLink(topic=self.topic, chain=chain, partition=partition, offset=offset, seq=seq, what=what)
        )
