"""What the fault tests share: a client with a ledger on disk, a reader of the stream, and the judge of the log."""

import asyncio
import contextlib
import json
import os
import signal
import struct
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.support import LONG, eventually_sync, stretched, tocsin_json
from tocsin.chain import ChainWalk
from tocsin.cli.deployment import Deployment
from tocsin.codec.wire import decode_event
from tocsin.envelope import Event
from tocsin.incident.events import CallRecorded
from tocsin.load.run import lines_of
from tocsin.log.kafka import KafkaFollower
from tocsin.log.port import Record
from tocsin.log.topics import INCIDENT_EVENTS, Topic
from tocsin.outcomes import CommandRepeated

SEED = int(os.environ.get("TOCSIN_FAULTS_SEED", "20260405"))
RETRY_S = 0.1
ANSWER_S = 15.0
TEXTS = (
    ("119", "茅草街镇新街口一栋楼着火了"),
    ("110", "有人在打架"),
    ("12345", "路灯坏了"),
    ("122", "两车刮擦，人没事"),
)
REGIONS = ("430921", "430623", "430721", "430981")


class Ledger:
    """Which calls a client has sent and which were acknowledged: fsynced before the sending and after each 202."""

    def __init__(self, file: Path) -> None:
        self._fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.file = file

    async def write(self, what: str, call_id: str) -> None:
        """Durable when it returns."""
        await asyncio.to_thread(self._write, f"{what} {call_id}\n".encode())

    def _write(self, line: bytes) -> None:
        os.write(self._fd, line)
        os.fdatasync(self._fd)

    def read(self, what: str) -> list[str]:
        """The ids under `sent` or `acknowledged`, in their order."""
        rows = (line.split() for line in self.file.read_text().splitlines())
        return [call_id for kind, call_id in rows if kind == what]

    def close(self) -> None:
        """Nothing more is written."""
        os.close(self._fd)


@dataclass
class Answer:
    """What a call was answered, how long that took from its first try, and its Retry-After."""

    status: int
    durability: str
    seconds: float
    retry_after: str = ""


class Callers:
    """Callers at a fixed rate, whatever comes back, each insisting on a 202 under one id: an open loop."""

    def __init__(self, deployment: Deployment, ledger: Ledger, prefix: str, *, intake: str = "") -> None:
        self.url = intake or deployment.intake
        self.ledger, self.prefix = ledger, prefix
        self.answers: dict[str, Answer] = {}
        self.tries = 0
        self._headers = {"Authorization": f"Bearer {deployment.tokens['commander']}"}
        self._session = aiohttp.ClientSession(headers=self._headers, connector=aiohttp.TCPConnector(limit=256))
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, rate: float) -> None:
        """Until `stop`."""
        self._task = asyncio.create_task(self._run(rate))

    async def stop(self) -> None:
        """No new calls; returns when all have their answers."""
        self._stopped.set()
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """Ends the client."""
        await self.stop()
        await self._session.close()
        self.ledger.close()

    async def _run(self, rate: float) -> None:
        began, pending = time.monotonic(), set[asyncio.Task[Answer]]()
        n = 0
        while not self._stopped.is_set():
            line, text = TEXTS[n % len(TEXTS)]
            region = REGIONS[n // len(TEXTS) % len(REGIONS)]
            task = asyncio.create_task(self.insist(f"{self.prefix}-{n:06d}", line, text, region))
            pending.add(task)
            task.add_done_callback(pending.discard)
            n += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), max(0.001, began + n / rate - time.monotonic()))
        await asyncio.gather(*pending)

    async def insist(self, call_id: str, line: str = "119", text: str = "着火了", region: str = "430921") -> Answer:
        """Sends one call again and again under its id until a 202: what a caller's own system does."""
        await self.ledger.write("sent", call_id)
        began = time.monotonic()
        body = {"call_id": call_id, "line": line, "text": f"{text}，{call_id}", "region": region}
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                answer = await self.post(body, began)
                if answer.status == 202:
                    await self.ledger.write("acknowledged", call_id)
                    self.answers[call_id] = answer
                    return answer
            self.tries += 1
            took = time.monotonic() - began
            assert took < 120 or took < stretched(120), f"{call_id} was not taken in {took:.0f} s"
            await asyncio.sleep(RETRY_S)

    async def post(self, body: dict[str, Any], began: float | None = None) -> Answer:
        """One try."""
        began = time.monotonic() if began is None else began
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        async with self._session.post(f"{self.url}/v1/calls", data=data, timeout=timeout) as r:
            told = await r.json()
            return Answer(
                r.status, told.get("durability", ""), time.monotonic() - began, r.headers.get("Retry-After", "")
            )

    def spooled(self) -> list[str]:
        """The ids that were answered `spooled`, in the order of their sending."""
        return [c for c in sorted(self.answers) if self.answers[c].durability == "spooled"]


class Screen:
    """A console on the stream: what it was shown, when, and how often it had to come again."""

    def __init__(self, deployment: Deployment) -> None:
        self.event_ids: Counter[str] = Counter()
        self.shown: dict[str, float] = {}
        self._opened = asyncio.Event()
        self._url = f"{deployment.notifier}/v1/stream"
        self._headers = {"Authorization": f"Bearer {deployment.tokens['commander']}"}
        self._last = ""
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects; returns when the snapshot has come."""
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._opened.wait(), stretched(30))

    async def close(self) -> None:
        """Hangs up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        async with aiohttp.ClientSession(headers=self._headers) as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    await self._read(session)
                await asyncio.sleep(RETRY_S)

    async def _read(self, session: aiohttp.ClientSession) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        headers = {"Last-Event-ID": self._last} if self._last else {}
        async with session.get(self._url, headers=headers, timeout=timeout) as answer:
            kind = ident = ""
            async for line in lines_of(answer.content.iter_any()):
                name, _, value = line.partition(": ")
                if name == "id":
                    ident = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    self._opened.set()
                    self._take(kind, value)
                    self._last = ident or self._last

    def _take(self, kind: str, value: str) -> None:
        if kind in ("snapshot", "reset"):
            return
        event = json.loads(value)
        self.event_ids[event["event_id"]] += 1
        if kind in ("IncidentOpened", "CallLinked"):
            self.shown.setdefault(event["data"].get("call_id", ""), time.monotonic())


Found = list[tuple[Record, Event[Any]]]


async def log_of(deployment: Deployment, topic: Topic = INCIDENT_EVENTS) -> Found:
    """Everything committed on a topic of events, read to its ends of this moment."""
    follower = KafkaFollower(deployment.settings(), [topic])
    await follower.start({})
    found: Found = []
    try:
        ends = await follower.ends()
        async with asyncio.timeout(stretched(120)):
            async for batch in follower.batches(max_records=5000, idle_ms=50):
                found += [(r, decode_event(r.value or b"")) for r in batch]
                if all(follower.positions().get(place, 0) >= end for place, end in ends.items()):
                    return found
    finally:
        await follower.stop()
    return found


def recorded(found: Found) -> Counter[str]:
    """How often each call was recorded."""
    return Counter(e.data.call.call_id for _, e in found if isinstance(e.data, CallRecorded))


def judge(found: Found) -> dict[str, int]:
    """I2, I4 and the chains over a whole log: one decision a command, versions and input offsets without a gap."""
    assert [i for i, n in Counter(e.event_id for _, e in found).items() if n > 1] == []
    repeats = sum(isinstance(e.data, CommandRepeated) for _, e in found)
    first = Counter(e.command_id for _, e in found if e.index == 0 and not isinstance(e.data, CommandRepeated))
    assert [i for i, n in first.items() if n > 1] == [], "a command was decided twice"
    versions: dict[str, int] = defaultdict(int)
    offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
    walk = ChainWalk(INCIDENT_EVENTS.name)
    for r, e in found:
        walk.take(r.partition, r.offset, r.value or b"")
        if e.subject:
            assert e.version == versions[e.subject] + 1, (e.subject, e.version, versions[e.subject])
            versions[e.subject] = e.version
        if e.index == 0:
            offsets[e.source.topic, r.partition].append(e.source.offset)
    assert walk.broken == []
    for place, seen in offsets.items():
        assert seen == list(range(seen[0], seen[0] + len(seen))), f"inputs of {place} were skipped or taken twice"
    return {"events": len(found), "commands": len(first), "repeats": repeats, "subjects": len(versions)}


def verified(deployment: Deployment) -> None:
    """I3 and I6 by the product's own commands: the replayed state is the live one, and every chain holds."""
    replayed = tocsin_json("replay", "--verify", "--data-dir", deployment.data_dir)
    assert replayed["identical"] is True, replayed
    walked = tocsin_json("audit", "verify", "--data-dir", deployment.data_dir)
    assert walked["broken"] == [], walked


def owners_on_disk(kafka_data: Path, partition: int) -> list[tuple[int, int, int]]:
    """(base offset, producer id, epoch) of each batch of events on a node's disk, aborted and control batches too.

    The batch's header as Kafka's protocol has it (record batch v2): offset int64, length int32, leader epoch int32,
    magic int8, checksum uint32, attributes int16, last delta int32, two timestamps int64, producer int64, epoch int16.
    """
    found = []
    for file in sorted((kafka_data / f"{INCIDENT_EVENTS.name}-{partition}").glob("*.log")):
        content = file.read_bytes()
        at = 0
        while at + 61 <= len(content):
            offset, length = struct.unpack_from(">qi", content, at)
            if not length:
                break
            producer, epoch = struct.unpack_from(">qh", content, at + 43)
            found.append((offset, producer, epoch))
            at += 12 + length
    return found


def pid_of(deployment: Deployment, service: str) -> int:
    """The service's process now."""
    return Deployment.find(Path(deployment.data_dir)).pids[service]


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def ready(deployment: Deployment, service: str) -> bool:
    """Whether a service says that it is."""
    try:
        with deployment.client(service, seconds=10) as client:
            return client.get("/readyz").status_code == 200
    except OSError:
        return False
    except Exception as e:  # noqa: BLE001 - httpx's errors of a server that is gone are many; none means ready
        return not repr(e)


def struck(deployment: Deployment, service: str, what: signal.Signals = signal.SIGKILL) -> tuple[float, float]:
    """Sends a service a signal that ends it; seconds until it was gone, and until another in its place was ready."""
    pid, began = pid_of(deployment, service), time.monotonic()
    os.kill(pid, what)
    eventually_sync(lambda: gone(pid), seconds=15, every=0.01, what=f"{service} ended after {what.name}")
    ended = time.monotonic() - began
    eventually_sync(lambda: pid_of(deployment, service) not in (pid, 0), seconds=30, what=f"{service} was started")
    eventually_sync(lambda: ready(deployment, service), seconds=60, what=f"{service} is ready again")
    return ended, time.monotonic() - began


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """Variables for what is started inside the block."""
    before = {k: os.environ.get(k) for k in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for k, v in before.items():
            if v is None:
                os.environ.pop(k, None)
            else:
                os.environ[k] = v


@dataclass
class Figures:
    """Counts and times a run prints, whatever became of it: `pytest -s`, or the report of a failure."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)

    def say(self, **values: Any) -> None:
        """Adds and prints."""
        self.values |= values
        print(f"{self.name} (seed {SEED}): {json.dumps(values, default=str)}")  # noqa: T201 - counts of a run


def within(target_s: float, usual_s: float) -> float:
    """A target in seconds where what is meant takes `usual_s` while nothing is wrong: that much is no fault's doing."""
    return target_s if LONG else max(stretched(target_s), target_s + 2 * usual_s)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0 where there is nothing."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0
