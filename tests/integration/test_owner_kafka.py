"""The partition owner on a real broker: takeovers, members that come and go, lost answers, poison, foreign keys."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest

from tests.counter import CounterKernel, Counts, as_append, note, regions_of
from tests.support import eventually, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics
from tocsin.codec.wire import chain_hash, decode_event
from tocsin.envelope import Event
from tocsin.log.deadletters import put_back, read_dead_letter
from tocsin.log.fold import Fold
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.membership import KafkaOwnerLog
from tocsin.log.owner import OwnerOptions
from tocsin.log.owners import Owners
from tocsin.log.port import Append, CommitUnknown, Fenced, Record
from tocsin.log.tenure import KafkaTenure
from tocsin.log.topics import DEADLETTER
from tocsin.outcomes import CommandRepeated, InputDeadLettered, InputForwarded
from tocsin.runtime.settings import Settings

PARTITIONS = 3
_names = count()
pytestmark = pytest.mark.broker


class Stage:
    """A broker with topics of its own, processes to start, and what stands on the log."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.kernel = CounterKernel(f"owner{next(_names)}")
        self.settings = Settings(kafka_bootstrap=bootstrap, partitions=PARTITIONS)
        self.regions = [regions_of(p, PARTITIONS, 1)[0] for p in range(PARTITIONS)]
        self.tasks: list[asyncio.Task[None]] = []
        self.running: list[Owners[Counts]] = []
        self.producer = KafkaProducer(self.settings)

    async def start(self) -> None:
        """Topics and a producer."""
        await ensure_topics(self.settings, [*self.kernel.topics, DEADLETTER])
        await self.producer.start()

    def process(self, slot: int = 0) -> Owners[Counts]:
        """Starts a deciding process (its tasks run in this one)."""
        settings = self.settings.model_copy(update={"slot": slot})
        owners: Owners[Counts] = Owners(
            self.kernel, KafkaOwnerLog(settings, self.kernel), OwnerOptions(partitions=PARTITIONS, wait_ms=50)
        )
        self.running.append(owners)
        self.tasks.append(asyncio.create_task(owners.run()))
        return owners

    async def post(self, *appends: Append) -> None:
        """Appends commands."""
        await self.producer.append_all(appends)

    async def events(self, where: Callable[[list[tuple[Record, Event[Any]]]], bool]) -> list[tuple[Record, Event[Any]]]:
        """Reads the events from 0 until `where` holds of them."""
        follower = KafkaFollower(self.settings, [self.kernel.events])
        await follower.start({})
        found: list[tuple[Record, Event[Any]]] = []
        try:
            async with asyncio.timeout(stretched(60)):
                async for batch in follower.batches(idle_ms=100):
                    found += [(r, decode_event(r.value or b"")) for r in batch]
                    if where(found):
                        return found
        finally:
            await follower.stop()
        raise AssertionError("the events ended")

    async def end(self) -> None:
        """Stops every process."""
        for owners in self.running:
            owners.stop()
        await asyncio.wait_for(asyncio.gather(*self.tasks, return_exceptions=True), stretched(60))
        await self.producer.stop()


@pytest.fixture
async def stage(broker: EmbeddedKafka) -> AsyncIterator[Stage]:
    """A stage on the session's broker."""
    made = Stage(broker.bootstrap)
    try:
        await made.start()
        yield made
    finally:
        await made.end()


def decided(n: int) -> Callable[[list[tuple[Record, Event[Any]]]], bool]:
    """Whether n commands have been decided."""
    return lambda found: len({e.command_id for _, e in found}) >= n


def judge(found: list[tuple[Record, Event[Any]]]) -> None:
    """Invariants 2, 3 and 6 over a log: each id once, sources without a gap, chains whole."""
    assert not [i for i, n in Counter(e.event_id for _, e in found).items() if n > 1]
    first = Counter(e.command_id for _, e in found if e.index == 0 and not isinstance(e.data, CommandRepeated))
    assert not [i for i, n in first.items() if n > 1]
    heads: dict[tuple[int, str], tuple[int, bytes]] = {}
    offsets: dict[tuple[str, int], list[int]] = {}
    for r, e in found:
        seq, before = heads.get((r.partition, e.region), (0, b""))
        assert (e.seq, e.prev_hash) == (seq + 1, before)
        heads[r.partition, e.region] = (e.seq, chain_hash(r.value or b""))
        if e.index == 0:
            offsets.setdefault((e.source.topic, r.partition), []).append(e.source.offset)
    for seen in offsets.values():
        assert seen == list(range(len(seen)))


async def test_invariant_3_a_zombie_is_fenced_and_ends(stage: Stage) -> None:
    """A process whose partitions were taken over unknown to it raises Fenced; nothing of it is read afterwards."""
    owners = stage.process(0)
    await stage.post(*(as_append(stage.kernel.urgent, note(f"a{i}", stage.regions[0]), PARTITIONS) for i in range(5)))
    await stage.events(decided(5))
    # Of another deployment, by mistake on the same topics: it must not decide beside the one that is there.
    strange = stage.settings.model_copy(update={"instance": "other"})
    thief = KafkaOwnerLog(strange, stage.kernel).tenure(0)
    await thief.acquire()
    await stage.post(as_append(stage.kernel.urgent, note("a5", stage.regions[0]), PARTITIONS))
    with pytest.raises(Fenced):
        await asyncio.wait_for(asyncio.shield(stage.tasks[0]), stretched(60))
    assert owners.unready() is not None
    await thief.stop()
    stage.process(0)
    judge(await stage.events(decided(6)))


async def test_invariant_3_a_transaction_cut_off_in_the_middle_leaves_nothing(stage: Stage) -> None:
    """What a dead owner had produced without committing is aborted by its successor, and decided once by it."""
    await stage.post(as_append(stage.kernel.urgent, note("m1", stage.regions[1]), PARTITIONS))
    dead: Any = KafkaOwnerLog(stage.settings, stage.kernel).tenure(1)
    await dead.acquire()
    await dead._producer.begin_transaction()
    sent = await dead._producer.send(stage.kernel.events.name, value=b"torn", partition=1)
    await sent
    stage.process(0)
    found = await stage.events(decided(1))
    await dead.stop()
    judge(found)
    assert [e.command_id for _, e in found] == ["m1"]


@pytest.mark.parametrize("took_place", [True, False])
async def test_invariant_3_an_unknown_commit_is_found_out_by_folding(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, took_place: bool
) -> None:
    """The answer to a commit is lost, after it took place or before: nothing is torn, nothing decided twice."""
    honest, lost = KafkaTenure.commit, [2]

    async def commit(self: KafkaTenure, records: Any) -> Any:
        if lost[0] and any(b"u3" in (r.value or b"") for r in records):
            lost[0] -= 1
            if took_place:
                await honest(self, records)
            raise CommitUnknown("the answer was swallowed")
        return await honest(self, records)

    monkeypatch.setattr(KafkaTenure, "commit", commit)
    stage.process(0)
    for i in range(6):
        await stage.post(as_append(stage.kernel.urgent, note(f"u{i}", stage.regions[2]), PARTITIONS))
    found = await stage.events(decided(6))
    judge(found)
    assert [e.command_id for _, e in found] == [f"u{i}" for i in range(6)]


async def test_invariant_2_one_decision_per_command_and_repeats_are_answered(stage: Stage) -> None:
    """A command id that comes again leaves CommandRepeated, also after a restart that folds from the log."""
    first = stage.process(0)
    same = as_append(stage.kernel.urgent, note("twice", stage.regions[0]), PARTITIONS)
    await stage.post(same, same)
    await stage.events(lambda found: len(found) >= 2)
    first.stop()
    await asyncio.wait_for(stage.tasks[0], stretched(60))
    stage.process(0)
    await stage.post(same)
    found = await stage.events(lambda seen: len(seen) >= 3)
    judge(found)
    assert [e.type for _, e in found] == ["NoteAdded", "CommandRepeated", "CommandRepeated"]


async def test_a_foreign_partition_is_mended_by_forwarding(stage: Stage) -> None:
    """A command written to another partition than its region's is forwarded and decided there, once."""
    stage.process(0)
    wrong = as_append(stage.kernel.urgent, note("f1", stage.regions[0]), PARTITIONS, partition=1)
    await stage.post(wrong)
    # Two partitions have no order between them: either event may be read first.
    found = await stage.events(lambda seen: {r.partition for r, _ in seen} >= {0, 1})
    judge(found)
    by_partition = {r.partition: e for r, e in found}
    assert (by_partition[1].type, by_partition[0].type) == ("InputForwarded", "NoteAdded")
    assert isinstance(by_partition[1].data, InputForwarded)


async def test_poison_is_a_dead_letter_and_the_partition_goes_on(stage: Stage) -> None:
    """Garbage and commands that crash the rules: bytes with source and error among the dead letters; then put back."""
    stage.process(0)
    k, region = stage.kernel, stage.regions[0]
    garbage = as_append(k.urgent, note("x", region), PARTITIONS)._replace(value=b"\xff\xfe no protobuf")
    bad = [as_append(k.urgent, note(w, region, f"{w}:"), PARTITIONS) for w in ("crash", "evolve", "prepare")]
    await stage.post(garbage, *bad, as_append(k.urgent, note("after", region), PARTITIONS))
    found = await stage.events(lambda seen: any(e.command_id == "after" for _, e in seen))
    judge(found)
    dead = [e for _, e in found if isinstance(e.data, InputDeadLettered)]
    assert [e.source.offset for e in dead] == [0, 1, 2, 3]
    letters = await _letters(stage)
    assert [(x.topic, x.offset, x.stage) for x in letters] == [
        (k.urgent.name, 0, "decode"), (k.urgent.name, 1, "decide"), (k.urgent.name, 2, "evolve"),
        (k.urgent.name, 3, "prepare"),
    ]  # fmt: skip
    assert letters[0].value == garbage.value
    again = put_back(letters[1], letters[1].partition)
    await stage.post(again, again)
    found = await stage.events(lambda seen: len([1 for _, e in seen if e.command_id == "crash"]) >= 4)
    judge(found)
    assert [e.type for _, e in found if e.command_id == "crash"][2:] == ["CommandRepeated", "CommandRepeated"]


async def _letters(stage: Stage) -> list[Any]:
    follower = KafkaFollower(stage.settings, [DEADLETTER])
    await follower.start({})
    found: list[Any] = []
    try:
        async with asyncio.timeout(stretched(60)):
            async for batch in follower.batches(idle_ms=50):
                found += [x for r in batch if (x := read_dead_letter(r)) and x.topic == stage.kernel.urgent.name]
                if len(found) >= 4:
                    return found
    finally:
        await follower.stop()
    return found


async def test_invariant_5_replay_gives_the_hash_the_owner_reports(stage: Stage) -> None:
    """Folded from 0, in other batches and in a fold of its own, the state's hash is the live one at the same offset."""
    owners = stage.process(0)
    await stage.post(
        *(as_append(stage.kernel.urgent, note(f"r{i}", stage.regions[i % 3], "many:3"), PARTITIONS) for i in range(40))
    )
    found = await stage.events(decided(40))
    standings = await eventually(lambda: _complete(owners), what="all partitions report")
    for p, live in standings.items():
        fold = Fold(stage.kernel, p)
        for r, _ in found:
            if r.partition == p and r.offset < live.offset:
                fold.read(r)
        assert fold.standing().state_hash == live.state_hash


async def _complete(owners: Owners[Counts]) -> dict[int, Any]:
    found = await owners.standings()
    return found if len(found) == PARTITIONS and sum(s.events for s in found.values()) == 120 else {}


async def test_three_members_join_and_leave_under_load(stage: Stage) -> None:
    """Members come and go while commands come in: each is decided once, in order, by one owner at a time."""
    stage.process(0)
    total = 600

    async def load() -> None:
        for i in range(total):
            topic = stage.kernel.urgent if i % 3 else stage.kernel.routine
            await stage.post(as_append(topic, note(f"l{i}", stage.regions[i % 3]), PARTITIONS))

    loading = asyncio.create_task(load())
    await stage.events(decided(50))
    second = stage.process(1)
    await eventually(lambda: second.joined, seconds=40)
    third = stage.process(2)
    await eventually(lambda: third.joined, seconds=40)
    second.stop()
    await asyncio.wait_for(stage.tasks[1], stretched(60))
    await loading
    judge(await stage.events(decided(total)))
