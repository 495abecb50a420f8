"""The 30 seconds a crew has to acknowledge: watched by time alone, fired as a command, once an attempt.

The command's id is made of mission and attempt, so that replicas, restarts and repeats come to one decision. Where the
log's clock refused it as too early (two machines' clocks differ), the next try has the next id.
"""

import asyncio

import structlog

from services.ems120.desk import SYSTEM_ACTOR, Desk
from tocsin.envelope import Command
from tocsin.log.owners import Owners
from tocsin.log.partition import partition_of
from tocsin.mission.commands import MissionClock
from tocsin.mission.state import EmsState, Mission
from tocsin.runtime.problems import Problem

log = structlog.get_logger()
TICK_S = 0.2
TICK_FAST_S = 0.05
"""Where a manual or scaled clock makes others wait for the timer."""
TRIES_MAX = 20


class Timer:
    """Fires for the partitions this process owns."""

    def __init__(self, desk: Desk, owners: Owners[EmsState]) -> None:
        self._desk, self._owners = desk, owners
        self._fired: dict[str, int] = {}

    def due(self, until_ms: int) -> list[Mission]:
        """Missions of owned partitions whose acknowledgement is due by then."""
        index, partitions = self._desk.index, self._desk.settings.partitions
        found = []
        for mission_id in index.active:
            mission = index.state.missions[mission_id]
            at = mission.acknowledge_due_at
            if mission.state == "assigned" and at is not None and at <= until_ms:
                owner = self._owners.owned.get(partition_of(mission.region, partitions))
                if owner is not None and owner.phase == "deciding":
                    found.append(mission)
        return sorted(found, key=lambda m: (m.acknowledge_due_at or 0, m.mission_id))

    def _next_id(self, mission: Mission) -> str | None:
        """The id to fire with; None where one is under way."""
        for n in range(1, TRIES_MAX + 1):
            command_id = f"clock:{mission.mission_id}:ack:{mission.attempt}" + (f":{n}" if n > 1 else "")
            outcome = self._desk.index.outcome(command_id)
            if outcome is None:
                return None if command_id in self._fired else command_id
            if outcome.refusal is None:
                return None
        return None

    async def tick(self) -> int:
        """Fires what is due; how many."""
        now = self._desk.clock.now_ms()
        if self._desk.index.ready() is not None:
            return 0
        fired = 0
        for mission in self.due(now):
            command_id = self._next_id(mission)
            if command_id is None or mission.acknowledge_due_at is None:
                continue
            data = MissionClock(
                mission_id=mission.mission_id, attempt=mission.attempt, due_at=mission.acknowledge_due_at
            )
            command = Command(
                command_id=command_id, region=mission.region, target=mission.mission_id, data=data, actor=SYSTEM_ACTOR,
                issued_at=now, exercise=mission.exercise,
            )  # fmt: skip
            await self._desk.append(command)
            self._fired[command_id] = now
            fired += 1
        if len(self._fired) > 10_000:  # noqa: PLR2004 - ids under way are few; old ones are dropped whole
            self._fired = {k: v for k, v in self._fired.items() if now - v < 600_000}  # noqa: PLR2004 - ten minutes
        return fired

    async def run(self) -> None:
        """Until cancelled; a lost log is tried again at the next tick."""
        tick_s = TICK_S if self._desk.clock.is_real else TICK_FAST_S
        while True:
            try:
                await self.tick()
            except Problem as e:
                log.warning("timer_waits", error=e.detail)
            await asyncio.sleep(tick_s)
