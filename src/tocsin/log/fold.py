"""The fold of one partition's events: kernel state and ledger together. Owner, replay and tests all use this one."""

import hashlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from tocsin.codec.wire import decode_event
from tocsin.envelope import Event
from tocsin.log.kernel import Folding
from tocsin.log.ledger import Ledger
from tocsin.log.port import Record
from tocsin.log.stamp import Stamped

S = TypeVar("S")


class Standing(Struct, frozen=True, kw_only=True):
    """A partition's state at an offset, as `/state` reports it and replay compares it."""

    offset: int
    state_hash: str
    events: int
    recorded_at: int
    heads: dict[str, str]
    positions: dict[str, int]


class Fold(Generic[S]):
    """A partition's state. `offset` is the next event offset to fold: all committed before it is in."""

    def __init__(self, kernel: Folding[S], partition: int, *, ledger: Ledger | None = None) -> None:
        self.kernel = kernel
        self.partition = partition
        self.state = kernel.initial()
        self.ledger = ledger or Ledger(partition)
        self.offset = 0

    def take(self, event: Event[Any], value: bytes) -> None:
        """Takes one event and its bytes."""
        self.kernel.evolve(self.state, event)
        self.ledger.take(event, value)

    def take_decision(self, stamped: Sequence[Stamped]) -> None:
        """Takes all events of one decision, just made."""
        evolve, state = self.kernel.evolve, self.state
        for s in stamped:
            evolve(state, s.event)
        last = stamped[-1]
        self.ledger.take_decision(stamped[0].event, last.event, last.value)

    def read(self, record: Record) -> Event[Any]:
        """Takes a record as read from the log; UnreadableRecord where it is no event this version knows."""
        value = record.value or b""
        event = decode_event(value)
        self.take(event, value)
        self.offset = record.offset + 1
        return event

    def standing(self) -> Standing:
        """The state's hash and what it stands on. Costs a walk over the state, so it is made only when asked for."""
        whole = hashlib.blake2b(self.kernel.digest(self.state) + self.ledger.digest(), digest_size=32).hexdigest()
        return Standing(
            offset=self.offset, state_hash=whole, events=self.ledger.events, recorded_at=self.ledger.recorded_at,
            heads={r: f"{h.seq}:{h.hash.hex()}" for r, h in sorted(self.ledger.heads.items())},
            positions=dict(sorted(self.ledger.positions.items())),
        )  # fmt: skip
