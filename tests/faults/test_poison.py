"""What nobody should ever write to the command topics, and more than can be taken: told, put aside, gone on from."""

import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from tests.faults.stage import Callers, Figures, Found, Ledger, judge, log_of, percentile, ready, verified, within
from tests.support import deployed, eventually, free_port, stretched, tocsin, tocsin_json
from tocsin.cli.deployment import Deployment
from tocsin.cli.plan import UpPlan
from tocsin.codec.wire import encode_command
from tocsin.envelope import Actor, Command
from tocsin.incident.commands import Acknowledge, RecordCall
from tocsin.incident.values import CallRecord
from tocsin.log.deadletters import DeadLetter, read_dead_letter
from tocsin.log.kafka import KafkaFollower
from tocsin.log.partition import partition_of
from tocsin.log.topics import DEADLETTER, URGENT
from tocsin.place import Place, Point
from tocsin.v1.envelope_pb2 import CommandEnvelope

REGION = "430921"
DEAD_WITHIN_S = 1.0
pytestmark = [
    pytest.mark.broker,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(1800),
]


class Site:
    """A deployment, and a foreign producer that knows nothing of its rules."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self.deployment, self.folder = deployment, folder
        self.partition = partition_of(REGION, deployment.partitions)
        self.producer = AIOKafkaProducer(bootstrap_servers=deployment.bootstrap, max_request_size=2 << 20)

    async def write(
        self, value: bytes, *, partition: int | None = None, key: bytes | None = REGION.encode()
    ) -> tuple[int, int]:
        """Writes raw bytes to the urgent commands; their offset, and when the broker took them (Unix milliseconds)."""
        place = self.partition if partition is None else partition
        stood = await self.producer.send_and_wait(URGENT.name, value, key=key, partition=place)
        return int(stood.offset), int(stood.timestamp)

    async def letters(self) -> list[tuple[DeadLetter, int]]:
        """All dead letters of the urgent commands, each with the time at which the broker took it."""
        follower = KafkaFollower(self.deployment.settings(), [DEADLETTER])
        await follower.start({})
        found: list[tuple[DeadLetter, int]] = []
        try:
            ends = await follower.ends()
            async for batch in follower.batches(idle_ms=20):
                found += [(x, r.timestamp) for r in batch if (x := read_dead_letter(r)) and x.topic == URGENT.name]
                if all(follower.positions().get(place, 0) >= end for place, end in ends.items()):
                    return found
        finally:
            await follower.stop()
        return found

    async def goes_on(self, call_id: str) -> dict[str, Any]:
        """A good call sent now is decided; what GET says of it."""
        async with self.deployment.async_client("intake", "call_taker") as client:
            body = {"call_id": call_id, "line": "119", "text": "茅草街镇新街口一栋楼着火了", "region": REGION}
            assert (await client.post("/v1/calls", json=body)).status_code == 202

            async def decided() -> dict[str, Any]:
                told: dict[str, Any] = (await client.get(f"/v1/calls/{call_id}", params={"wait": 2})).json()
                return told if told["disposition"] else {}

            return await eventually(decided, seconds=20, what="a good call after it is decided")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A deployment of this module's own: its dead letters are this module's."""
    folder = tmp_path_factory.mktemp("poison")
    with deployed(folder / "data") as deployment:
        made = Site(deployment, folder)
        await made.producer.start()
        try:
            yield made
        finally:
            await made.producer.stop()


def call(call_id: str, region: str = REGION, **more: Any) -> Command[Any]:
    """A call as intake would write it, with whatever is wrong in it."""
    record = CallRecord(call_id=call_id, line="119", region=region, **({"place": Place(region=region)} | more))
    return Command(
        command_id=f"call:{call_id}", region=region, data=RecordCall(call=record), target=call_id,
        issued_at=int(time.time() * 1000),
    )  # fmt: skip


def altered(command: Command[Any], **fields: Any) -> bytes:
    """A command's bytes with other fields in its envelope."""
    envelope = CommandEnvelope.FromString(encode_command(command))
    for name, value in fields.items():
        setattr(envelope, name, value)
    return bytes(envelope.SerializeToString())


class Poison(NamedTuple):
    """What is written, and the stage at which it must die; "" where it must be decided instead."""

    name: str
    value: bytes
    stage: str


def poisons() -> list[Poison]:
    """One of each kind."""
    good = call("poison-base")
    surrogate = encode_command(call("poison-XXX")).replace(b"XXX", b"\xed\xa0\x80")
    nowhere = Point(lon=math.nan, lat=math.inf)
    return [
        Poison("no protobuf at all", b"\xff\xfe\x00 rubbish \xff", "decode"),
        Poison("nothing", b"", "decode"),
        Poison("json", json.dumps({"line": "119"}).encode(), "decode"),
        Poison("a type nobody knows", altered(good, type="LaunchRocket"), "decode"),
        Poison("a version to come", altered(good, type_version=99), "decode"),
        Poison("a type's name with other content", altered(good, data=b"\x0a\xff\xff\xff"), "decode"),
        Poison("half a surrogate pair", surrogate, "decode"),
        Poison("no id", altered(good, command_id=""), "decode"),
        Poison("NaN for a place", encode_command(call("poison-nan", place=Place(region=REGION, point=nowhere))), ""),
        Poison("NULs", encode_command(call("poison-nul", operator="a\x00b", recording_ref="\x00")), ""),
        Poison(
            "a call with no room for its event", encode_command(call("poison-long", operator="a" * 920_000)), "size"
        ),
    ]


async def test_poison_is_a_dead_letter_within_a_second_and_the_partition_goes_on(site: Site) -> None:
    """Each kind: its bytes with source, stage and error among the dead letters ≤ 1 s; a good call after it decided."""
    figures, took = Figures("poison"), {}
    await site.goes_on("poison-warm-up")
    for poison in poisons():
        offset, written_ms = await site.write(poison.value)
        if poison.stage:
            letter, dead_ms = await eventually(lambda o=offset: _at(site, o), seconds=15, what=poison.name)
            took[poison.name] = (dead_ms - written_ms) / 1000  # both by the broker's clock
            assert (letter.stage, letter.partition, letter.value) == (poison.stage, site.partition, poison.value)
            assert letter.error
        await site.goes_on(f"poison-after-{offset}")
    found = await log_of(site.deployment)
    judge(found)
    decided = {e.command_id for _, e in found if e.type == "CallRecorded"}
    assert {"call:poison-nan", "call:poison-nul"} <= decided
    figures.say(dead_after_s=took)
    assert max(took.values()) <= stretched(DEAD_WITHIN_S), took
    async with site.deployment.async_client("notifier", "commander") as client:
        assert (await client.get("/v1/incidents")).status_code == 200, "what was taken can be shown"


async def _at(site: Site, offset: int) -> tuple[DeadLetter, int] | None:
    here = [(x, at) for x, at in await site.letters() if x.offset == offset and x.partition == site.partition]
    return here[0] if here else None


async def test_acts_on_what_belongs_to_another_are_refused(site: Site) -> None:
    """A task's id under another region's key, and an agency's act on a task not its own: refused, said, gone on."""
    told = await site.goes_on("poison-task")
    task = f"{told['incident_ids'][0]}-T1"
    theft = Actor(subject="made-up", role="dispatcher", agency="nanxian-power")
    other = "430721"
    for command_id, region in (("poison-region", other), ("poison-agency", REGION)):
        command = Command(command_id=command_id, region=region, data=Acknowledge(), target=task, actor=theft)
        await site.write(
            encode_command(command), partition=partition_of(region, site.deployment.partitions), key=region.encode()
        )

    async def answered() -> Found:
        found = [(r, e) for r, e in await log_of(site.deployment) if e.command_id in ("poison-region", "poison-agency")]
        return found if len({e.command_id for _, e in found}) == 2 else []

    found = await eventually(answered, what="both are answered")
    assert {e.type for _, e in found} == {"CommandRefused"}


async def test_a_foreign_producers_call_is_decided_in_its_regions_partition(site: Site) -> None:
    """A valid call under a strange key in every wrong partition: forwarded, decided once, where its region belongs."""
    wrong = [p for p in range(site.deployment.partitions) if p != site.partition]
    for p in wrong:
        await site.write(encode_command(call(f"foreign-{p}")), partition=p, key=b"whatever")

    async def decided() -> Found:
        found = [(r, e) for r, e in await log_of(site.deployment) if e.command_id.startswith("call:foreign-")]
        return found if len({e.command_id for _, e in found}) == len(wrong) else []

    found = await eventually(decided, what="all are decided")
    assert {r.partition for r, _ in found} == {site.partition}
    judge(await log_of(site.deployment))


async def test_putting_dead_letters_back_twice_changes_nothing(site: Site) -> None:
    """`deadletter replay` twice, then once more with --again: no command is decided twice, the ids stay the same."""
    before = {x.id for x, _ in await site.letters()}
    data = ("--data-dir", site.deployment.data_dir)
    first = await asyncio.to_thread(tocsin_json, "deadletter", "replay", *data)
    assert first["replayed"] == len(before)
    second = await asyncio.to_thread(tocsin_json, "deadletter", "replay", *data)
    assert (second["replayed"], second["passed_by"]) == (0, len(before))
    none = await asyncio.to_thread(tocsin, "deadletter", "replay", "--id", "none", *data, ok=False)
    assert (none.returncode, "deadletter list" in none.stderr) == (1, True), "an id that is none is told"
    again = await asyncio.to_thread(tocsin_json, "deadletter", "replay", "--again", *data)
    assert again["replayed"] == len(before)
    await site.goes_on("poison-end")
    assert {x.id for x, _ in await site.letters()} == before
    judge(await log_of(site.deployment))


async def test_no_request_makes_a_server_error(site: Site) -> None:
    """A 1 MiB text, lone surrogates, NaN, NULs and rubbish over HTTP: 4xx or a flagged 202, never 5xx."""
    bodies = {
        "1 MiB": json.dumps({"line": "119", "text": "a" * (1 << 20)}).encode(),
        "65 KiB": json.dumps({"line": "119", "text": "a" * (65 << 10)}).encode(),
        "surrogate": b'{"line": "119", "text": "\\ud800 fire", "call_id": "http-surrogate"}',
        "nul": b'{"line": "119", "text": "a\\u0000b", "call_id": "http-nul"}',
        "nan": b'{"line": "119", "text": "x", "location": {"point": {"lon": NaN, "lat": 1, "crs": "WGS84"}}}',
        "far": b'{"line": "119", "text": "x", "location": {"point": {"lon": 1e9, "lat": 1, "crs": "WGS84"}}}',
        "rubbish": b"\xff\xfe",
    }
    answers = {}
    async with site.deployment.async_client("intake", "call_taker") as client:
        for name, body in bodies.items():
            answers[name] = (await client.post("/v1/calls", content=body)).status_code
    assert answers == {
        "1 MiB": 413, "65 KiB": 413, "surrogate": 202, "nul": 202, "nan": 422, "far": 202, "rubbish": 422,
    }  # fmt: skip


def started(env: dict[str, str], log_file: Path) -> subprocess.Popen[bytes]:
    """An intake process."""
    with log_file.open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "services.intake"], env=env, stdout=log, stderr=log)


@contextlib.asynccontextmanager
async def second_intake(site: Site, per_s: float) -> AsyncIterator[str]:
    """A further intake in a slot of its own that admits so many routine calls a second; its URL."""
    port = free_port()
    base = int(site.deployment.notifier.rpartition(":")[2])
    plan = UpPlan(data_dir=Path(site.deployment.data_dir), port_base=base, partitions=site.deployment.partitions)
    env = plan.env(site.deployment.bootstrap) | {
        "TOCSIN_SLOT": "1", "TOCSIN_PORT": str(port), "TOCSIN_ADMISSION_PER_S": str(per_s),
    }  # fmt: skip
    process = started(env, Path(site.deployment.data_dir) / "logs" / "intake-1.log")
    url = f"http://127.0.0.1:{port}"

    async def up() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=2) as client:
                return (await client.get(f"{url}/readyz")).status_code == 200
        return False

    try:
        await eventually(up, seconds=60, what="the second intake is ready")
        yield url
    finally:
        os.kill(process.pid, signal.SIGTERM)
        await asyncio.to_thread(process.wait, stretched(15))


async def test_invariant_7_overload_puts_off_routine_calls_alone(site: Site) -> None:
    """Five times what is admitted, 95 % of it 12345: every urgent and dangerous call 202; the others by the rate."""
    figures, per_s, seconds = Figures("overload"), 10, 6
    routine, urgent = {"line": "12345", "text": "路灯坏了"}, {"line": "119", "text": "着火了"}
    danger = {"line": "12345", "text": "楼下煤气泄漏，有人晕倒了"}
    async with second_intake(site, per_s) as url:
        callers = Callers(site.deployment, Ledger(site.folder / "ledger-overload"), "over", intake=url)
        usual_s = max([(await callers.post(urgent | {"call_id": f"usual-{n}"})).seconds for n in range(5)])
        began, tasks = time.monotonic(), []
        for second in range(seconds):
            # A second's calls at once: a machine that is slow to send them has none the fewer to take.
            await asyncio.sleep(max(0.0, began + second - time.monotonic()))
            for n in range(5 * per_s * second, 5 * per_s * (second + 1)):
                kind = "urgent" if n % 40 == 0 else "danger" if n % 40 == 20 else "routine"
                body = {"urgent": urgent, "danger": danger, "routine": routine}[kind] | {"call_id": f"over-{n}"}
                tasks.append((kind, asyncio.create_task(callers.post(body))))
        answers = [(kind, await task) for kind, task in tasks]
        took_s = time.monotonic() - began
        await callers.close()
    by = {k: [a for kind, a in answers if kind == k] for k in ("urgent", "danger", "routine")}
    put_off, taken = ([a for a in by["routine"] if a.status == status] for status in (429, 202))
    urgent_s = [a.seconds for k in ("urgent", "danger") for a in by[k]]
    figures.say(
        usual_s=usual_s, urgent_p99_s=percentile(urgent_s, 0.99), put_off=len(put_off), taken=len(taken), took_s=took_s
    )
    assert {a.status for k in ("urgent", "danger") for a in by[k]} == {202}
    assert len(put_off) + len(taken) == len(by["routine"])
    assert put_off
    assert 0 < len(taken) <= per_s * (took_s + 1), "a second's worth may have been saved up"
    assert all(int(a.retry_after) >= 1 for a in put_off)
    assert percentile(urgent_s, 0.99) <= within(1.0, usual_s)


async def test_invariants_3_and_6_hold_after_it(site: Site) -> None:
    """The replayed state is the live one, the chains are whole, every service is ready."""
    await asyncio.to_thread(verified, site.deployment)
    assert all(ready(site.deployment, s) for s in ("intake", "router", "ems120", "notifier", "supervision"))
