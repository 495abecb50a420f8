"""The router's metrics: from committed events, from the state, and from the log's own lags."""

import asyncio
import time
from collections import Counter
from typing import Any, get_args

from services.router.orders import ENDED
from tocsin.envelope import Event
from tocsin.incident import events as ev
from tocsin.incident.state import PartitionState
from tocsin.incident.values import ClockName
from tocsin.log.owner import Batch, Owner
from tocsin.log.owners import Owners
from tocsin.runtime.clock import Clock
from tocsin.runtime.metrics import (
    CLOCKS_MISSED,
    CONSUMER_LAG,
    DEADLETTERS,
    DECISIONS,
    OLDEST_UNACKNOWLEDGED,
    SINCE_LAST_CALL,
    STAGE_SECONDS,
    TASKS_OPEN,
)

EVERY_S = 5.0
SLICE = 2000
CLASSES = ("police", "fire", "traffic", "medical", "department")
STATES = ("routed", "acknowledged", "accepted", "dispatched", "on_scene")


class Watch:
    """Counts what is decided. Exercises count nowhere (invariant 10)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_call: dict[str, int] = {}
        STAGE_SECONDS.labels("decide")
        for clock_name in get_args(ClockName):
            for agency_class in CLASSES:
                CLOCKS_MISSED.labels(clock_name, agency_class)
        for stage in ("decode", "prepare", "decide", "relay"):
            DEADLETTERS.labels(stage)

    def batch(self, batch: Batch) -> None:
        """After each commit."""
        for stage in batch.stages:
            DEADLETTERS.labels(stage).inc()
        # Append times are real ones whatever clock the deployment runs on, and so is what they are held against.
        now_ms = time.time() * 1000
        for read in batch.reads:
            STAGE_SECONDS.labels("decide").observe(max(0.0, now_ms - read.record.timestamp) / 1000)
        lines: dict[str, str] = {}
        for event in batch.events:
            if not event.exercise:
                self._event(event, lines)

    def _event(self, event: Event[Any], lines: dict[str, str]) -> None:
        data = event.data
        if isinstance(data, ev.CallRecorded):
            line = lines[event.command_id] = data.call.line
            self._last_call[line] = max(self._last_call.get(line, 0), event.recorded_at)
        elif isinstance(data, ev.IncidentOpened | ev.CallLinked) and event.command_id in lines:
            outcome = "opened" if isinstance(data, ev.IncidentOpened) else "linked"
            DECISIONS.labels(lines.pop(event.command_id), outcome).inc()
        elif isinstance(data, ev.ClockMissed) and not data.moved:
            CLOCKS_MISSED.labels(data.clock, data.agency_class).inc()

    async def run(self, owners: Owners[PartitionState]) -> None:
        """Every five seconds: open tasks, the oldest unseen one, silence on each line, lags. Until cancelled."""
        while True:
            await self._look(owners)
            await owners.report()
            await asyncio.sleep(EVERY_S)

    async def _look(self, owners: Owners[PartitionState]) -> None:
        open_tasks: Counter[tuple[str, str]] = Counter()
        oldest: dict[str, int] = {}
        for owner in list(owners.owned.values()):
            if owner.phase == "deciding":
                for lag in owner.lags():
                    CONSUMER_LAG.labels(lag.topic, lag.partition).set(lag.records)
                await self._tasks(owner, open_tasks, oldest)
        now = self._clock.now_ms()
        for agency_class in CLASSES:
            for state in STATES:
                TASKS_OPEN.labels(agency_class, state).set(open_tasks[agency_class, state])
            seconds = (now - oldest[agency_class]) / 1000 if agency_class in oldest else 0.0
            OLDEST_UNACKNOWLEDGED.labels(agency_class).set(max(0.0, seconds))
        for line, at in self._last_call.items():
            SINCE_LAST_CALL.labels(line).set(max(0.0, (now - at) / 1000))

    async def _tasks(
        self, owner: Owner[PartitionState], open_tasks: Counter[tuple[str, str]], oldest: dict[str, int]
    ) -> None:
        for region in list(owner.fold.state.regions.values()):
            incidents = list(region.incidents.values())
            for start in range(0, len(incidents), SLICE):
                for incident in incidents[start : start + SLICE]:
                    if incident.exercise or incident.state != "open":
                        continue
                    for task in incident.tasks.values():
                        if task.state in ENDED:
                            continue
                        open_tasks[task.agency_class, task.state] += 1
                        if task.state == "routed":
                            at = oldest.get(task.agency_class, task.routed_at)
                            oldest[task.agency_class] = min(at, task.routed_at)
                await asyncio.sleep(0)
