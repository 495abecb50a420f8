"""Vehicle positions: heard from the topic by every replica, newest by unit; the truth of the missions they are not."""

import asyncio

import structlog

from tocsin.codec.wire import UnreadableRecord, decode_value, encode_value
from tocsin.log.headers import position_headers
from tocsin.log.kafka import KafkaFollower
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, LogUnavailable, Producer
from tocsin.log.topics import EMS_POSITIONS
from tocsin.mission.values import Position
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
RETRY_S = 1.0


class Positions:
    """`newest` is read by the kernel at the moment of deciding."""

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self._settings, self._producer = settings, producer
        self.newest: dict[str, Position] = {}
        self.unreadable = 0

    async def report(self, position: Position) -> None:
        """Writes a position; LogUnavailable."""
        unit = position.unit_id
        partition = partition_of(unit, self._settings.partitions)
        headers = position_headers(unit, position.at)
        record = Append(EMS_POSITIONS.name, partition, unit.encode(), encode_value(position), headers)
        await self._producer.append(record)

    def hear(self, position: Position) -> None:
        """Takes a position unless a newer one of the same unit is known."""
        known = self.newest.get(position.unit_id)
        if known is None or position.at >= known.at:
            self.newest[position.unit_id] = position

    async def run(self) -> None:
        """Follows the topic for ever; two days of it at start. A lost broker is waited for."""
        reached: dict[tuple[str, int], int] = {}
        while True:
            follower = KafkaFollower(self._settings, [EMS_POSITIONS])
            try:
                await follower.start(reached)
                async for batch in follower.batches(max_records=2000):
                    for record in batch:
                        reached[record.topic, record.partition] = record.offset + 1
                        try:
                            self.hear(decode_value(Position, record.value or b""))
                        except UnreadableRecord:
                            self.unreadable += 1
                    await asyncio.sleep(0)
            except LogUnavailable as e:
                log.warning("positions_wait", error=str(e))
            finally:
                await follower.stop()
            await asyncio.sleep(RETRY_S)
