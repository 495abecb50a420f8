"""A stage for supervision: a real broker with the topics, the service as a process, and a stand-in for the router.

The stand-in answers each `FireClock` as the router would: the first of an id with the clock's fact, a repeat with
nothing. It is the tests' own, so that what supervision does is seen apart from the router's rules.
"""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import eventually, free_ports, stretched
from tocsin.broker.topics import ensure_topics
from tocsin.codec.wire import decode_command, decode_event, encode_event
from tocsin.envelope import Command, Event, Source
from tocsin.incident import events as e
from tocsin.incident.commands import FireClock
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import ROUTINE, SUPERVISION_EVENTS, SUPERVISION_FACTS, URGENT
from tocsin.runtime.clock import write_clock
from tocsin.runtime.security import Principal, issue, load_secret
from tocsin.runtime.settings import Settings

REGION = "430921"
NOON = 1_775_361_600_000
"""2026-04-05 12:00 in the county, in Unix milliseconds: where the manual clock of these tests begins."""


def fact(data: Any, *, incident: str = "430921-20260405-000001", at: int = NOON, **more: Any) -> Event[Any]:
    """An event as the relay hands it on."""
    name = f"{type(data).__name__}:{incident}:{getattr(data, 'clock_id', '')}:{at}"
    return Event(
        event_id=name, region=more.pop("region", REGION), subject=incident, seq=1, version=1, occurred_at=at,
        recorded_at=at, command_id=more.pop("command_id", f"cause:{name}"), index=0, count=1, source=Source(),
        data=data, **more,
    )  # fmt: skip


def started(clock_id: str, *, due_at: int, warn_at: int | None = None, red_at: int | None = None) -> e.ClockStarted:
    """A limit of the fire brigade to acknowledge its task."""
    return e.ClockStarted(
        clock_id=clock_id, clock="acknowledge", task_id="430921-20260405-000001-T1", agency="nanxian-fire",
        agency_class="fire", started_at=NOON, due_at=due_at, warn_at=warn_at, red_at=red_at,
    )  # fmt: skip


def answer(command: Command[FireClock]) -> Event[Any]:
    """The fact with which the router answers a firing."""
    c = command.data
    cls = {"warning": e.ClockWarned, "missed": e.ClockMissed, "red": e.CardRaised}[c.level]
    data = cls(
        clock_id=c.clock_id, clock="acknowledge", task_id="430921-20260405-000001-T1", agency="nanxian-fire",
        agency_class="fire", due_at=c.due_at,
    )  # fmt: skip
    return fact(data, at=c.due_at, incident=c.incident_id, command_id=command.command_id, region=command.region)


@dataclass
class Stage:
    """One deployment: data directory, settings, the service's process, what was fired, what was issued."""

    bootstrap: str
    folder: Path
    clock: str = "manual"
    instance: str = ""
    slot: int = 0
    port: int = 0
    answering: bool = True
    fired: list[Command[FireClock]] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    cards: list[Event[Any]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.settings = Settings(
            kafka_bootstrap=self.bootstrap, data_dir=self.folder, clock=self.clock, port=self.port or free_ports(2),
            instance=self.instance, partitions=3, slot=self.slot,
        )  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.clock != "real":
            write_clock(self.folder / "clock.json", base_ms=NOON, factor=0)
        self.secret = load_secret(self.settings.secrets_dir / "token.key")
        self.producer = KafkaProducer(self.settings)
        self._follower = KafkaFollower(self.settings, [URGENT, ROUTINE, SUPERVISION_EVENTS])
        self._reading: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the service listens."""
        return f"http://127.0.0.1:{self.settings.port}"

    def token(self, role: Any = "admin", **more: str) -> dict[str, str]:
        """Headers that sign in as this role."""
        principal = Principal(f"test-{role}", role, **more)
        return {"authorization": f"Bearer {issue(self.secret, principal, hours=1)}"}

    async def open(self) -> None:
        """Makes the topics, begins to read what supervision writes."""
        await ensure_topics(self.settings)
        await self.producer.start()
        ends_only = KafkaFollower(self.settings, [URGENT, ROUTINE, SUPERVISION_EVENTS])
        await ends_only.start({})
        begin = await ends_only.ends()
        await ends_only.stop()
        await self._follower.start(begin)
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Ends everything."""
        self.stop()
        if self._reading is not None:
            self._reading.cancel()
        await self._follower.stop()
        await self.producer.stop()

    def start(self) -> None:
        """Starts the service."""
        given = {
            "TOCSIN_KAFKA_BOOTSTRAP": self.bootstrap, "TOCSIN_DATA_DIR": str(self.folder), "TOCSIN_CLOCK": self.clock,
            "TOCSIN_PORT": str(self.settings.port), "TOCSIN_PARTITIONS": "3", "TOCSIN_INSTANCE": self.instance,
            "TOCSIN_LOG_FORMAT": "json", "TOCSIN_SLOT": str(self.slot),
        }  # fmt: skip
        with (self.folder / f"supervision-{self.slot}.log").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.supervision"], env=os.environ | given, stderr=said, stdout=said
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int | None:
        """SIGTERM; its exit code."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            code = self.process.wait(stretched(10))
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.process = None
        return code

    def set_clock(self, at: int) -> None:
        """Moves the manual clock."""
        write_clock(self.folder / "clock.json", base_ms=at, factor=0)

    async def tell(self, *facts: Event[Any]) -> None:
        """Appends facts as the relay does, each where its region stands."""
        await self.producer.append_all([self._fact(f) for f in facts])

    def _fact(self, event: Event[Any]) -> Append:
        partition = partition_of(event.region, self.settings.partitions)
        return Append(SUPERVISION_FACTS.name, partition, event.region.encode(), encode_event(event))

    async def firings(
        self, clock_id: str, level: str, *, count: int = 1, seconds: float = 30
    ) -> list[Command[FireClock]]:
        """Waits until this many firings of this limit and level have been seen."""

        def seen() -> list[Command[FireClock]]:
            found = [c for c in self.fired if c.data.clock_id == clock_id and c.data.level == level]
            return found if len(found) >= count else []

        return await eventually(seen, seconds=seconds, what=f"{count} × {level} of {clock_id}; {self.said()}")

    def said(self) -> str:
        """The end of the service's log."""
        return (self.folder / f"supervision-{self.slot}.log").read_text()[-2000:]

    async def _read(self) -> None:
        async for batch in self._follower.batches(idle_ms=50):
            for record in batch:
                if record.topic == SUPERVISION_EVENTS.name:
                    self.cards.append(decode_event(record.value or b""))
                    continue
                command = decode_command(record.value or b"")
                if isinstance(command.data, FireClock):
                    self.fired.append(command)
                    if self.answering and command.command_id not in self.answered:
                        self.answered.add(command.command_id)
                        await self.tell(answer(command))
