"""A small county of owners over the seeded in-memory log: commands, dying and lingering members, a judgement."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from random import Random
from typing import Any

from tests.counter import CounterKernel, Counts, as_append, note, regions_of
from tocsin.codec.wire import chain_hash, decode_event
from tocsin.envelope import Event
from tocsin.incident.events import NoteAdded
from tocsin.log.deadletters import read_dead_letter
from tocsin.log.fold import Fold
from tocsin.log.ledger import chain_of
from tocsin.log.memory import Faults, MemoryGroup, MemoryLog, MemoryOwnerLog, MemoryProducer
from tocsin.log.owner import OwnerOptions
from tocsin.log.owners import Owners
from tocsin.log.port import Append, Fenced, LogUnavailable
from tocsin.log.topics import DEADLETTER
from tocsin.outcomes import CommandRepeated, InputDeadLettered, InputForwarded

PARTITIONS = 2
TURNS_MAX = 60_000
WORDS = ("n", "n", "n", "many:3", "crash:", "evolve:", "prepare:", "n")


async def turn(_: float = 0.0) -> None:
    """Time does not pass here: a pause is a turn."""
    await asyncio.sleep(0)


class Member:
    """One process."""

    def __init__(self, world: "World") -> None:
        kernel = world.kernel
        self.log = MemoryOwnerLog(world.log, world.group, kernel.name, inputs=kernel.inputs, events=kernel.events)
        options = OwnerOptions(partitions=PARTITIONS, sleep=turn, batch=world.rng.choice((1, 3, 8)))
        self.owners: Owners[Counts] = Owners(kernel, self.log, options)
        self.task = asyncio.create_task(self._run())
        self.clerk = asyncio.create_task(self._anchor(world.anchored))
        self.lingers = False

    async def _run(self) -> None:
        try:
            await self.owners.run()
        except (Fenced, LogUnavailable):
            return

    async def _anchor(self, anchored: set[tuple[str, int, bytes]]) -> None:
        """Notes the heads of all chains between two batches, as the anchors outside the log are made."""
        while True:
            for p, owner in list(self.owners.owned.items()):
                with contextlib.suppress(LogUnavailable):
                    async with owner.between_batches():
                        anchored |= {(chain_of(r, p), h.seq, h.hash) for r, h in owner.fold.ledger.heads.items()}
            await asyncio.sleep(0)

    async def die(self) -> None:
        """As by kill -9: nothing is finished, nothing is left properly."""
        self.log.member.dead = True
        tasks = [self.task, self.clerk, *self.owners._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class World:
    """One history."""

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, Random(seed)
        rate = self.rng.choice((0.0, 0.02, 0.1))
        self.faults = Faults(
            unknown=rate,
            timed_out=rate / 3,
            unavailable=rate / 2,
            stale=rate * 3,
            slow=self.rng.choice((0.0, 0.3, 0.6)),
        )
        self.log = MemoryLog(partitions=PARTITIONS, rng=self.rng, faults=self.faults)
        self.group = MemoryGroup(self.log)
        self.kernel = CounterKernel("sim")
        self.members: list[Member] = []
        self.acknowledged: list[tuple[str, int, int]] = []
        self.anchored: set[tuple[str, int, bytes]] = set()

    async def play(self) -> None:
        """Posts, breaks, heals, and waits until everything posted has been decided."""
        self.members.append(Member(self))
        chaos = asyncio.create_task(self._chaos())
        await self._post()
        await chaos
        self.faults.unknown = self.faults.timed_out = self.faults.unavailable = self.faults.stale = 0.0
        for turns in range(TURNS_MAX):
            await asyncio.sleep(0)
            if not any(not m.task.done() and m.log.member in self.group.members for m in self.members):
                self.members.append(Member(self))
                await asyncio.sleep(0)
            if not turns % 25 and self._decided():
                return
        raise AssertionError(f"stuck: {[(p, o.phase) for m in self.members for p, o in m.owners.owned.items()]}")

    async def _post(self) -> None:
        producer = MemoryProducer(self.log)
        regions = [r for p in range(PARTITIONS) for r in regions_of(p, PARTITIONS, 2)]
        ids = 0
        for _ in range(self.rng.randint(4, 18)):
            roll = self.rng.random()
            ids += roll > 0.15 or not ids
            topic = self.kernel.urgent if self.rng.random() < 0.6 else self.kernel.routine
            command = note(f"c{ids}", regions[ids % len(regions)], WORDS[ids * 7 % len(WORDS)])
            append = as_append(topic, command, PARTITIONS)
            if roll > 0.9:
                append = append._replace(partition=1 - append.partition)
            elif roll > 0.84:
                append = append._replace(value=b"\xff\xfe garbage")
            await self._until_taken(producer, append)

    async def _until_taken(self, producer: MemoryProducer, append: Append) -> None:
        while True:
            try:
                stood = await producer.append(append)
            except LogUnavailable:
                continue
            self.acknowledged.append((stood.topic, stood.partition, stood.offset))
            return

    async def _chaos(self) -> None:
        for _ in range(self.rng.randint(0, 5)):
            for _ in range(self.rng.randint(1, 60)):
                await asyncio.sleep(0)
            alive = [m for m in self.members if not m.task.done() and m.log.member in self.group.members]
            act = self.rng.choice(("join", "die", "expel", "stop"))
            if act == "join" or not alive:
                if len(alive) < 3:
                    self.members.append(Member(self))
                continue
            member = self.rng.choice(alive)
            if act == "die":
                await member.die()
                await self.group.expel(member.log.member)
            elif act == "expel":
                await self.group.expel(member.log.member)
            else:
                member.owners.stop()

    async def end(self) -> None:
        """Ends every process."""
        for member in self.members:
            await member.die()

    def _decided(self) -> bool:
        for p in range(PARTITIONS):
            done: dict[str, int] = {}
            for r in self.log.committed(self.kernel.events.name)[p]:
                source = decode_event(r.value or b"").source
                done[source.topic] = max(done.get(source.topic, 0), source.offset + 1)
            if any(done.get(t.name, 0) < self.log.end((t.name, p)) for t in self.kernel.inputs):
                return False
        return True

    def judge(self) -> None:
        """Every invariant, over what a read_committed reader sees."""
        everywhere = {
            p: [decode_event(r.value or b"") for r in rs]
            for p, rs in self.log.committed(self.kernel.events.name).items()
        }
        self._invariant_1_nothing_lost(everywhere)
        self._invariant_2_one_decision(everywhere)
        self._invariant_3_one_owner(everywhere)
        self._invariant_5_replay()
        self._invariant_6_chain()

    def _invariant_1_nothing_lost(self, everywhere: dict[int, list[Event[Any]]]) -> None:
        sources = {(e.source.topic, p, e.source.offset) for p, es in everywhere.items() for e in es}
        assert set(self.acknowledged) <= sources
        buried = {(e.source.topic, p, e.source.offset) for p, es in everywhere.items() for e in es
                  if isinstance(e.data, InputDeadLettered)}  # fmt: skip
        letters = [read_dead_letter(r) for rs in self.log.committed(DEADLETTER.name).values() for r in rs]
        assert buried <= {(x.topic, x.partition, x.offset) for x in letters if x is not None}
        forwarded = {e.data.command_id for es in everywhere.values() for e in es if isinstance(e.data, InputForwarded)}
        assert forwarded <= {e.command_id for es in everywhere.values() for e in es}

    def _invariant_2_one_decision(self, everywhere: dict[int, list[Event[Any]]]) -> None:
        ids = Counter(e.event_id for es in everywhere.values() for e in es)
        assert not [i for i, n in ids.items() if n > 1]
        decisions = Counter(
            e.command_id for es in everywhere.values() for e in es
            if e.index == 0 and not isinstance(e.data, CommandRepeated)
        )  # fmt: skip
        assert not [i for i, n in decisions.items() if n > 1]
        outputs = Counter(r.value for rs in self.log.committed(self.kernel.out.name).values() for r in rs)
        notes = {e.event_id.encode() for es in everywhere.values() for e in es if isinstance(e.data, NoteAdded)}
        assert set(outputs) == notes
        assert all(n == 1 for n in outputs.values())

    def _invariant_3_one_owner(self, everywhere: dict[int, list[Event[Any]]]) -> None:
        for p, events in everywhere.items():
            decided: dict[str, list[int]] = defaultdict(list)
            group: list[Event[Any]] = []
            for e in events:
                assert e.source.partition == p
                if e.index == 0:
                    assert not group or len(group) == group[0].count
                    group = []
                    decided[e.source.topic].append(e.source.offset)
                assert not group or group[0].source == e.source
                group.append(e)
            for topic, offsets in decided.items():
                assert offsets == list(range(self.log.end((topic, p)))), (topic, p)

    def _invariant_5_replay(self) -> None:
        for p, records in self.log.committed(self.kernel.events.name).items():
            folds = [Fold(self.kernel, p) for _ in range(2)]
            for fold in folds:
                for r in records:
                    fold.read(r)
            assert folds[0].standing() == folds[1].standing()
            for member in self.members:
                owner = member.owners.owned.get(p)
                if owner is None or owner.phase != "deciding" or member.log.member not in self.group.members:
                    continue
                fold = Fold(self.kernel, p)
                for r in records:
                    if r.offset < owner.fold.offset:
                        fold.read(r)
                live, again = owner.fold.standing(), fold.standing()
                assert (live.state_hash, live.heads, live.positions) == (again.state_hash, again.heads, again.positions)

    def _invariant_6_chain(self) -> None:
        stood: set[tuple[str, int, bytes]] = set()
        for p, records in self.log.committed(self.kernel.events.name).items():
            heads: dict[str, tuple[int, bytes]] = {}
            for r in records:
                event = decode_event(r.value or b"")
                chain = chain_of(event.region, p)
                seq, before = heads.get(chain, (0, b""))
                assert (event.seq, event.prev_hash) == (seq + 1, before)
                heads[chain] = (event.seq, chain_hash(r.value or b""))
                stood.add((chain, *heads[chain]))
        assert self.anchored <= stood, "a head was anchored that is not on the log"
