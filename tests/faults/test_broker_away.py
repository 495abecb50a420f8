"""The one broker killed and started again under load: taken into the spool, drained in order, nothing lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.stage import Callers, Figures, Ledger, Screen, environment, judge, log_of, recorded, verified
from tests.support import LONG, deployed, eventually, free_ports, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.cli.deployment import Deployment

RATE = 200 if LONG else 20
TIMES = 5 if LONG else 1
DRAINED_S_MAX = 30
pytestmark = [
    pytest.mark.broker,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(1800),
]


class Site:
    """A deployment on a broker that is the test's to kill."""

    def __init__(self, kafka: EmbeddedKafka, deployment: Deployment, folder: Path) -> None:
        self.kafka, self.deployment, self.folder = kafka, deployment, folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Broker and deployment of this module's own."""
    folder = tmp_path_factory.mktemp("away")
    async with EmbeddedKafka(folder / "kafka", free_ports(8)) as kafka:
        with (
            environment(TOCSIN_KAFKA_BOOTSTRAP=kafka.bootstrap, TOCSIN_REPLICAS="1"),
            deployed(folder / "data") as deployment,
        ):
            yield Site(kafka, deployment, folder)


async def depth(deployment: Deployment) -> float:
    """Records in intake's spool."""
    async with deployment.async_client("intake") as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith("tocsin_spool_depth "))


async def witness(callers: Callers, line: str, text: str, stop: asyncio.Event) -> list[str]:
    """One caller who rings again only after an answer: what the log must hold in this very order."""
    sent = []
    while not stop.is_set():
        call_id = f"{callers.prefix}-w{line}-{len(sent):05d}"
        await callers.insist(call_id, line, text)
        sent.append(call_id)
        await asyncio.sleep(0.05)
    return sent


async def test_invariant_1_calls_outlast_the_broker_and_keep_their_order(site: Site) -> None:
    """The broker killed under load: 202 `spooled`; back again: drained ≤ 30 s, each recorded once, in its order."""
    figures, deployment = Figures("broker killed under load"), site.deployment
    callers = Callers(deployment, Ledger(site.folder / "ledger"), "away")
    screen, stop, drained = Screen(deployment), asyncio.Event(), []
    await screen.open()
    callers.start(RATE)
    ringing = [asyncio.create_task(witness(callers, *w, stop)) for w in (("119", "着火了"), ("12345", "路灯坏了"))]
    try:
        for _ in range(TIMES):
            before = len(callers.answers)
            await eventually(
                lambda n=before: len(callers.answers) > n + 2 * RATE,
                seconds=30,
                what="calls are being taken",
            )
            held = len(callers.spooled())
            await asyncio.to_thread(site.kafka.kill, 0)
            await eventually(
                lambda n=held: len(callers.spooled()) > n + 5 * RATE,
                seconds=30,
                what="calls are being spooled",
            )
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(site.kafka.start_node, 0)
            await asyncio.to_thread(site.kafka.wait_ready)
            await eventually(lambda: _is_empty(deployment), seconds=60, what="the spool has drained")
            drained.append(round(asyncio.get_running_loop().time() - began, 2))
    finally:
        stop.set()
        orders = await asyncio.gather(*ringing)
        await callers.stop()
    acknowledged = callers.ledger.read("acknowledged")
    await eventually(lambda: set(acknowledged) <= screen.shown.keys(), seconds=60, what="every call has been shown")
    shown = set(screen.event_ids)  # before the log is read: limits go on falling due while it is
    found = await log_of(deployment)
    spooled = callers.spooled()
    figures.say(
        sent=len(callers.ledger.read("sent")), acknowledged=len(acknowledged), spooled=len(spooled),
        tries_failed=callers.tries, drained_s=drained, log=judge(found),
    )  # fmt: skip
    counts = recorded(found)
    assert {c for c in acknowledged if counts[c] != 1} == set()
    assert max(drained) <= stretched(DRAINED_S_MAX)
    at = {e.data.call.call_id: n for n, (_, e) in enumerate(found) if e.type == "CallRecorded"}
    for order in orders:
        assert any(c in spooled for c in order), "the witness saw nothing of it"
        assert order == sorted(order, key=at.__getitem__), "the order was not kept"
    assert shown <= {e.event_id for _, e in found}, "an event was shown that is not on the log"
    await screen.close()
    await callers.close()


async def _is_empty(deployment: Deployment) -> bool:
    return await depth(deployment) == 0


async def test_invariants_3_and_6_hold_after_it(site: Site) -> None:
    """The replayed state is the live one and the chains are whole."""
    await asyncio.to_thread(verified, site.deployment)
