"""Complaints about an agency: sealed, on the log before the receipt, never in the hands of the one complained of."""

import secrets
from datetime import UTC, datetime
from typing import Any

import structlog

from tocsin.codec.text import COUNTY_ZONE
from tocsin.codec.wire import UnreadableRecord, decode_event, encode_event
from tocsin.envelope import Event, Source
from tocsin.log.headers import event_headers
from tocsin.log.kafka import KafkaFollower
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, LogUnavailable, Producer
from tocsin.log.topics import SUPERVISION_EVENTS
from tocsin.policy.model import Policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.lifecycle import until_reachable
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring, KeysUnavailable
from tocsin.supervision.events import ComplaintReceived

log = structlog.get_logger()
Complaint = Event[ComplaintReceived]


class Complaints:
    """Takes complaints and knows all there are: a fold of supervision's own events."""

    def __init__(self, settings: Settings, policy: Policy, keyring: Keyring, producer: Producer, clock: Clock) -> None:
        self._settings, self._policy, self._keyring = settings, policy, keyring
        self._producer, self._clock = producer, clock
        self._known: dict[str, Complaint] = {}

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

    def handler_for(self, against: str) -> str:
        """Who looks into it: the inspection, or, where it is the one complained of, the command centre."""
        policy = self._policy
        return policy.command_agency if against == policy.inspection_agency else policy.inspection_agency

    async def take(
        self, principal: Principal, *, against: str, incident_id: str, text: str, complainant: str
    ) -> ComplaintReceived:
        """Seals and appends a complaint. Problem 422 for an agency nobody knows, 503 where nothing can be kept now."""
        if against not in self._policy.agencies:
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
            await self._append(principal, data, now)
        except (LogUnavailable, KeysUnavailable) as e:
            raise Problem(503, "not_kept", "The complaint could not be kept just now; send it again.") from e
        return data

    async def _append(self, principal: Principal, data: ComplaintReceived, now: int) -> None:
        event: Complaint = Event(
            event_id=f"complaint:{data.complaint_id}", region=principal.region, subject=data.complaint_id, seq=0,
            version=1, occurred_at=now, recorded_at=now, command_id=data.complaint_id, index=0, count=1,
            source=Source(), actor=principal.actor, data=data, policy=self._policy.hash, lane="routine",
        )  # fmt: skip
        partition = partition_of(principal.region, self._settings.partitions)
        await self._producer.append(
            Append(
                SUPERVISION_EVENTS.name, partition, principal.region.encode(), encode_event(event), event_headers(event)
            )
        )
        self._known[data.complaint_id] = event

    def seen_by(self, principal: Principal) -> list[Complaint]:
        """Those this person may see: none about the own agency; the commander belongs to the command centre."""
        own = {principal.agency, self._policy.command_agency if principal.role == "commander" else ""} - {""}
        return [c for c in self._known.values() if c.data.against not in own and _in_region(principal, c)]

    def words(self, complaint: Complaint) -> str:
        """What was said; empty where it has been forgotten. Who said it stays sealed."""
        return self._keyring.unseal(complaint.data.text) or ""


def _in_region(principal: Principal, complaint: Event[Any]) -> bool:
    return principal.role != "commander" or complaint.region == principal.region
