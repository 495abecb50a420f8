"""Deciding processes that sleep, come and go under load: one owner a partition, nothing twice, nobody waits."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.faults.stage import (
    REGIONS,
    SEED,
    Callers,
    Figures,
    Ledger,
    Screen,
    gone,
    judge,
    log_of,
    owners_on_disk,
    pid_of,
    ready,
    recorded,
    verified,
    within,
)
from tests.support import LONG, deployed, eventually, free_ports, stretched
from tocsin.cli.deployment import Deployment
from tocsin.cli.plan import UpPlan
from tocsin.log.partition import partition_of
from tocsin.log.topics import EMS_EVENTS, INCIDENT_EVENTS, ROUTINE, URGENT, Topic

RATE = 200 if LONG else 15
ROUNDS = 20 if LONG else 2
TAKEN_OVER_S = 30
TRANSACTION_S = 10
OTHERS_S_MAX = 1.0
STAYS_OPEN_S = 1.0
pytestmark = [
    pytest.mark.broker,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(1800),
]


class Router:
    """A further router of the deployment, in a slot of its own; the test's to start and end."""

    def __init__(self, deployment: Deployment, slot: int, port: int) -> None:
        base = int(deployment.notifier.rpartition(":")[2])
        plan = UpPlan(data_dir=Path(deployment.data_dir), port_base=base, partitions=deployment.partitions)
        self.port = port
        self.url = f"http://127.0.0.1:{self.port}"
        env = plan.env(deployment.bootstrap) | {"TOCSIN_SLOT": str(slot), "TOCSIN_PORT": str(self.port)}
        with (Path(deployment.data_dir) / "logs" / f"router-{slot}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.router"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def end(self, what: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal; the exit code."""
        if self.process.poll() is None:
            for each in (what, signal.SIGCONT):
                self.process.send_signal(each)
        return await asyncio.to_thread(self.process.wait, stretched(15))


class Site:
    """The deployment with its further routers."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self.deployment, self.folder = deployment, folder
        self.routers: dict[int, Router] = {}
        self._ports = free_ports(4)

    def join(self, slot: int) -> Router:
        """Starts a router in a slot."""
        self.routers[slot] = Router(self.deployment, slot, self._ports + slot)
        return self.routers[slot]

    async def leave(self, slot: int, what: signal.Signals = signal.SIGTERM) -> None:
        """Ends it."""
        await self.routers.pop(slot).end(what)

    async def owned(self, url: str) -> dict[int, Any]:
        """The partitions a router decides now; none where it does not answer."""
        headers = {"Authorization": f"Bearer {self.deployment.tokens['auditor']}"}
        with contextlib.suppress(httpx.HTTPError, ValueError):
            async with httpx.AsyncClient(headers=headers, timeout=10) as client:
                answer = await client.get(f"{url}/state")
                return {int(p): s for p, s in answer.json().items()} if answer.status_code == 200 else {}
        return {}

    async def shares(self) -> list[set[int]]:
        """What each router decides: the deployment's own first."""
        urls = [self.deployment.router, *(r.url for r in self.routers.values())]
        return [set(await self.owned(u)) for u in urls]

    async def settled(self) -> list[set[int]]:
        """Until every partition has exactly one owner, and every router at least one partition."""

        async def once() -> list[set[int]]:
            for slot, router in self.routers.items():
                if router.process.poll() is not None:  # fenced: started anew, as a supervisor would
                    self.join(slot)
            shares = await self.shares()
            whole = sorted(p for s in shares for p in s) == list(range(self.deployment.partitions))
            return shares if whole and all(shares) else []

        return await eventually(once, seconds=60, every=0.1, what="every partition has one owner")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A deployment of this module's own."""
    folder = tmp_path_factory.mktemp("members")
    with deployed(folder / "data") as deployment:
        made = Site(deployment, folder)
        try:
            yield made
        finally:
            for slot in list(made.routers):
                await made.leave(slot, signal.SIGKILL)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def none_left(site: Site) -> AsyncIterator[None]:
    """A test that failed leaves no router of its own in the slot of the next one's."""
    yield
    for slot in list(site.routers):
        await site.leave(slot, signal.SIGKILL)


@contextlib.contextmanager
def asleep(pid: int) -> Iterator[None]:
    """A process stopped for the block, and woken whatever becomes of it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def under_load(site: Site, name: str, figures: Figures) -> AsyncIterator[tuple[Callers, Screen]]:
    """Callers and a console for the block; after it everything acknowledged is shown, and the whole log is judged."""
    callers, screen = Callers(site.deployment, Ledger(site.folder / f"ledger-{name}"), name), Screen(site.deployment)
    await screen.open()
    callers.start(RATE)
    try:
        await eventually(lambda: len(screen.shown) > RATE, seconds=60, what="calls are decided and shown")
        yield callers, screen
        await callers.stop()
        acknowledged = set(callers.ledger.read("acknowledged"))
        await eventually(lambda: acknowledged <= screen.shown.keys(), seconds=60, what="all calls are shown")
    finally:
        await callers.close()
        await screen.close()
    found = await log_of(site.deployment)
    figures.say(acknowledged=len(acknowledged), log=judge(found))
    counts = recorded(found)
    assert {c for c in acknowledged if counts[c] != 1} == set()
    assert set(screen.event_ids) <= {e.event_id for _, e in found}, "an event was shown that is not on the log"
    for partition in range(site.deployment.partitions):
        on_disk = owners_on_disk(Path(site.deployment.data_dir) / "kafka" / "node-1" / "data", partition)
        assert len({producer for _, producer, _ in on_disk}) <= 1
        epochs = [epoch for _, _, epoch in on_disk]
        assert epochs == sorted(epochs), f"partition {partition}: a former owner wrote after its successor"


async def test_invariant_3_a_router_that_slept_past_its_session_is_fenced(site: Site) -> None:
    """SIGSTOP past the session, another in a second slot, SIGCONT: nothing of the first after the new one's."""
    figures = Figures("zombie")
    async with under_load(site, "zombie", figures) as (callers, screen):
        old, everything = pid_of(site.deployment, "router"), set(range(site.deployment.partitions))
        with asleep(old):
            began = time.monotonic()
            second = site.join(1)
            await eventually(lambda: _all_of(site, second, everything), seconds=TAKEN_OVER_S, what="the second has all")
            taken_s = time.monotonic() - began
            before = len(screen.shown)
            await eventually(lambda: len(screen.shown) > before + RATE, seconds=30, what="the second decides")
        woken = time.monotonic()
        await site.settled()
        before = len(screen.shown)
        await eventually(lambda: len(screen.shown) > before + RATE, seconds=30, what="both decide")
        figures.say(
            taken_over_s=round(taken_s, 2), settled_s=round(time.monotonic() - woken, 2), sent=len(callers.answers),
            # Fenced, it exits; told first by the group, it gives its partitions up and joins anew. Either will do.
            ended=gone(old),
        )  # fmt: skip
    assert second.process.poll() is None, "the two fenced each other in turn"
    await site.leave(1)


async def _all_of(site: Site, router: Router, wanted: set[int]) -> bool:
    return set(await site.owned(router.url)) == wanted


async def test_invariants_2_and_3_hold_while_routers_come_and_go(site: Site) -> None:
    """Three routers join and leave, half of them by kill -9: one decision a command, urgent and routine together."""
    figures, rng = Figures("rebalances"), random.Random(SEED)
    async with under_load(site, "storm", figures) as (_, screen):
        for n in range(ROUNDS):
            for slot in (1, 2):
                if slot not in site.routers:
                    site.join(slot)
            shares = await site.settled()
            for url in (site.deployment.router, *(r.url for r in site.routers.values())):
                for standing in (await site.owned(url)).values():
                    assert set(standing["positions"]) <= {URGENT.name, ROUTINE.name}
            figures.say(round=n, shares=shares)
            before = len(screen.shown)
            slots = [1, 2] if n == ROUNDS - 1 else [rng.choice((1, 2))]
            for slot in slots:
                await site.leave(slot, rng.choice((signal.SIGTERM, signal.SIGKILL)))
            await eventually(
                lambda seen=before: len(screen.shown) > seen + RATE,
                seconds=30,
                what="calls are decided again",
            )
        await site.settled()


class Hidden:
    """How much of a topic stands behind an open transaction, by partition."""

    def __init__(self, deployment: Deployment, topic: Topic) -> None:
        self._places = [TopicPartition(topic.name, p) for p in range(deployment.partitions)]
        self._readers = [
            AIOKafkaConsumer(bootstrap_servers=deployment.bootstrap, isolation_level=level, enable_auto_commit=False)
            for level in ("read_committed", "read_uncommitted")
        ]

    async def __aenter__(self) -> Callable[[], Awaitable[set[int]]]:
        for reader in self._readers:
            await reader.start()
        return self.look

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            await reader.stop()

    async def look(self) -> set[int]:
        """The partitions that have such records, seen twice: what commits between two answers is no such record."""
        return await self._once() & await self._once()

    async def _once(self) -> set[int]:
        stable, end = [await r.end_offsets(self._places) for r in self._readers]
        return {tp.partition for tp in self._places if end[tp] > stable[tp]}


@contextlib.asynccontextmanager
async def pressed(callers: Callers, name: str, line: str) -> AsyncIterator[None]:
    """Four more callers on a line for the block, each calling again at once: who decides them is hardly ever idle."""
    over = asyncio.Event()

    async def call(who: int) -> None:
        n = 0
        while not over.is_set():
            await callers.insist(f"{name}-{who}-{n:05d}", line, "有人晕倒了", REGIONS[n % len(REGIONS)])
            n += 1

    async with asyncio.TaskGroup() as group:
        for who in range(4):
            group.create_task(call(who))
        try:
            yield
        finally:
            over.set()


async def hangs(pid: int, look: Callable[[], Awaitable[set[int]]], owned: set[int]) -> set[int]:
    """Stops a process until it is in the middle of a transaction; those of its partitions whose transaction hangs.

    One whose end was already on its way to the broker is open for a moment too: only what stays open hangs.
    """
    began = time.monotonic()
    while True:
        os.kill(pid, signal.SIGSTOP)
        stopped, hung = time.monotonic(), owned
        while hung and time.monotonic() - stopped < STAYS_OPEN_S:
            hung = await look() & hung
        if hung:
            return hung
        os.kill(pid, signal.SIGCONT)
        assert time.monotonic() - began < stretched(60), "never caught in the middle of a transaction"
        await asyncio.sleep(random.uniform(0.001, 0.05))


@contextlib.asynccontextmanager
async def stopped_in_the_middle(
    pid: int, topic: Topic, owned: set[int], site: Site, press: contextlib.AbstractAsyncContextManager[None]
) -> AsyncIterator[set[int]]:
    """A process stopped in the middle of a transaction for the block; those of its partitions whose transaction hangs.

    `press` is what keeps it writing until it is caught.
    """
    try:
        async with Hidden(site.deployment, topic) as look, press:
            hung = await hangs(pid, look, owned)
        yield hung
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def delivered(callers: Callers, screen: Screen, call_id: str, region: str, seconds: float) -> float:
    """Sends a 119 call of a region; seconds until it is shown."""
    began = time.monotonic()
    # Words that name no place: a place would outrank the region.
    await callers.insist(call_id, "119", "一栋楼着火了", region)
    await eventually(lambda: call_id in screen.shown, seconds=seconds + 20, every=0.01, what=f"{call_id} is shown")
    return screen.shown[call_id] - began


async def usually(callers: Callers, screen: Screen, name: str) -> float:
    """How long a 119 call takes to be shown while nothing is wrong: what delays every call is no fault's doing."""
    return max([await delivered(callers, screen, f"{name}-usual-{n}", REGIONS[n], OTHERS_S_MAX) for n in range(4)])


async def test_invariant_11_a_stopped_router_holds_up_its_own_regions_alone(site: Site) -> None:
    """Stopped in a transaction: others ≤ 1 s, its own within the time-out, the alarm's gauge up."""
    figures = Figures("router stopped in a transaction")
    second = site.join(1)
    mine, theirs = await site.settled()
    regions = {partition_of(r, site.deployment.partitions): r for r in ("430921", "430721", "430981", "000000")}
    async with under_load(site, "hung", figures) as (callers, screen):
        usual_s = await usually(callers, screen, "hung")
        press = pressed(callers, "pressed", "110")
        async with stopped_in_the_middle(second.process.pid, INCIDENT_EVENTS, theirs, site, press) as hung:
            other = next(r for p, r in regions.items() if p in mine)
            held = next((r for p, r in regions.items() if p in hung), "430921")
            began = time.monotonic()
            # The gauge is watched from the start: it falls again when the transaction's time is out.
            own_s, others_s, gauge = await asyncio.gather(
                delivered(callers, screen, "hung-own", held, TRANSACTION_S),
                delivered(callers, screen, "hung-other", other, OTHERS_S_MAX),
                eventually(lambda: _gauge(site), seconds=8, what="the stable-offset lag is reported"),
            )
            figures.say(
                hung=hung,
                usual_s=usual_s,
                others_s=others_s,
                own_s=own_s,
                gauge=gauge,
                until_s=time.monotonic() - began,
            )
    await site.leave(1)
    assert others_s <= within(OTHERS_S_MAX, usual_s)
    assert own_s <= within(TRANSACTION_S, usual_s)


async def _gauge(site: Site) -> float:
    async with httpx.AsyncClient(timeout=10) as client:
        lines = (await client.get(f"{site.deployment.router}/metrics")).text.splitlines()
    return max((float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith("tocsin_stable_offset_lag{")), default=0)


async def test_invariant_11_a_stopped_120_centre_holds_up_nobody(site: Site) -> None:
    """ems120 stopped in its transaction: a 119 call of any region is shown ≤ 1 s; afterwards the centre goes on."""
    figures = Figures("ems120 stopped in a transaction")
    await site.settled()
    async with under_load(site, "ems", figures) as (callers, screen):
        ems, everything = pid_of(site.deployment, "ems120"), set(range(site.deployment.partitions))
        regions = ("430921", "430721", "430981")
        usual_s = await usually(callers, screen, "ems")
        press = pressed(callers, "ems-pressed", "120")
        async with stopped_in_the_middle(ems, EMS_EVENTS, everything, site, press) as hung:
            took = [await delivered(callers, screen, f"ems-{r}", r, OTHERS_S_MAX) for r in regions]
        figures.say(hung=hung, usual_s=usual_s, shown_s=took)
        await eventually(lambda: ready(site.deployment, "ems120"), seconds=60, what="the 120 centre is ready again")
    assert max(took) <= within(OTHERS_S_MAX, usual_s)


async def test_invariants_3_and_6_hold_after_it(site: Site) -> None:
    """The replayed state is the live one and the chains are whole."""
    await site.settled()
    await asyncio.to_thread(verified, site.deployment)
