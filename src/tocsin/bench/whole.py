"""Figures of a whole running deployment: the router's throughput, replay's, and supervision's rebuilding."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tocsin.bench.calls import made_calls
from tocsin.bench.figure import Figure, figure
from tocsin.bench.peers import Bare, consume, fill, pass_through
from tocsin.bench.stage import alone, stopped
from tocsin.broker.topics import ensure_topics
from tocsin.cli.deployment import Deployment
from tocsin.codec.wire import decode_event, encode_event
from tocsin.envelope import Event, Source
from tocsin.incident.events import CallRecorded, ClockStarted
from tocsin.log.kafka import KafkaFollower
from tocsin.log.partition import partition_of
from tocsin.log.topics import FOREVER, INCIDENT_EVENTS, SUPERVISION_FACTS, URGENT, Topic
from tocsin.policy.model import Policy
from tocsin.runtime.mend import Mend
from tocsin.sealing import Keyring

_CALLS = 15_000
_BARE = 60_000
_BARE_BYTES = 300
_CLOCKS = 100_000
_WAIT_S = 120.0


async def bare_loop(deployment: Deployment) -> Bare:
    """The bare transactional pass-through of 300-byte records on this deployment's broker."""
    settings = deployment.settings()
    source, target = (Topic(f"bench.{name}.v1", FOREVER, partitions=1) for name in ("source", "target"))
    await ensure_topics(settings, [source, target])
    await fill(settings, source.name, [bytes(_BARE_BYTES)] * _BARE)
    by_send = await pass_through(settings, source.name, target.name, count=_BARE)
    return Bare(by_send, await pass_through(settings, source.name, target.name, count=_BARE, batches=True))


async def _events_since(deployment: Deployment, starts: dict[tuple[str, int], int], count: int) -> list[int]:
    """Append times of so many CallRecorded events after these positions."""
    follower = KafkaFollower(deployment.settings(), [INCIDENT_EVENTS])
    await follower.start(starts)
    times: list[int] = []
    deadline = time.monotonic() + _WAIT_S
    async for batch in follower.batches(max_records=5_000, idle_ms=300):
        times += [r.timestamp for r in batch if isinstance(decode_event(r.value or b"").data, CallRecorded)]
        if len(times) >= count or time.monotonic() > deadline:
            break
    await follower.stop()
    return times


async def router_figures(deployment: Deployment, policy: Policy, *, bare: Bare) -> list[Figure]:
    """Calls a second of one router process, full logic: a backlog is laid up while it stands still, then it runs.

    It runs beside the broker alone: what the others cost is in the figure from POST to subscriber.
    """
    follower = KafkaFollower(deployment.settings(), [INCIDENT_EVENTS])
    await follower.start({})
    ends = await follower.ends()
    await follower.stop()
    calls = await _backlog(deployment, policy)
    times = await _events_since(deployment, ends, calls)
    seconds = (max(times) - min(times)) / 1000
    rate = len(times) / seconds
    note = f"{len(times)} calls in {seconds:.1f} s by the log's times, orders included, beside the broker alone"
    return [
        figure(
            "router, full logic", "calls/s", rate, peer=bare.by_send, peer_name="bare transactional pass-through",
            at_least=5_000, note=f"{note}; {bare.note}",
        )
    ]  # fmt: skip


async def _backlog(deployment: Deployment, policy: Policy) -> int:
    """Lays up calls of one region while the router stands still, and lets it decide them; how many.

    Nothing of ours reads while the router works: the times are the log's own.
    """
    settings, region = deployment.settings(), policy.default_region
    made = await asyncio.to_thread(
        made_calls, policy, Keyring.open(settings), count=_CALLS, prefix=f"bench-{time.time_ns():x}"
    )
    values = [v for c, v in zip(made.commands, made.values, strict=True) if c.region == region]
    with stopped([deployment.pids["router"]]):
        await fill(settings, URGENT.name, values, partition=partition_of(region, deployment.partitions))
    with alone(deployment, "router"):
        await _decided(deployment, len(values))
    return len(values)


async def _decided(deployment: Deployment, count: int) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        deadline = time.monotonic() + _WAIT_S
        quiet, last = 0, -1
        while time.monotonic() < deadline and quiet < 3:  # noqa: PLR2004 - still for three looks
            await asyncio.sleep(2.0)
            text = (await client.get(f"{deployment.router}/metrics")).text
            now = sum(
                int(float(x.rsplit(" ", 1)[1])) for x in text.splitlines() if x.startswith("tocsin_decisions_total{")
            )
            quiet, last = (quiet + 1, now) if now == last and now >= count else (0, now)


async def replay_figures(deployment: Deployment, policy: Policy, *, filled: bool) -> list[Figure]:
    """Events a second of `replay --verify` beside the bare consumption of the busiest partition.

    `filled`: another figure has left its events on the log; else calls are decided first.
    """
    if not filled:
        await _backlog(deployment, policy)
    # What stood still for a figure has lost its partitions meanwhile and gets them back first.
    await _ready(deployment.router, "the router")
    command = [sys.executable, "-m", "tocsin", "replay", "--verify", "--json", "--data-dir", deployment.data_dir]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as e:
        raise Mend(f"replay --verify failed: {done.stderr.strip()[-300:]}", "Run it by hand on a deployment.") from e
    follower = KafkaFollower(deployment.settings(), [INCIDENT_EVENTS])
    await follower.start({})
    (_, partition), _ = max((await follower.ends()).items(), key=lambda kv: kv[1])
    await follower.stop()
    bare = await consume(deployment.settings(), INCIDENT_EVENTS.name, partition=partition)
    note = f"{found['events']} events, identical: {found['identical']}"
    return [
        figure(
            "replay --verify", "events/s", found["events_per_second"], peer=bare, peer_name="bare consumption",
            at_least=100_000, note=note,
        )
    ]  # fmt: skip


def _clock(n: int, now: int, region: str) -> bytes:
    incident = f"{region}-20260405-{n:06d}"
    data = ClockStarted(
        clock_id=f"{incident}-T1:complete:1", clock="complete", task_id=f"{incident}-T1", agency="nanxian-urban",
        agency_class="department", started_at=now, due_at=now + 30 * 86_400_000, warn_at=now + 29 * 86_400_000,
    )  # fmt: skip
    source = Source(topic=URGENT.name, partition=0, offset=n)
    event = Event(
        event_id=f"{n:032x}", region=region, subject=incident, seq=n, version=2, occurred_at=now, recorded_at=now,
        command_id=f"bench-clock-{n}", index=0, count=1, source=source, data=data,
    )  # fmt: skip
    return encode_event(event)


async def clock_figures(deployment: Deployment, policy: Policy) -> list[Figure]:
    """Seconds from kill -9 of supervision to readiness with 100,000 running limits."""
    settings, region, now = deployment.settings(), policy.default_region, time.time_ns() // 1_000_000
    values = [_clock(n, now, region) for n in range(_CLOCKS)]
    await fill(settings, SUPERVISION_FACTS.name, values, partition=partition_of(region, deployment.partitions))
    began = time.perf_counter()
    os.kill(deployment.pids["supervision"], signal.SIGKILL)
    seconds = await _ready_again(deployment, began)
    return [
        figure(
            "supervision rebuilt, 100,000 limits", "s", seconds, peer=30.0, peer_name="limit", at_most=30,
            note="kill -9 to ready, process start included",
        )
    ]  # fmt: skip


async def _ready(url: str, what: str) -> None:
    async with httpx.AsyncClient(timeout=2) as client:
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if (await client.get(f"{url}/readyz")).is_success:
                    return
            await asyncio.sleep(0.2)
    raise Mend(f"{what} was not ready within two minutes", "See its log in the data directory.")


async def _ready_again(deployment: Deployment, began: float) -> float:
    before = deployment.pids["supervision"]
    async with httpx.AsyncClient(timeout=2) as client:
        while time.perf_counter() - began < _WAIT_S:
            fresh = Deployment.find(Path(deployment.data_dir)).pids["supervision"]
            try:
                answer = await client.get(f"{deployment.supervision}/readyz")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success and fresh != before:
                return time.perf_counter() - began
            await asyncio.sleep(0.1)
    raise Mend("Supervision did not come back within two minutes", f"See {deployment.data_dir}/logs/supervision.log.")
