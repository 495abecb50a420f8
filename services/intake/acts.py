"""An act's way in: its target found, sealed under its incident, appended, answered when decided."""

import re
import secrets
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from services.intake.accept import Finder, record_of
from services.intake.access import Sights
from services.intake.act_body import INCIDENT_ID, Head, described
from services.intake.body import invalid
from services.intake.index import CallRow, CommandRow, IncidentRow, Index
from services.intake.safekeeping import Safekeeping
from tocsin.calls.fields import FieldError
from tocsin.codec.wire import encode_command
from tocsin.envelope import Command, Lane
from tocsin.incident import commands as c
from tocsin.incident.values import CallRecord
from tocsin.log.headers import command_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import ROUTINE, URGENT
from tocsin.runtime.clock import Clock
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.sealing import Keyring, seal_words
from tocsin.sealing.walk import has_words

FRESH_S = 3.0
"""How long an unknown id waits for the index to come to the log's end: it may be a moment old."""
LOCATION_FIELDS: Final = ("address", "point", "accuracy_m")
_TASK: Final = re.compile(r"(\d{6}-\d{8}-\d{1,9})-T\d{1,6}", re.ASCII)


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a command came to: accepted with its events, refused with its code, or pending."""

    command_id: str
    outcome: str
    version: int | None = None
    events: list[dict[str, Any]] | None = None
    code: str = ""
    detail: str = ""
    durability: str = ""


class Target(Struct, frozen=True):
    """What a command acts on, the incident whose key seals its words, and where it travels."""

    id: str
    subject: str
    region: str
    lane: Lane
    line: str = ""


class Known(Protocol):
    """What says of a call what the log knows."""

    def call(self, call_id: str) -> CallRow | None:
        """The call, or None."""

    def incident(self, incident_id: str) -> IncidentRow | None:
        """The incident, or None."""

    def first_receiver(self, call: CallRow) -> str:
        """Who received a call's matter first."""


def check_reveal(
    index: Known, sights: Sights, who: Principal, act: c.Act, record_in: Callable[[bytes], CallRecord] = record_of
) -> None:
    """Problem 404 where a caller who is hidden from this person would be said to have been seen by them."""
    row = index.call(act.call_id) if isinstance(act, c.RevealNumber) else None
    if row is not None and sights.caller_hidden(who, record_in(row.value), row.kind, index.first_receiver(row)):
        raise missing("caller of the call", row.call_id)


def outcome_seen(index: Known, sights: Sights, who: Principal, row: CommandRow) -> bool:
    """Whether what a command came to is for this person: its sender, or who may see an incident it is about."""
    if row.outcome == "pending" or row.sender == who.subject or sights.of(who).everything:
        return True
    about = (index.incident(e["incident_id"]) for e in row.events)
    return any(i is not None and sights.incident(who, i) for i in about)


def beyond(index: Known, act: c.Relate) -> c.Relate:
    """A relation across a border with what is known of the other incident: whoever decides has only its own region."""
    row = index.incident(act.to)
    return act if row is None else msgspec.structs.replace(act, to_exercise=row.exercise)


class Acts:
    """Takes commands and says what came of them."""

    def __init__(
        self, index: Index, keeping: Safekeeping, keyring: Keyring, finder: Finder, clock: Clock, partitions: int,
        sights: Sights,
    ) -> None:  # fmt: skip
        self._index, self._keeping, self._keyring, self._finder = index, keeping, keyring, finder
        self._clock, self._partitions, self._sights = clock, partitions, sights

    async def incident(self, incident_id: str, who: Principal) -> Target:
        """The incident; Problem 404 where there is none, or none that one may see."""
        if INCIDENT_ID.fullmatch(incident_id) is None:
            raise missing("incident", incident_id)
        row = self._index.incident(incident_id)
        if row is None and await self._index.fresh(FRESH_S):
            row = self._index.incident(incident_id)
        if row is None or not self._sights.incident(who, row):
            raise missing("incident", incident_id)
        return Target(incident_id, incident_id, incident_id[:6], row.lane, "".join(row.lines[:1]))

    async def task(self, task_id: str, who: Principal) -> Target:
        """The task. Whose it is the owner judges (`not_your_task`), so that a transfer's taker is never shut out."""
        found = _TASK.fullmatch(task_id)
        if found is None:
            raise missing("task", task_id)
        agency = self._index.task_agency(task_id)
        if agency is None and await self._index.fresh(FRESH_S):
            agency = self._index.task_agency(task_id)
        row = self._index.incident(found[1])
        if (
            agency is None
            or row is None
            or (who.role not in ("dispatcher", "crew") and not self._sights.incident(who, row))
        ):
            raise missing("task", task_id)
        return Target(task_id, found[1], task_id[:6], row.lane, "".join(row.lines[:1]))

    async def call(self, call_id: str, who: Principal) -> Target:
        """The call; its words' key is its own."""
        row = self._index.call(call_id)
        if row is None and self._keeping.spool.call(call_id) is None and await self._index.fresh(FRESH_S):
            row = self._index.call(call_id)
        waiting = self._keeping.spool.call(call_id)
        if row is None and waiting is not None and waiting.key is not None:
            if not self._sights.call(who, record_of(waiting.value), []):
                raise missing("call", call_id)
            return Target(call_id, call_id, waiting.key.decode(), "urgent" if waiting.urgent else "routine")
        if row is None:
            raise missing("call", call_id)
        incidents = [i for x in row.incident_ids if (i := self._index.incident(x)) is not None]
        if not self._sights.call(who, record_of(row.value), incidents):
            raise missing("call", call_id)
        subject = incidents[0].incident_id if incidents else call_id
        return Target(call_id, subject, row.region, row.lane, record_of(row.value).line)

    async def send(
        self, act: c.Act, head: Head, target: Target, who: Principal, *, wait: float, trace: str = ""
    ) -> Outcome:
        """Makes the command safe and waits for its outcome as long as asked; a known id gets its answer again."""
        command_id = head.command_id or f"a-{secrets.token_hex(12)}"
        if head.command_id is not None:
            known = self._index.command(command_id)
            if known is not None and known.outcome != "pending":
                return again(known, who)
        check_reveal(self._index, self._sights, who, act)
        if isinstance(act, c.CorrectLocation):
            act = self._placed(act, target, who)
        elif isinstance(act, c.Relate) and act.to[:6] != target.region:
            if self._index.incident(act.to) is None:
                await self._index.fresh(FRESH_S)
            act = beyond(self._index, act)
        return await self.append(act, command_id, head.expected_version, target, who, wait=wait, trace=trace)

    async def append(
        self, act: c.Act, command_id: str, expected_version: int | None, target: Target, who: Principal, *,
        wait: float, trace: str = "",
    ) -> Outcome:  # fmt: skip
        """The same for an act that has been checked."""
        if has_words(type(act)):
            await self._keyring.ensure([target.subject])
            act = seal_words(act, target.subject, self._keyring)
        command = Command(
            command_id=command_id, region=target.region, data=act, target=target.id, actor=who.actor,
            issued_at=self._clock.now_ms(), expected_version=expected_version, lane=target.lane, trace=trace,
        )  # fmt: skip
        record = Append(
            (URGENT if target.lane == "urgent" else ROUTINE).name, partition_of(target.region, self._partitions),
            target.region.encode(), encode_command(command),
            command_headers(command, line=target.line, clock=self._clock),
        )  # fmt: skip
        kept = await self._keeping.keep(record, urgent=target.lane == "urgent", command_id=command_id)
        found = await self.outcome(command_id, wait) if wait > 0 else None
        if found is None:
            return Outcome(command_id=command_id, outcome="pending", durability=kept.durability)
        return shown(found)

    async def outcome(self, command_id: str, wait: float) -> CommandRow | None:
        """The outcome, waited for; None while it is pending."""

        def decided() -> CommandRow | None:
            row = self._index.command(command_id)
            return row if row is not None and row.outcome != "pending" else None

        return await self._index.until(f"command:{command_id}", decided, wait)

    async def status(self, command_id: str, wait: float, who: Principal | None = None) -> Outcome:
        """What a command came to; Problem 404 where none was sent under this id, or none that `who` may see."""
        row = await self.outcome(command_id, wait) or self._index.command(command_id)
        if row is None and await self._index.fresh(FRESH_S):
            row = self._index.command(command_id)
        if row is None or (who is not None and not outcome_seen(self._index, self._sights, who, row)):
            raise missing("command", command_id)
        return shown(row)

    def _placed(self, act: c.CorrectLocation, target: Target, who: Principal) -> c.CorrectLocation:
        at = act.location
        place, flags = self._finder.locate(at.point, at.accuracy_m, at.address, "", target.region, who.region)
        if "point_invalid" in flags:
            # A caller's bad position bounces nobody; one that a person types over what is known would lose the place.
            raise invalid("The point is nowhere here; see 'errors'.", FieldError("location.point", "no such position"))
        return msgspec.structs.replace(act, place=place, location=described(at, place))


def shown(row: CommandRow) -> Outcome:
    """A command's row as its sender sees it."""
    if row.outcome == "refused":
        return Outcome(
            command_id=row.command_id, outcome="refused", code=row.code, detail=row.detail, events=row.events
        )
    if row.outcome == "pending":
        return Outcome(command_id=row.command_id, outcome="pending")
    return Outcome(command_id=row.command_id, outcome="accepted", version=row.version, events=row.events)


def again(row: CommandRow, who: Principal) -> Outcome:
    """The answer of a command sent before; Problem 409 where another sent it: this act would be thought done."""
    if row.sender not in ("", who.subject):
        raise Problem(409, "command_id_conflict", f"The command id {row.command_id!r} was another's; send a new one.")
    return shown(row)


def missing(what: str, name: str) -> Problem:
    """404: there is none, or none that one may see."""
    return Problem(404, "not_found", f"There is no {what} {name[:80]!r} that you may see.")
