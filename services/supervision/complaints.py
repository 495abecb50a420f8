"""Complaints about an agency: sealed, on the log before the receipt, never in the hands of the one complained of."""

import secrets
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import structlog

from tocsin.codec.text import COUNTY_ZONE
from tocsin.codec.wire import UnreadableRecord, decode_event, encode_event
from tocsin.envelope import Event, Source
from tocsin.log.headers import event_headers
from tocsin.log.kafka import KafkaFollower
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, LogUnavailable, Producer
from tocsin.log.topics import SUPERVISION_EVENTS
from tocsin.policy.standing import Standing
from tocsin.runtime.clock import Clock
from tocsin.runtime.lifecycle import until_reachable
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring, KeysUnavailable
from tocsin.supervision.events import ComplaintClosed, ComplaintReceived

log = structlog.get_logger()
Complaint = Event[ComplaintReceived]
End = Event[ComplaintClosed]


Outcome = Literal["upheld", "unfounded", "settled", "withdrawn"]
Told = Literal["told", "unreachable", "anonymous", "declined", "unsafe"]
D = TypeVar("D", ComplaintReceived, ComplaintClosed)


class Complaints:
    """Takes complaints and knows all there are: a fold of supervision's own events."""

    def __init__(
        self, settings: Settings, standing: Standing, keyring: Keyring, producer: Producer, clock: Clock
    ) -> None:
        self._settings, self._standing, self._keyring = settings, standing, keyring
        self._producer, self._clock = producer, clock
        self._known: dict[str, Complaint] = {}
        self._ends: dict[str, End] = {}

    async def run(self) -> None:
        """Follows supervision's events until cancelled."""
        follower = KafkaFollower(self._settings, [SUPERVISION_EVENTS], fetch_wait_ms=500)
        await until_reachable(lambda: follower.start({}), what="complaints")
        try:
            async for batch in follower.batches(idle_ms=500):
                for record in batch:
                    self._note(record.value or b"")
        finally:
            await follower.stop()

    def _note(self, value: bytes) -> None:
        try:
            event = decode_event(value)
        except UnreadableRecord as e:
            log.warning("supervision_event_unreadable", error=str(e))
            return
        if isinstance(event.data, ComplaintReceived):
            self._known[event.data.complaint_id] = event
        elif isinstance(event.data, ComplaintClosed):
            self._ends.setdefault(event.data.complaint_id, event)

    def handler_for(self, against: str) -> str:
        """Who looks into it: the inspection, or, where it is the one complained of, the command centre."""
        policy = self._standing.present
        return policy.command_agency if against == policy.inspection_agency else policy.inspection_agency

    async def take(
        self, principal: Principal, *, against: str, incident_id: str, text: str, complainant: str
    ) -> ComplaintReceived:
        """Seals and appends a complaint. Problem 422 for an agency nobody knows, 503 where nothing can be kept now."""
        if against not in self._standing.present.agencies:
            raise Problem.invalid("agency", f"There is no agency {against!r}; see the policy's list.")
        now = self._clock.now_ms()
        day = datetime.fromtimestamp(now / 1000, UTC).astimezone(COUNTY_ZONE).strftime("%Y%m%d")
        complaint_id = f"{principal.region}-{day}-C{secrets.token_hex(4)}"
        try:
            await self._keyring.ensure([complaint_id])
            data = ComplaintReceived(
                complaint_id=complaint_id, against=against, handled_by=self.handler_for(against),
                incident_id=incident_id, text=self._keyring.seal(complaint_id, text),
                complainant=self._keyring.seal(complaint_id, complainant),
            )  # fmt: skip
            self._known[complaint_id] = await self._append(principal, principal.region, data, now)
        except (LogUnavailable, KeysUnavailable) as e:
            raise Problem(503, "not_kept", "The complaint could not be kept just now; send it again.") from e
        return data

    async def close(
        self, principal: Principal, complaint_id: str, *, outcome: Outcome, told: Told, text: str
    ) -> Complaint:
        """Ends a complaint, once. Problem 404 where one sees none, 409 for others than who looks into it, 503."""
        found = next((c for c in self.seen_by(principal) if c.data.complaint_id == complaint_id), None)
        if found is None:
            raise Problem(404, "not_found", f"There is no complaint {complaint_id[:64]!r} that you may see.")
        command = self._standing.present.command_agency
        own = principal.agency or (command if principal.role == "commander" else "")
        if principal.role not in ("supervisor", "admin") and own != found.data.handled_by:
            raise Problem(409, "not_your_task", f"{found.data.handled_by} looks into this complaint.")
        if complaint_id in self._ends:
            raise Problem(409, "illegal_step", "The complaint is closed already.")
        try:
            await self._keyring.ensure([complaint_id])
            data = ComplaintClosed(
                complaint_id=complaint_id, outcome=outcome, told=told, text=self._keyring.seal(complaint_id, text)
            )
            ended: End = await self._append(principal, found.region, data, self._clock.now_ms(), version=2)
        except (LogUnavailable, KeysUnavailable) as e:
            raise Problem(503, "not_kept", "The end could not be kept just now; send it again.") from e
        self._ends.setdefault(complaint_id, ended)
        return found

    def end_of(self, complaint: Complaint) -> End | None:
        """How it ended; None while somebody looks into it."""
        return self._ends.get(complaint.data.complaint_id)

    async def _append(self, principal: Principal, region: str, data: D, now: int, *, version: int = 1) -> Event[D]:
        event_id = f"complaint:{data.complaint_id}{':closed' if version > 1 else ''}"
        event: Event[D] = Event(
            event_id=event_id, region=region, subject=data.complaint_id, seq=0,
            version=version, occurred_at=now, recorded_at=now, command_id=event_id, index=0, count=1,
            source=Source(), actor=principal.actor, data=data, policy=self._standing.present.hash, lane="routine",
        )  # fmt: skip
        partition = partition_of(region, self._settings.partitions)
        await self._producer.append(
            Append(SUPERVISION_EVENTS.name, partition, region.encode(), encode_event(event), event_headers(event))
        )
        return event

    def seen_by(self, principal: Principal) -> list[Complaint]:
        """Those this person may see: none about the own agency; the commander belongs to the command centre."""
        own = {principal.agency, self._standing.present.command_agency if principal.role == "commander" else ""} - {""}
        return [
            c
            for c in self._known.values()
            if c.data.against not in own
            and _in_region(principal, c)
            and (principal.role != "dispatcher" or c.data.handled_by == principal.agency)
        ]

    def words(self, complaint: Complaint) -> str:
        """What was said; empty where it has been forgotten. Who said it stays sealed."""
        return self._keyring.unseal(complaint.data.text) or ""


def _in_region(principal: Principal, complaint: Event[Any]) -> bool:
    return principal.role != "commander" or complaint.region == principal.region
