"""Incidents, calls and events as one sight shows them: words unsealed, numbers masked, the rest left out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import orjson

from services.notifier.fold import HeldCall
from services.notifier.part import own_part
from tocsin.codec.text import plain, rfc3339
from tocsin.envelope import Event
from tocsin.incident.events import CallRecorded
from tocsin.incident.show import FORGOTTEN as UNREADABLE
from tocsin.incident.show import MEDICAL_HIDDEN, incident_view, masked, private_of
from tocsin.incident.state import Incident
from tocsin.incident.values import CallRecord
from tocsin.incident.view import CallerView, CallView, IncidentView
from tocsin.policy.model import Policy
from tocsin.sealing.keyring import MARK, Keyring
from tocsin.sight import FORGOTTEN, Sight, caller_hidden, only_own, text_hidden

_NOT_SHOWN = ("private", "party", "body_hash", "caller_token", "party_token")


class Private(Protocol):
    """What a call's sealed part holds."""

    caller: Any
    text: str
    address: str


class Presenter:
    """Knows the keys and the policy's labels; holds nothing clear between two calls."""

    def __init__(self, policy: Policy, keyring: Keyring) -> None:
        self._policy, self._keyring = policy, keyring

    def follow(self, policy: Policy) -> None:
        """Another policy stands: labels and who is confidential are its."""
        self._policy = policy

    def words(self, sealed: str) -> str:
        """The words, or that they are forgotten."""
        clear = self._keyring.unseal(sealed)
        return FORGOTTEN if clear is None else clear

    def load(self, calls: Iterable[HeldCall]) -> None:
        """Fetches the keys of many calls in one read."""
        self._keyring.load(c.record.private for c in calls if c.record.private)

    def private(self, record: CallRecord) -> Private:
        """A call's sealed part."""
        return private_of(record, self._keyring.unseal)

    def incident(
        self, incident: Incident, calls: Mapping[str, HeldCall], sight: Sight, keys: frozenset[str]
    ) -> dict[str, Any]:
        """The contract's JSON of an incident; by its keys all of it, or no more than one's own former task."""
        view = self.view(incident, calls, sight)
        agency = only_own(sight, incident.region, keys)
        held: dict[str, Any] = plain(own_part(view, agency) if agency else view)
        return held

    def view(self, incident: Incident, calls: Mapping[str, HeldCall], sight: Sight) -> IncidentView:
        """The incident as this sight may see it."""
        records = {c: calls[c].record for c in incident.links if c in calls}
        view = incident_view(incident, records, self._policy.kinds, self._keyring.unseal, confidential=True)
        seen = [self._call(c, calls.get(c.call_id), incident, sight) for c in view.calls]
        return msgspec.structs.replace(view, calls=seen)

    def hides(self, record: CallRecord, incident: Incident, sight: Sight) -> bool:
        """Whether a caller of this incident stays unseen: marked so, or by the incident's kind."""
        kind = self._policy.kinds.get(incident.kind)
        secret = kind is not None and kind.confidential
        return caller_hidden(record, sight, incident.first_receiver, secret=secret)

    def _call(self, shown: CallView, held: HeldCall | None, incident: Incident, sight: Sight) -> CallView:
        if held is None:
            return shown
        changed: dict[str, Any] = {"recorded_at": held.recorded_at}
        if self.hides(held.record, incident, sight):
            changed["caller"] = CallerView()
        if text_hidden(held.record, sight) and shown.text:
            changed["text"] = MEDICAL_HIDDEN
        elif shown.text == UNREADABLE:
            changed["text"] = FORGOTTEN
        return msgspec.structs.replace(shown, **changed)

    def event(self, event: Event[Any], incident_id: str, sight: Sight, first_receiver: str) -> dict[str, Any]:
        """An event as the history shows it."""
        return {
            "event_id": event.event_id,
            "type": event.type,
            "incident_id": incident_id,
            "version": event.version,
            "region": event.region,
            "occurred_at": rfc3339(event.occurred_at),
            "recorded_at": rfc3339(event.recorded_at),
            "actor": plain(event.actor),
            "command_id": event.command_id,
            "policy": event.policy,
            "seq": event.seq,
            "lane": event.lane,
            "exercise": event.exercise,
            "data": self.data(event, sight, first_receiver),
        }

    def data(self, event: Event[Any], sight: Sight, first_receiver: str) -> dict[str, Any]:
        """An event's content in clear words, for those who may see them."""
        if isinstance(event.data, CallRecorded):
            return self._recorded(event.data, sight, first_receiver)
        data: dict[str, Any] = self._clear(plain(event.data))
        data.pop("private", None)
        if not sight.medical and self._is_medical(str(data.get("agency", ""))):
            data |= {k: MEDICAL_HIDDEN for k in ("text", "result", "outcome") if data.get(k)}
        return data

    def _recorded(self, data: CallRecorded, sight: Sight, first_receiver: str) -> dict[str, Any]:
        record, private = data.call, self.private(data.call)
        call = {k: v for k, v in plain(record).items() if k not in _NOT_SHOWN}
        call["text"] = FORGOTTEN if private.text == UNREADABLE else private.text
        call["address"] = private.address
        understanding = plain(data.understanding)
        if text_hidden(record, sight):
            call["text"] = MEDICAL_HIDDEN if private.text else ""
            understanding |= {"terms": [], "negated": []}
        kind = self._policy.kinds.get(data.understanding.kind)
        if not caller_hidden(record, sight, first_receiver, secret=kind is not None and kind.confidential):
            call["caller"] = {"number": masked(private.caller.number)}
        return {"call": call, "understanding": understanding, "incident_ids": list(data.incident_ids)}

    def _is_medical(self, agency: str) -> bool:
        known = self._policy.agencies.get(agency)
        return known is not None and known.agency_class == "medical"

    def _clear(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.words(value) if value.startswith(MARK) else value
        if isinstance(value, dict):
            return {k: self._clear(v) for k, v in value.items()}
        return [self._clear(v) for v in value] if isinstance(value, list) else value


def dumps(value: Any) -> bytes:
    """JSON bytes; what is no Unicode is replaced rather than refused."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_mended(value))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_mended(k): _mended(v) for k, v in value.items()}
    return [_mended(v) for v in value] if isinstance(value, list | tuple) else value


def classes_of(keys: frozenset[str]) -> Sequence[str]:
    """The agency classes among an incident's keys."""
    return sorted(k.removeprefix("class:") for k in keys if k.startswith("class:"))
