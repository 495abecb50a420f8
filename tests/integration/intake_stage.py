"""A stage for intake: a real broker of its own, replicas as processes, and a stand-in that decides by hand."""

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from tests.support import eventually, free_ports, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics
from tocsin.codec.wire import decode_command, encode_event
from tocsin.envelope import Actor, Command, Event, Source
from tocsin.log.headers import event_headers
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.topics import INCIDENT_EVENTS, ROUTINE, URGENT
from tocsin.runtime.security import ROLES, Principal, issue, load_secret
from tocsin.runtime.settings import Settings

PARTITIONS = 3
FIRE = "nanxian-fire"


def _spawn(env: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "services.intake"], env=env, stderr=log, stdout=log)


@dataclass
class IntakeStage:
    """Intake's replicas over one broker and one data directory."""

    kafka: EmbeddedKafka
    folder: Path
    replicas: int = 1
    more: dict[str, str] = field(default_factory=dict)
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(kafka_bootstrap=self.kafka.bootstrap, data_dir=self.folder, partitions=PARTITIONS)
        secret = load_secret(self.settings.secrets_dir / "token.key")
        self.tokens = {
            r: issue(secret, Principal(r, r, agency=FIRE if r == "dispatcher" else ""), hours=1) for r in ROLES
        }
        first = free_ports(self.replicas)
        self.ports = list(range(first, first + self.replicas))
        self.producer = KafkaProducer(self.settings)
        self.http = httpx.AsyncClient(timeout=90)
        self._seq = 0

    async def open(self) -> None:
        """Topics, a producer of our own, all replicas ready."""
        await ensure_topics(self.settings)
        await self.producer.start()
        for slot in range(self.replicas):
            await self.start(slot)

    async def start(self, slot: int = 0, *, wait: bool = True) -> None:
        """Starts a replica."""
        given = {
            "TOCSIN_KAFKA_BOOTSTRAP": self.kafka.bootstrap, "TOCSIN_DATA_DIR": str(self.folder),
            "TOCSIN_PORT": str(self.ports[slot]), "TOCSIN_PARTITIONS": str(PARTITIONS), "TOCSIN_SLOT": str(slot),
            "TOCSIN_LOG_FORMAT": "json",
            # A busy test machine is no log that is away: only the spool's own tests wait shortly.
            "TOCSIN_SPOOL_AFTER_MS": "30000",
        }  # fmt: skip
        log = (self.folder / f"intake-{slot}.log").open("ab")
        self.processes[slot] = _spawn(os.environ | given | self.more, log)
        log.close()
        what = f"intake {slot}: {self.folder / f'intake-{slot}.log'}"
        path = "/readyz" if wait else "/healthz"
        await eventually(lambda: self._answers(slot, path), seconds=40, every=0.2, what=what)

    async def _answers(self, slot: int, path: str) -> bool:
        try:
            return (await self.http.get(self.url(slot, path))).status_code == 200
        except httpx.TransportError:
            return False

    def end(self, slot: int = 0, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends a replica and waits; its exit code."""
        process = self.processes.pop(slot)
        process.send_signal(how)
        try:
            return process.wait(timeout=stretched(12))
        except subprocess.TimeoutExpired:
            process.kill()  # nothing of a failed test stays to fail the next
            raise

    async def close(self) -> None:
        """Ends everything."""
        for slot in list(self.processes):
            self.end(slot)
        await self.producer.stop()
        await self.http.aclose()

    def url(self, slot: int, path: str) -> str:
        """Where a replica answers."""
        return f"http://127.0.0.1:{self.ports[slot]}{path}"

    async def post(self, path: str, body: Any, *, role: str = "call_taker", slot: int = 0) -> httpx.Response:
        """A signed-in POST; bytes as they are, anything else as JSON."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        if isinstance(body, bytes):
            return await self.http.post(self.url(slot, path), content=body, headers=headers)
        return await self.http.post(self.url(slot, path), json=body, headers=headers)

    async def get(self, path: str, *, role: str = "call_taker", slot: int = 0) -> httpx.Response:
        """A signed-in GET."""
        return await self.http.get(
            self.url(slot, path), headers={"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        )

    async def on_log(self) -> list[tuple[Record, Command[Any]]]:
        """All commands on the log, urgent and routine, in the order they were read."""
        follower = KafkaFollower(self.settings, [URGENT, ROUTINE])
        await follower.start({})
        ends = await follower.ends()
        found: list[Record] = []
        async for batch in follower.batches(idle_ms=100):
            found += batch
            here = follower.positions()
            if all(here.get(p, 0) >= e for p, e in ends.items()):
                break
        await follower.stop()
        return [(r, decode_command(r.value or b"")) for r in found]

    async def decide(
        self, command_id: str, region: str, subject: str, *facts: Any, version: int = 1, by: str = "tocsin"
    ) -> None:
        """Stands in for the owner: these facts as the outcome of this command, sent `by` the role of that name."""
        for i, data in enumerate(facts):
            self._seq += 1
            event = Event(
                event_id=hashlib.blake2b(f"{command_id}/{i}".encode(), digest_size=16).hexdigest(), region=region,
                subject=subject, seq=self._seq, version=version + i, occurred_at=1, recorded_at=1_775_355_630_000,
                command_id=command_id, index=i, count=len(facts), source=Source(topic=URGENT.name), data=data,
                actor=Actor(subject=by, role=by),
            )  # fmt: skip
            record = Append(
                INCIDENT_EVENTS.name, partition_of(region, PARTITIONS), region.encode(), encode_event(event),
                event_headers(event),
            )  # fmt: skip
            await self.producer.append(record)
