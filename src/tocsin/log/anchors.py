"""Chain heads kept outside the log: without them a tail cut off the log would go unseen (invariant 6)."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tocsin.log.fold import Fold
from tocsin.log.ledger import chain_of
from tocsin.log.owner import Owner
from tocsin.log.port import LogUnavailable

EVERY_S = 10.0


class Anchor(Struct, frozen=True, kw_only=True):
    """The head of a chain at a moment (`at`: the events' own time, Unix milliseconds): one line of `anchors.ndjson`."""

    at: int
    topic: str
    partition: int
    chain: str
    seq: int
    hash: str


class Anchors:
    """Appends the heads that have moved since last time to a file, fsynced. `owners` gives what is owned now."""

    def __init__(self, file: Path, topic: str, owners: Callable[[], Mapping[int, Owner[Any]]]) -> None:
        self._file, self._topic, self._owners = file, topic, owners
        self._written: dict[str, int] = {}

    async def run(self) -> None:
        """Every ten seconds. Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Now: what has moved. Only committed heads, so between two batches."""
        due: list[Anchor] = []
        for p, owner in list(self._owners().items()):
            # What failed meanwhile has no head that stands on the log: an anchor of it would cry wolf for ever.
            with contextlib.suppress(LogUnavailable):
                async with owner.between_batches():
                    due += self._due(p, owner.fold)
        if due:
            await asyncio.to_thread(self._append, due)
            self._written |= {a.chain: a.seq for a in due}

    def _due(self, partition: int, fold: Fold[Any]) -> list[Anchor]:
        at, heads = fold.ledger.recorded_at, fold.ledger.heads
        moved = [
            (chain_of(r, partition), h)
            for r, h in heads.items()
            if self._written.get(chain_of(r, partition), 0) < h.seq
        ]
        return [
            Anchor(at=at, topic=self._topic, partition=partition, chain=chain, seq=head.seq, hash=head.hash.hex())
            for chain, head in moved
        ]

    def _append(self, due: Sequence[Anchor]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as f:
            f.write(b"".join(msgspec.json.encode(a) + b"\n" for a in due))
            f.flush()
            os.fsync(f.fileno())


def read_anchors(file: Path) -> list[Anchor]:
    """All anchors of a file, oldest first; a line torn by a crash is passed over, it had not been acknowledged."""
    found = []
    for line in file.read_bytes().splitlines() if file.exists() else ():
        try:
            found.append(msgspec.json.decode(line, type=Anchor))
        except msgspec.DecodeError:
            continue
    return found
