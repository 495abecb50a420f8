"""Whether everything has been worked off, so that a manual clock may be moved on without leaving anything behind.

Work goes round: commands → router → events → relays → facts → supervision → commands. All of it is at rest when every
stage has read to its end, and the ends were the same before that look and after it.
"""

import asyncio
from collections.abc import Mapping

import structlog

from services.supervision.desk import Desk
from services.supervision.ends import Ends, Offsets
from tocsin.codec.wire import UnreadableRecord, decode_event
from tocsin.log.kafka import KafkaFollower
from tocsin.log.port import LogUnavailable
from tocsin.log.topics import EMS_COMMANDS, EMS_EVENTS, INCIDENT_EVENTS, ROUTINE, SUPERVISION_FACTS, URGENT, Topic
from tocsin.runtime.clock import Clock
from tocsin.runtime.lifecycle import until_reachable
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
_INPUTS = (URGENT, ROUTINE, EMS_COMMANDS)
_WATCHED: tuple[Topic, ...] = (*_INPUTS, INCIDENT_EVENTS, EMS_EVENTS, SUPERVISION_FACTS)


class Settled:
    """Follows the events' own account of how far the input is decided (invariant 2); only under a manual clock."""

    def __init__(self, settings: Settings, clock: Clock, desk: Desk, ends: Ends, relays: Mapping[str, Topic]) -> None:
        self._settings, self._clock, self._desk, self._ends, self._relays = settings, clock, desk, ends, relays
        self._decided: Offsets = {}
        self._last: Offsets = {}
        self._follower = KafkaFollower(settings, [INCIDENT_EVENTS, EMS_EVENTS])

    async def run(self) -> None:
        """Follows until cancelled."""
        if self._clock.mode != "manual":
            return
        await until_reachable(lambda: self._follower.start({}), what="events for the manual clock")
        try:
            async for batch in self._follower.batches(max_records=2_000, idle_ms=100):
                for record in batch:
                    self._last[record.topic, record.partition] = record.offset + 1
                    self._note(record.value or b"")
                await asyncio.sleep(0)
        finally:
            await self._follower.stop()

    def _note(self, value: bytes) -> None:
        try:
            source = decode_event(value).source
        except UnreadableRecord:
            return
        where = (source.topic, source.partition)
        self._decided[where] = max(self._decided.get(where, 0), source.offset + 1)

    async def waiting_for(self) -> list[str]:
        """What is not yet at rest, in words; empty when all is."""
        if self._clock.mode != "manual":
            return ["the clock: it runs by itself, only a manual one waits"]
        try:
            before = await self._ends.of(_WATCHED)
            reasons = self._unread(before) + await self._unrelayed() + self._unfired()
            if not reasons and await self._ends.of(_WATCHED) != before:
                reasons.append("records that came just now")
        except LogUnavailable as e:
            return [f"the log: {e}"]
        return reasons

    def _unread(self, ends: Offsets) -> list[str]:
        seen = self._follower.positions()
        reached = {
            **{(t.name, p): self._decided.get((t.name, p), 0) for t in _INPUTS for p in self._desk.books},
            **{k: seen.get(k, 0) for k in ends if k[0] in (INCIDENT_EVENTS.name, EMS_EVENTS.name)},
            **{(SUPERVISION_FACTS.name, p): b.position for p, b in self._desk.books.items()},
        }
        return [
            f"{topic} {p}: {ends[topic, p] - at} records" for (topic, p), at in reached.items() if at < ends[topic, p]
        ]

    async def _unrelayed(self) -> list[str]:
        reasons: list[str] = []
        for group, topic in self._relays.items():
            committed = await self._ends.committed(group)
            reasons += [
                f"relay {group}: {name} {p}"
                for (name, p), last in self._last.items()
                if name == topic.name and committed.get((name, p), 0) < last
            ]
        return reasons

    def _unfired(self) -> list[str]:
        if set(self._desk.books) - self._desk.owned:
            return ["supervision's group: not all partitions are taken"]
        now = self._clock.now_ms()
        return ["limits that are due"] if any(b.next_due(now) is not None for b in self._desk.running()) else []
