"""One batch decided: records in, events and outputs out, each command once (invariant 2). No log is touched here."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from tocsin.codec.wire import UnreadableRecord, decode_command
from tocsin.envelope import Command, Draft, Event, Ms, Source
from tocsin.log.deadletters import Stage, dead_letter, where
from tocsin.log.fold import Fold
from tocsin.log.headers import event_headers, header
from tocsin.log.kernel import Kernel
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.stamp import Origin, Stamped, stamp
from tocsin.log.topics import RECORD_MAX
from tocsin.outcomes import CommandRepeated, InputDeadLettered, InputForwarded
from tocsin.runtime.clock import record_time

S = TypeVar("S")
TRANSACTION_BYTES = 4 * 1024 * 1024
"""A batch is cut after the command that passes this, so that no transaction grows without bound."""
EVENT_ROOM = 4 * 1024
"""Room an event's key and headers may take of a record's size."""
FORWARDED = "tocsin_forwarded"
_UNPREPARED: Any = object()


class Poisoned(Exception):
    """`evolve` failed: the state cannot be trusted any more and is folded anew, the record then rescued."""

    def __init__(self, record: Record, error: str) -> None:
        super().__init__(error)
        self.record, self.error = record, error


class Read(Struct):
    """A record with what was read of it."""

    record: Record
    at: Ms
    command: Command[Any] | None
    error: str = ""


class Decided(Struct):
    """What a batch came to. `outside` (forwards, dead letters) is acknowledged before `appends` are committed."""

    appends: list[Append] = field(default_factory=list)
    outside: list[Append] = field(default_factory=list)
    events: list[Event[Any]] = field(default_factory=list)
    decided: list[Read] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    size: int = 0
    taken: int = 0


class Decider(Generic[S]):
    """Decides batches of one partition on a fold. The fold is ahead of the log until the caller has committed."""

    def __init__(
        self,
        kernel: Kernel[S, Any],
        fold: Fold[S],
        *,
        partitions: int,
        trust_clock: bool,
        poisoned: dict[tuple[str, int], str],
        now: Callable[[], int] | None = None,
    ) -> None:
        self._fold, self._kernel, self._ledger = fold, kernel, fold.ledger
        self._partitions, self._trust_clock, self._poisoned = partitions, trust_clock, poisoned
        self._now = now

    def decide(self, records: Sequence[Record]) -> Decided:
        """Decides records in their order, until they end or the transaction is full (`taken` says how many)."""
        out = Decided()
        reads = [self._read(r) for r in records]
        facts = self._prepare(reads)
        for read in reads:
            out.taken += 1
            if read.record.offset >= self._ledger.position(read.record.topic):
                self._one(out, read, facts.get(id(read), _UNPREPARED))
            if out.size > TRANSACTION_BYTES:
                break
        return out

    def _read(self, record: Record) -> Read:
        at = record_time(record.headers, record.timestamp, trust_header=self._trust_clock, now=self._now)
        try:
            return Read(record, at, decode_command(record.value or b""))
        except UnreadableRecord as e:
            return Read(record, at, None, str(e))

    def _ours(self, read: Read) -> bool:
        command = read.command
        return (
            command is not None
            and partition_of(command.region, self._partitions) == self._fold.partition
            and (not self._ledger.knows(command.command_id) or self._kernel.conflicts(self._fold.state, command))
            and (read.record.topic, read.record.offset) not in self._poisoned
        )

    def _prepare(self, reads: Sequence[Read]) -> dict[int, Any]:
        ours = [r for r in reads if self._ours(r)]
        asked = [(r.command, r.at) for r in ours if r.command is not None]
        try:
            found = self._kernel.prepare(self._fold.state, asked) if asked else []
            return {id(r): f for r, f in zip(ours, found, strict=True)}
        except Exception:  # noqa: BLE001 - whatever fails in a rule costs the one command, never the partition
            return {id(r): f for r in ours if (f := self._prepare_one(r)) is not _UNPREPARED}

    def _prepare_one(self, read: Read) -> Any:
        try:
            return self._kernel.prepare(self._fold.state, [(read.command, read.at)])[0] if read.command else _UNPREPARED
        except Exception as e:  # noqa: BLE001 - see above; the command is rescued with this error
            read.error = where(e)
            return _UNPREPARED

    def _one(self, out: Decided, read: Read, facts: Any) -> None:
        command, record = read.command, read.record
        poison = self._poisoned.get((record.topic, record.offset))
        if command is None:
            self._bury(out, read, "decode", [])
        elif partition_of(command.region, self._partitions) != self._fold.partition:
            self._forward(out, read, command)
        elif self._ledger.knows(command.command_id) and not self._kernel.conflicts(self._fold.state, command):
            again = Draft(subject="", data=CommandRepeated(command=type(command.data).__name__, target=command.target))
            self._append(out, read, self._origin(read, command), [again])
        elif poison is not None:
            self._rescue(out, read, command, "evolve", poison)
        elif self._ledger.too_old(command.issued_at, max(read.at, self._ledger.recorded_at)):
            self._append(out, read, self._origin(read, command), self._rescued(read, command, "older_than_known_ids"))
        elif facts is _UNPREPARED:
            self._rescue(out, read, command, "prepare", read.error)
        else:
            self._decide_one(out, read, command, facts)

    def _decide_one(self, out: Decided, read: Read, command: Command[Any], facts: Any) -> None:
        try:
            drafts = self._drafts(command, facts)
        except Exception as e:  # noqa: BLE001 - invariant 1: a call that makes the rules crash becomes a human incident
            self._rescue(out, read, command, "decide", where(e))
            return
        if not self._append(out, read, self._origin(read, command), drafts):
            self._rescue(
                out, read, command, "size", f"an event of {type(command.data).__name__} is over {RECORD_MAX} bytes"
            )

    def _drafts(self, command: Command[Any], facts: Any) -> list[Draft[Any]]:
        drafts = self._kernel.decide(self._fold.state, command, facts)
        if not drafts:
            raise ValueError("decide left no event")
        return drafts

    def _rescue(self, out: Decided, read: Read, command: Command[Any], stage: Stage, error: str) -> None:
        read.error = error
        drafts = [] if stage == "evolve" and error.startswith("rescue:") else self._rescued(read, command, error)
        self._bury(out, read, stage, drafts)

    def _rescued(self, read: Read, command: Command[Any], error: str) -> list[Draft[Any]]:
        at = max(read.at, self._ledger.recorded_at)
        try:
            return self._kernel.rescue(self._fold.state, command, at, error)
        except Exception as e:  # noqa: BLE001 - the last net: the dead letter alone remains, and readiness tells of it
            return [Draft(subject="", data=InputDeadLettered(error=f"rescue failed: {where(e)}"))]

    def _bury(self, out: Decided, read: Read, stage: Stage, drafts: list[Draft[Any]]) -> None:
        letter = dead_letter(read.record, stage=stage, error=read.error)
        mark = InputDeadLettered(error=read.error[:500], sha256=hashlib.sha256(read.record.value or b"").hexdigest())
        if not self._append(out, read, self._origin(read, read.command), [*drafts, Draft(subject="", data=mark)]):
            self._append(out, read, self._origin(read, read.command), [Draft(subject="", data=mark)])
        out.outside.append(letter)
        out.stages.append(stage)

    def _forward(self, out: Decided, read: Read, command: Command[Any]) -> None:
        record, to = read.record, partition_of(command.region, self._partitions)
        if header(record.headers, FORWARDED) is not None:
            read.error = "forwarded twice: the processes disagree about TOCSIN_PARTITIONS"
            read.command = None
            self._bury(out, read, "forward", [])
            return
        headers = (*record.headers, (FORWARDED, _place(record).encode()))
        out.outside.append(Append(record.topic, to, command.region.encode(), record.value, headers))
        draft = Draft(subject="", data=InputForwarded(command_id=command.command_id, to_partition=to))
        self._append(out, read, self._origin(read, None), [draft])

    def _origin(self, read: Read, command: Command[Any] | None) -> Origin:
        record = read.record
        source = Source(topic=record.topic, partition=record.partition, offset=record.offset)
        at = max(self._ledger.recorded_at, read.at)
        policy = self._kernel.policy(self._fold.state, "" if command is None else command.region)
        if command is None:
            return Origin(command_id=f"input:{_place(record)}", region="", source=source, recorded_at=at, policy=policy)
        # Beside what was decided under a known id stand events of this record: their ids must be others.
        salt = _place(record) if self._ledger.knows(command.command_id) else ""
        return Origin(
            command_id=command.command_id, region=command.region, source=source, recorded_at=at, policy=policy,
            actor=command.actor, lane=command.lane, exercise=command.exercise, trace=command.trace, salt=salt,
        )  # fmt: skip

    def _append(self, out: Decided, read: Read, origin: Origin, drafts: Sequence[Draft[Any]]) -> bool:
        """Stamps, takes and adds events and their outputs; False, with nothing changed, where one is over the size."""
        head = self._ledger.head(origin.region)
        kernel, state = self._kernel, self._fold.state
        stamped, _ = stamp(
            origin, drafts, head, lambda subject: kernel.version(state, subject), lambda d: kernel.exercise(state, d)
        )
        sizes = [len(s.value) for s in stamped]
        if max(sizes) > RECORD_MAX - EVENT_ROOM:
            return False
        self._take(read, stamped)
        events = [s.event for s in stamped]
        outputs = self._outputs(out, read, events)
        key, topic, p = origin.region.encode(), kernel.events.name, self._fold.partition
        lines = {name: kernel.line(state, name) for name in {e.subject for e in events}}
        out.appends += [Append(topic, p, key, s.value, event_headers(s.event, lines[s.event.subject])) for s in stamped]
        out.appends += outputs
        out.size += sum(sizes) + sum(len(o.value or b"") for o in outputs)
        out.events += events
        out.decided.append(read)
        return True

    def _take(self, read: Read, stamped: Sequence[Stamped]) -> None:
        try:
            self._fold.take_decision(stamped)
        except Exception as e:
            before = self._poisoned.get((read.record.topic, read.record.offset))
            if before is not None and before.startswith("rescue:"):
                raise
            raise Poisoned(read.record, f"{'' if before is None else 'rescue:'}{where(e)}") from e

    def _outputs(self, out: Decided, read: Read, events: Sequence[Event[Any]]) -> list[Append]:
        try:
            found = self._kernel.outputs(self._fold.state, events)
        except Exception as e:  # noqa: BLE001 - the events stand; what an agency would have been sent is a dead letter
            out.outside.append(dead_letter(read.record, stage="outputs", error=where(e)))
            out.stages.append("outputs")
            return []
        fit = [o for o in found if len(o.value or b"") <= RECORD_MAX - EVENT_ROOM]
        if len(fit) < len(found):
            out.outside.append(
                dead_letter(read.record, stage="outputs", error=f"{len(found) - len(fit)} order(s) too large")
            )
            out.stages.append("outputs")
        return fit


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"
