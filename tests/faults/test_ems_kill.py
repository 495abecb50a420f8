"""kill -9 of the 120 centre in the middle of its work: nothing lost, nothing twice, the chain goes on."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.ems120.kernel import EmsKernel
from tests.integration.ems_stage import EmsStage, act, mission_where
from tests.support import eventually, free_ports, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.log.fold import Fold
from tocsin.log.kafka import KafkaFollower
from tocsin.log.topics import EMS_EVENTS
from tocsin.mission.values import Position
from tocsin.policy.load import load_policy

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="module")]
SEED = 20260405


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of this module's own."""
    with EmbeddedKafka(tmp_path_factory.mktemp("ems-kill"), free_ports(8)) as broker:
        yield broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmsStage]:
    """A 120 centre under the real clock, its process the test's to kill."""
    made = EmsStage(kafka.bootstrap, tmp_path_factory.mktemp("ems"), clock="real")
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def insist(client: httpx.AsyncClient, mission_id: str, command: str, command_id: str) -> dict[str, Any]:
    """Sends a command again and again under one id until it is answered: what a crew's device does."""

    async def once() -> dict[str, Any] | None:
        try:
            answer = await act(client, mission_id, command, command_id=command_id)
        except httpx.HTTPError:
            return None
        if answer.status_code in (200, 409):
            found: dict[str, Any] = answer.json()
            return found
        return None

    found = await eventually(once, seconds=60, what=f"{command} answered")
    assert found is not None
    return found


async def test_i2_i3_i5_killed_in_the_middle_of_chains(stage: EmsStage) -> None:
    """Chains driven while the process is killed after random steps: each step decided once, replay equals the state."""
    rng = random.Random(SEED)
    process = stage.start()
    await stage.ready()
    missions = [await stage.open_incident(n) for n in range(1, 4)]
    steps = ("acknowledge", "depart", "arrive", "patient_contact", "leave", "arrive_hospital", "hand_over")

    answers: list[dict[str, Any]] = []

    async def drive(mission_id: str) -> None:
        async with stage.client() as centre:
            await mission_where(centre, mission_id, lambda m: m["state"] != "waiting")
            for s in steps:
                answer = await insist(centre, mission_id, s, f"kill-{mission_id}-{s}")
                answers.append(answer)

    async def killer() -> None:
        nonlocal process
        for after in sorted(rng.sample(range(1, 18), 3)):
            await eventually(lambda after=after: len(answers) >= after, seconds=90, what=f"{after} steps")
            stage.kill(process)
            process = stage.start()
            await stage.ready()

    await asyncio.gather(killer(), *(drive(m) for m in missions))
    assert [a["outcome"] for a in answers] == ["accepted"] * len(steps) * len(missions), f"seed {SEED}"
    async with stage.client() as centre:
        for mission_id in missions:
            shown = (await centre.get(f"/v1/missions/{mission_id}")).json()
            assert (shown["state"], shown["outcome"]) == ("ended", "transported")
    events = await stage.events()
    decided = Counter(e.command_id for e in events if e.index == 0 and e.type != "CommandRepeated")
    assert max(decided.values()) == 1, "a command decided twice"
    on: dict[str, str] = {}
    for e in events:
        if e.type == "UnitAssigned":
            assert e.data.unit_id not in on
            on[e.data.unit_id] = e.subject
        elif e.type in ("AcknowledgementMissed", "AssignmentRefused", "UnitWithdrawn", "MissionEnded"):
            on.pop(e.data.unit_id, None)
    await _replayed(stage)


async def _replayed(stage: EmsStage) -> None:
    """The log folded from its beginning gives the hashes that the running owner reports."""
    async with stage.client("admin") as admin:
        live = (await admin.get("/state")).json()
    assert set(live) == {"0", "1", "2"}
    positions: dict[str, Position] = {}
    kernel = EmsKernel(load_policy(stage.settings.policy_path), positions)
    folds = {p: Fold(kernel, p) for p in range(3)}
    follower = KafkaFollower(stage.settings, [EMS_EVENTS])
    await follower.start({})
    ends = await follower.ends()
    async for batch in follower.batches(idle_ms=50):
        for record in batch:
            folds[record.partition].read(record)
        if all(follower.positions().get(p, 0) >= end for p, end in ends.items()):
            break
    await follower.stop()
    for p, fold in folds.items():
        assert fold.standing().state_hash == live[str(p)]["state_hash"]


async def test_reports_reach_the_router_once_each_though_killed(stage: EmsStage) -> None:
    """Every step's report stands on the router's topic; repeats, if any, carry the same id (known as one there)."""
    events = await stage.events()
    wanted = {
        f"report:{e.event_id}"
        for e in events
        if e.type in ("UnitAssigned", "MissionAcknowledged", "UnitDeparted", "UnitArrived", "SceneLeft", "MissionEnded")
    }

    async def told() -> bool:
        return wanted <= {r.command_id for r in await stage.reports()}

    await eventually(told, seconds=30)


async def test_sigterm_ends_within_ten_seconds_with_a_stream_open(stage: EmsStage) -> None:
    """SIGTERM with an open stream: the stream ends and the process exits 0, well within its ten seconds."""
    process = stage.processes[-1]
    async with stage.client() as centre, centre.stream("GET", "/v1/stream") as s:
        lines = s.aiter_lines()
        assert await anext(lines) == ": tocsin"
        process.terminate()
        rest = [line async for line in lines]
        assert any("snapshot" in line for line in rest)
    assert await asyncio.to_thread(process.wait, stretched(10)) == 0
