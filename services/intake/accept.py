"""A call's way in: parse → may this desk? → known already? → place and danger → admit → seal → make safe → answer."""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from typing import NamedTuple, Protocol

from msgspec import Struct

from services.intake.access import check_line
from services.intake.admission import Admission
from services.intake.fold import BODY_HEADER
from services.intake.index import Index
from services.intake.safekeeping import Kept, Safekeeping
from services.intake.segments import Held
from tocsin.calls import Parsed
from tocsin.calls.canonical import body_hash
from tocsin.calls.record import Subjects, subjects_of, to_record, usable_point
from tocsin.codec.text import rfc3339
from tocsin.codec.wire import decode_command, encode_command
from tocsin.envelope import Command, Lane, Ms
from tocsin.incident.commands import RecordCall
from tocsin.incident.values import CallRecord
from tocsin.log.headers import command_headers
from tocsin.log.partition import partition_of
from tocsin.log.topics import ROUTINE, URGENT
from tocsin.place import Place, Point
from tocsin.runtime.clock import Clock
from tocsin.runtime.metrics import ANSWER_SECONDS, CALLS_RECEIVED
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.sealing import KeyMissing, Keyring

CONFIRM_S = 1.0
"""How long a call under a sender's own id waits to see whether another replica recorded that id first."""
_RECENT_MAX = 8_192
_CODE_DIGITS = 20
_PROCESS, _COUNT = secrets.token_hex(8), itertools.count(1)
"""Ids we give: random once a process and counted, for asking the system's source each time costs 50 µs a call."""


class Finder(Protocol):
    """What intake asks of `tocsin.enrich`."""

    def locate(
        self, point: Point | None, accuracy_m: float | None, address: str, text: str, given_region: str,
        seat_region: str,
    ) -> tuple[Place, list[str]]:  # fmt: skip
        """The place and its flags (`region_unknown`)."""

    def danger(self, text: str) -> bool:
        """Whether the words speak of danger to life."""


class Receipt(Struct, frozen=True, kw_only=True):
    """The 202 (contract, section 2)."""

    call_id: str
    region: str
    durability: str
    recorded_at: str
    progress_code: str
    flags: list[str]


class Ready(NamedTuple):
    """A call that only has to be made safe."""

    record: CallRecord
    held: Held


class Calls:
    """Takes calls. One id is under way once at a time here; what other replicas did, the index says."""

    def __init__(
        self, index: Index, keeping: Safekeeping, keyring: Keyring, finder: Finder, admission: Admission, clock: Clock,
        partitions: int,
    ) -> None:  # fmt: skip
        self._index, self._keeping, self._keyring, self._finder = index, keeping, keyring, finder
        self._admission, self._clock, self._partitions = admission, clock, partitions
        self._open: dict[str, asyncio.Future[None]] = {}
        self._recent: dict[str, tuple[str, Receipt]] = {}
        self.heard: dict[str, Ms] = {}

    async def take(self, parsed: Parsed, who: Principal, trace: str = "") -> Receipt:
        """Records one call, once, and answers; Problem 403, 409, 413, 429, 503."""
        check_line(who, parsed.call.line)
        given = parsed.call.call_id
        if given is None:
            return await self._record(parsed, fresh_id(), body_hash(parsed.value, self._keyring), who, trace)
        body = body_hash(parsed.value, self._keyring)
        while (under_way := self._open.get(given)) is not None:
            await under_way
        known = self.known(given, body)
        if known is not None:
            return known
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open[given] = done
        try:
            receipt = await self._record(parsed, given, body, who, trace)
        finally:
            del self._open[given]
            done.set_result(None)
        return receipt

    def known(self, call_id: str, body: str) -> Receipt | None:
        """The first answer to this id again; Problem 409 where it came with another body; None where it is new."""
        recent = self._recent.get(call_id)
        if recent is not None:
            return _same(recent[0] == body, call_id, lambda: recent[1])
        waiting = self._keeping.spool.call(call_id)
        if waiting is not None:
            return _same(
                waiting.body_hash == body, call_id, lambda: self._receipt_of(waiting.value, waiting.at, "spooled")
            )
        row = self._index.call(call_id)
        if row is not None:
            return _same(
                row.body_hash == body, call_id, lambda: self._receipt_of(row.value, row.answered_at, row.durability)
            )
        return None

    def progress_code(self, call_id: str) -> str:
        """What the caller shows to see the own matter: keyed, so that nothing has to be kept."""
        return self._keyring.token("progress", call_id)[:_CODE_DIGITS]

    async def _record(self, parsed: Parsed, call_id: str, body: str, who: Principal, trace: str) -> Receipt:
        ready = await self.sealed(parsed, call_id, body, who, trace)
        held = ready.held
        kept = await self._keeping.keep(
            held.record, urgent=held.urgent, command_id=held.command_id, call_id=call_id, body_hash=held.body_hash
        )
        receipt = self.counted(ready, kept)
        if parsed.call.call_id is None:
            return receipt
        return await self._confirmed(receipt, kept, held.body_hash)

    async def _confirmed(self, receipt: Receipt, kept: Kept, body: str) -> Receipt:
        """Another replica may have recorded the same id first: then its answer, or its conflict, is the one."""
        if kept.at is not None and await self._index.passed(kept.at, CONFIRM_S):
            if self._index.was_first(receipt.call_id, kept.at):
                return receipt
            self._recent.pop(receipt.call_id, None)
            return self.known(receipt.call_id, body) or receipt
        return receipt

    async def sealed(self, parsed: Parsed, call_id: str, body: str, who: Principal, trace: str) -> Ready:
        """The call as the log takes it. Problem 429 where a routine call has to come again."""
        call = parsed.call
        location = call.location
        place, flags = (parsed.place, []) if parsed.place is not None else self._finder.locate(
            usable_point(call), location.accuracy_m if location else None, (location.address or "") if location else "",
            call.text or "", call.region or "", who.region,
        )  # fmt: skip
        danger = bool(call.text) and self._finder.danger(call.text or "")
        urgent = call.line != "12345" or danger
        self._admission.admit(urgent=urgent)
        subjects = subjects_of(call, call_id, self._keyring)
        await self._keyring.ensure(subjects.all)
        try:
            record = self._to_record(parsed, call_id, body, subjects, place, flags, danger, who)
        except KeyMissing:
            # Destroyed between the two steps by someone being forgotten: whoever rings again gets a new key.
            await self._keyring.ensure(subjects.all)
            record = self._to_record(parsed, call_id, body, subjects, place, flags, danger, who)
        return Ready(record, self._held(record, urgent, who, trace))

    def _to_record(
        self, parsed: Parsed, call_id: str, body: str, subjects: Subjects, place: Place, flags: list[str],
        danger: bool, who: Principal,
    ) -> CallRecord:  # fmt: skip
        return to_record(
            parsed, call_id=call_id, body=body, subjects=subjects, place=place, seat_region=who.region, flags=flags,
            danger=danger, now=self._clock.now_ms(), keyring=self._keyring,
        )  # fmt: skip

    def _held(self, record: CallRecord, urgent: bool, who: Principal, trace: str) -> Held:
        lane: Lane = "urgent" if urgent else "routine"
        now = self._clock.now_ms()
        command = Command(
            command_id=f"call:{record.call_id}", region=record.region, data=RecordCall(call=record),
            target=record.call_id, actor=who.actor, issued_at=now, lane=lane, trace=trace, exercise=record.exercise,
        )  # fmt: skip
        headers = command_headers(command, line=record.line, clock=self._clock)
        return Held(
            (URGENT if urgent else ROUTINE).name, partition_of(record.region, self._partitions), record.region.encode(),
            encode_command(command), (*headers, (BODY_HEADER, record.body_hash.encode())), now, urgent,
            command.command_id, record.call_id, record.body_hash,
        )  # fmt: skip

    def counted(self, ready: Ready, kept: Kept) -> Receipt:
        """The answer to a call that is safe, counted and remembered."""
        record = ready.record
        CALLS_RECEIVED.labels(record.line, record.channel, kept.durability).inc()
        counted = not record.exercise and "time_impossible" not in record.flags
        if counted and record.rang_at is not None and record.answered_at is not None:
            ANSWER_SECONDS.labels(record.line).observe((record.answered_at - record.rang_at) / 1000)
        self.heard[record.line] = kept.recorded_at
        receipt = self._receipt(record, kept.recorded_at, kept.durability)
        self._recent[record.call_id] = (record.body_hash, receipt)
        if len(self._recent) > _RECENT_MAX:
            del self._recent[next(iter(self._recent))]
        return receipt

    def _receipt_of(self, value: bytes, at: Ms, durability: str) -> Receipt:
        return self._receipt(record_of(value), at, durability)

    def _receipt(self, record: CallRecord, at: Ms, durability: str) -> Receipt:
        return Receipt(
            call_id=record.call_id, region=record.region, durability=durability, recorded_at=rfc3339(at) or "",
            progress_code=self.progress_code(record.call_id), flags=record.flags,
        )  # fmt: skip


def record_of(value: bytes) -> CallRecord:
    """The call in a command's bytes."""
    data = decode_command(value).data
    if not isinstance(data, RecordCall):
        raise TypeError(f"the index holds a {type(data).__name__} where a call should be")
    return data.call


def fresh_id() -> str:
    """An id for a call whose sender gave none."""
    return f"c-{_PROCESS}-{next(_COUNT):x}"


def _same(equal: bool, call_id: str, receipt: Callable[[], Receipt]) -> Receipt:
    if not equal:
        detail = f"Call {call_id} was recorded with another body; send this one under an id of its own."
        raise Problem(409, "call_id_conflict", detail)
    return receipt()
