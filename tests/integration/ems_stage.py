"""A stage for the 120 centre: a real broker of its own, the service as a process, a stand-in for the router's relay."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.support import eventually, free_ports, stretched
from tocsin.broker.topics import ensure_topics
from tocsin.codec.wire import decode_command, decode_event, encode_command
from tocsin.envelope import Command, Event
from tocsin.log.headers import command_headers
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import EMS_COMMANDS, EMS_EVENTS, URGENT
from tocsin.mission.commands import OpenMission
from tocsin.place import Place, Point
from tocsin.runtime.clock import Clock, write_clock
from tocsin.runtime.security import Principal, RoleName, issue, load_secret
from tocsin.runtime.settings import Settings

REGION = "430921"
NOON = 1_775_361_600_000
"""2026-04-05 12:00 in the county: where the manual clock of these tests begins."""
TOWN = Point(lon=112.40, lat=29.36)
SOUTH = Point(lon=112.36, lat=28.99)


@dataclass
class EmsStage:
    """One deployment of the 120 centre alone."""

    bootstrap: str
    folder: Path
    clock: str = "manual"
    instance: str = ""
    slots: int = 1
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    now_ms: int = 0

    def __post_init__(self) -> None:
        self.settings = Settings(
            kafka_bootstrap=self.bootstrap, data_dir=self.folder, clock=self.clock, instance=self.instance, partitions=3
        )
        self.now_ms = NOON if self.clock != "real" else int(time.time() * 1000)
        first = free_ports(self.slots)
        self.ports = list(range(first, first + self.slots))
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.clock != "real":
            write_clock(self.folder / "clock.json", base_ms=NOON, factor=0)
        self.secret = load_secret(self.settings.secrets_dir / "token.key")
        self.producer = KafkaProducer(self.settings)

    async def open(self) -> None:
        """Topics and a producer of our own."""
        await ensure_topics(self.settings)
        await self.producer.start()

    async def close(self) -> None:
        """Ends everything; the log of a process that ended by itself is shown by the assertion."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        await self.producer.stop()
        for process in self.processes:
            try:
                process.wait(timeout=stretched(15))
            except subprocess.TimeoutExpired:
                process.kill()  # nothing of a failed test stays to fail the next
                raise

    def start(self, slot: int = 0) -> subprocess.Popen[bytes]:
        """Starts a replica."""
        given = {
            "TOCSIN_KAFKA_BOOTSTRAP": self.bootstrap, "TOCSIN_DATA_DIR": str(self.folder), "TOCSIN_CLOCK": self.clock,
            "TOCSIN_PORT": str(self.ports[slot]), "TOCSIN_PARTITIONS": "3", "TOCSIN_INSTANCE": self.instance,
            "TOCSIN_SLOT": str(slot), "TOCSIN_LOG_FORMAT": "json",
        }  # fmt: skip
        with (self.folder / f"ems120-{slot}.log").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.ems120"], env=os.environ | given, stderr=said, stdout=said
            )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def client(self, role: RoleName = "ems_dispatcher", *, unit: str = "", slot: int = 0) -> httpx.AsyncClient:
        """An HTTP client signed in as this role."""
        token = issue(self.secret, Principal(f"test-{role}-{unit}", role, unit=unit), hours=1)
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.ports[slot]}", headers={"authorization": f"Bearer {token}"}, timeout=90
        )

    async def ready(self, slot: int = 0) -> None:
        """Waits for readiness and the seeded fleet."""

        async def seeded() -> bool:
            try:
                async with self.client(slot=slot) as c:
                    return (await c.get("/readyz")).status_code == 200 and len(
                        (await c.get("/v1/units")).json()["items"]
                    ) >= 8
            except httpx.HTTPError:
                return False

        await eventually(seeded, seconds=60, what=f"ems120 ready; see {self.folder}/ems120-{slot}.log")

    def advance(self, ms: int) -> None:
        """Moves the manual clock on."""
        self.now_ms += ms
        write_clock(self.folder / "clock.json", base_ms=self.now_ms, factor=0)

    async def send(self, data: Any, command_id: str, *, region: str = REGION, target: str = "", **more: Any) -> None:
        """Puts a command on the log as a relay does."""
        command = Command(command_id=command_id, region=region, target=target, data=data, issued_at=self.now_ms, **more)
        clock = Clock(self.clock, self.folder / "clock.json")
        partition = partition_of(region, self.settings.partitions)
        headers = command_headers(command, clock=clock)
        await self.producer.append(
            Append(EMS_COMMANDS.name, partition, region.encode(), encode_command(command), headers)
        )

    async def open_incident(self, number: int, **more: Any) -> str:
        """What the router's relay sends for a medical task; the id of its first mission."""
        incident = f"{REGION}-20260405-{number:06d}"
        data = OpenMission(
            task_id=f"{incident}-T1", incident_id=incident, kind="medical.other", priority=2,
            place=Place(region=REGION, point=TOWN, source="point"), routed_at=self.now_ms,
        )  # fmt: skip
        data = msgspec.structs.replace(data, **more)
        await self.send(data, f"relay:open-{incident}", target=data.task_id)
        return f"{incident}-M1"

    async def events(self) -> list[Event[Any]]:
        """All committed events now."""
        return [decode_event(r) for r in await self._all(EMS_EVENTS.name)]

    async def reports(self) -> list[Command[Any]]:
        """All reports to the router now."""
        return [decode_command(r) for r in await self._all(URGENT.name)]

    async def _all(self, topic: str) -> list[bytes]:
        follower = KafkaFollower(self.settings, [topic])
        await follower.start({})
        found: list[bytes] = []
        try:
            ends = await follower.ends()
            async for batch in follower.batches(idle_ms=50):
                found += [r.value or b"" for r in batch]
                here = follower.positions()
                if all(here.get(p, 0) >= end for p, end in ends.items()):
                    return found
        finally:
            await follower.stop()
        return found


async def mission_where(
    client: httpx.AsyncClient, mission_id: str, check: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Waits until a mission is so."""

    async def look() -> dict[str, Any] | None:
        try:
            answer = await client.get(f"/v1/missions/{mission_id}")
        except httpx.HTTPError:
            return None  # killed just now; asked again until the deadline
        if answer.status_code != 200:
            return None
        found: dict[str, Any] = answer.json()
        return found if check(found) else None

    found = await eventually(look, what=f"{mission_id}")
    assert found is not None
    return found


async def act(client: httpx.AsyncClient, mission_id: str, command: str, **body: Any) -> httpx.Response:
    """One command on a mission, waiting for its decision."""
    return await client.post(f"/v1/missions/{mission_id}/commands?wait=30", json={"command": command, **body})
