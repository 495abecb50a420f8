"""The dead letters of a deployment: read as a whole, put back once each."""

from msgspec import Struct

from tocsin.codec.wire import UnreadableRecord, decode_command
from tocsin.log.deadletters import REPLAYED, DeadLetter, put_back, read_dead_letter, replayed_marker
from tocsin.log.headers import header
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.topics import DEADLETTER
from tocsin.runtime.settings import Settings


class Held(Struct):
    """A dead letter, how often it died, and whether it was ever put back."""

    letter: DeadLetter
    times: int = 1
    replayed: bool = False


async def read_all(settings: Settings) -> list[Held]:
    """All dead letters, the oldest first; one that died again after being put back is one letter. LogUnavailable."""
    found: dict[str, Held] = {}
    follower = KafkaFollower(settings, [DEADLETTER])
    try:
        await follower.start({})
        ends = await follower.ends()
        async for batch in follower.batches(idle_ms=100):
            for record in batch:
                letter = read_dead_letter(record)
                marker = header(record.headers, REPLAYED)
                if letter is not None:
                    known = found.get(letter.id)
                    found[letter.id] = Held(letter, known.times + 1, known.replayed) if known else Held(letter)
                elif marker is not None and (held := found.get(marker.decode(errors="replace"))) is not None:
                    held.replayed = True
            if all(follower.positions().get(place, 0) >= end for place, end in ends.items()):
                return list(found.values())
    finally:
        await follower.stop()
    return list(found.values())


async def put_all_back(settings: Settings, ident: str = "", *, again: bool = False) -> tuple[int, int]:
    """Puts back what was never put back, with `again` also what died once more: (put back, passed by). LogUnavailable.

    The bytes go first, the marker after: broken off between the two, the next run puts them back again, and the owner
    knows a command that it has decided before.
    """
    held = [h for h in await read_all(settings) if ident in ("", h.letter.id)]
    due = [h.letter for h in held if again or not h.replayed]
    if due:
        producer = KafkaProducer(settings)
        await producer.start()
        try:
            for letter in due:
                await producer.append(put_back(letter, _partition(letter, settings.partitions)))
                await producer.append(replayed_marker(letter))
        finally:
            await producer.stop()
    return len(due), len(held) - len(due)


def _partition(letter: DeadLetter, partitions: int) -> int:
    """The region's own partition where the bytes can be read by now, else where they stood."""
    try:
        return partition_of(decode_command(letter.value).region, partitions)
    except UnreadableRecord:
        return letter.partition
