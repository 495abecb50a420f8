"""Dead letters: what could not be read or made the rules fail, with its bytes, so that it can be put back."""

import traceback
from typing import Literal

from msgspec import Struct

from tocsin.log.headers import Headers, header
from tocsin.log.port import Append, Record
from tocsin.log.stamp import event_id
from tocsin.log.topics import DEADLETTER

Stage = Literal["decode", "prepare", "decide", "evolve", "outputs", "forward", "size", "relay"]
PREFIX = "tocsin_dl_"
REPLAYED = "tocsin_dl_replayed"
"""Header of a marker among the dead letters, and of a record put back: the dead letter's id."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A dead letter as read. `id` is made from where the record first stood: dying twice, it is still the same one."""

    id: str
    topic: str
    partition: int
    offset: int
    error: str
    stage: str
    key: bytes | None
    value: bytes
    headers: Headers
    dead_at: int


def where(error: BaseException) -> str:
    """An error's type and place. Never its text: the rules see clear words, and those must not reach the log."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def dead_letter(record: Record, *, stage: Stage, error: str) -> Append:
    """The dead letter of a record: its value as it was, its headers and ours, under its source as key."""
    first = header(record.headers, REPLAYED)
    known = first.decode(errors="replace") if first else ""
    source = f"{record.topic}/{record.partition}/{record.offset}"
    ours: Headers = (
        (f"{PREFIX}id", (known or event_id("deadletter", source)).encode()),
        (f"{PREFIX}topic", record.topic.encode()),
        (f"{PREFIX}partition", str(record.partition).encode()),
        (f"{PREFIX}offset", str(record.offset).encode()),
        (f"{PREFIX}stage", stage.encode()),
        (f"{PREFIX}error", error.encode(errors="replace")[:2000]),
        *(((f"{PREFIX}key", record.key),) if record.key is not None else ()),
    )
    theirs = tuple((k, v) for k, v in record.headers if not k.startswith(PREFIX))
    return Append(DEADLETTER.name, record.partition, source.encode(), record.value or b"", (*ours, *theirs))


def read_dead_letter(record: Record) -> DeadLetter | None:
    """The dead letter in a record of the dead letters' topic; None for a marker or what is none of ours."""
    held = {k: v for k, v in record.headers if k.startswith(PREFIX)}
    try:
        return DeadLetter(
            id=held[f"{PREFIX}id"].decode(), topic=held[f"{PREFIX}topic"].decode(),
            partition=int(held[f"{PREFIX}partition"]), offset=int(held[f"{PREFIX}offset"]),
            stage=held[f"{PREFIX}stage"].decode(), error=held[f"{PREFIX}error"].decode(errors="replace"),
            key=held.get(f"{PREFIX}key"), value=record.value or b"", dead_at=record.timestamp,
            headers=tuple((k, v) for k, v in record.headers if not k.startswith(PREFIX)),
        )  # fmt: skip
    except (KeyError, ValueError):
        return None


def put_back(letter: DeadLetter, partition: int) -> Append:
    """The record that puts a dead letter's bytes back into its source topic, marked with the letter's id."""
    return Append(letter.topic, partition, letter.key, letter.value, (*letter.headers, (REPLAYED, letter.id.encode())))


def replayed_marker(letter: DeadLetter) -> Append:
    """The marker that says this letter was put back; a later replay passes it by."""
    source = f"{letter.topic}/{letter.partition}/{letter.offset}"
    return Append(DEADLETTER.name, letter.partition, source.encode(), b"", ((REPLAYED, letter.id.encode()),))
