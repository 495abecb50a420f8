"""Posted calls read as intake and router would, without keys or a log: words stay in memory, numbers are hashed."""

import hashlib
from typing import Any

from tocsin.calls.numbers import normal_number
from tocsin.calls.read import InvalidBody, parse_value
from tocsin.calls.record import point_fault, usable_point
from tocsin.calls.times import moment
from tocsin.cli.errors import Mend
from tocsin.enrich.enricher import Enricher, TextModel
from tocsin.envelope import Ms
from tocsin.incident.values import CallRecord, Understanding
from tocsin.policy.model import Policy


def _hash(kind: str, text: str) -> str:
    return hashlib.blake2b(f"{kind}:{text}".encode(), digest_size=12).hexdigest()


def _at(text: str | None) -> Ms | None:
    return moment(text).at if text else None


class OfflineCalls:
    """Reads and understands calls by one policy, and a trained model where one is given."""

    def __init__(self, policy: Policy, model: TextModel | None = None) -> None:
        self._policy = policy
        self._enricher = Enricher(policy, model, tokens=_hash)

    def read(self, value: dict[str, Any], *, fallback_id: str) -> tuple[CallRecord, Understanding]:
        """A call and what is understood of it; Mend says what is wrong with a body intake would refuse."""
        try:
            parsed = parse_value(value)
        except InvalidBody as e:
            fields = "; ".join(f"{x.field or 'the line'}: {x.message}" for x in e.errors)
            raise Mend(f"{fallback_id}: {fields or e}", "Send each line in the shape of POST /v1/calls.") from e
        call = parsed.call
        where, text = call.location, call.text or ""
        address = (where.address or "") if where else ""
        accuracy = where.accuracy_m if where else None
        seat = self._policy.default_region
        place, flags = self._enricher.locate(usable_point(call), accuracy, address, text, call.region or "", seat)
        if point_fault(where.point if where else None, accuracy):
            flags = ["point_invalid", *flags]
        number = normal_number(call.caller.number or "") if call.caller else ""
        record = CallRecord(
            call_id=call.call_id or fallback_id, line=call.line, channel=call.channel or "voice", region=place.region,
            seat_region=seat, caller_token=_hash("number", number) if number else "", has_text=bool(text.strip()),
            accuracy_m=accuracy, place=place, rang_at=_at(call.rang_at), answered_at=_at(call.answered_at),
            ended_at=_at(call.ended_at), occurred_at=_at(call.occurred_at), received_at=_at(call.received_at),
            exercise=bool(call.exercise), danger=self._enricher.danger(text), flags=[*parsed.flags, *flags],
        )  # fmt: skip
        return record, self._enricher.understand_call(record, text, has_address=bool(address))

    @staticmethod
    def moment(call: CallRecord) -> Ms:
        """When the call counts as recorded: its receipt, ringing, answer or matter; 0 where it names no time."""
        return call.received_at or call.rang_at or call.answered_at or call.occurred_at or 0
