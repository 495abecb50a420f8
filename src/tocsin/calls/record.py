"""From a posted call to the record the log holds: words sealed, numbers as keyed tokens, odd facts kept and flagged."""

import msgspec
from msgspec import Struct

from tocsin.calls.canonical import body_hash
from tocsin.calls.numbers import normal_number
from tocsin.calls.posted import PostedCall, PostedPoint
from tocsin.calls.read import TIMES, Parsed
from tocsin.calls.times import impossible, moment
from tocsin.envelope import Ms
from tocsin.incident.values import CallRecord, ExternalId
from tocsin.place import Place, Point
from tocsin.sealing import Keyring

_LON_CHINA, _LAT_CHINA = (73.0, 136.0), (3.0, 54.0)
"""The span of the country's coordinates: a pair that fits it only the other way round was swapped."""


class CallerWords(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A caller's own data."""

    number: str = ""
    name: str = ""
    relation: str = ""


class Words(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call holds of a person's words, the content of `CallRecord.private`; `times`: impossible ones as given."""

    caller: CallerWords = CallerWords()
    text: str = ""
    address: str = ""
    times: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Words).decode
_decode_party = msgspec.json.Decoder(CallerWords).decode


class Subjects(Struct, frozen=True):
    """Under whose keys a call's words are sealed; `party` is "" where there is none. The tokens stand for numbers."""

    caller: str
    party: str
    caller_token: str
    party_token: str

    @property
    def all(self) -> tuple[str, ...]:
        """Those whose keys are needed."""
        return (self.caller, self.party) if self.party else (self.caller,)


def subjects_of(call: PostedCall, call_id: str, keyring: Keyring) -> Subjects:
    """The caller's number token, or the call's id where there is no number; the same for the party."""
    caller_token = _number_token(call.caller.number if call.caller else None, keyring)
    party_token = _number_token(call.party.number if call.party else None, keyring)
    party = (party_token or f"{call_id}:party") if call.party else ""
    return Subjects(caller_token or call_id, party, caller_token, party_token)


def _number_token(number: str | None, keyring: Keyring) -> str:
    normal = normal_number(number) if number else ""
    return keyring.token("number", normal) if normal else ""


def point_fault(point: PostedPoint | None, accuracy_m: float | None) -> bool:
    """Whether coordinates cannot be: off the globe, at 0/0, swapped, or of negative accuracy."""
    if accuracy_m is not None and accuracy_m < 0:
        return True
    if point is None:
        return False
    lon, lat = point.lon, point.lat
    if not (-180 <= lon <= 180 and -90 <= lat <= 90) or (lon == 0 and lat == 0):  # noqa: PLR2004 - the globe
        return True
    fits = _LON_CHINA[0] <= lon <= _LON_CHINA[1] and _LAT_CHINA[0] <= lat <= _LAT_CHINA[1]
    swapped = _LON_CHINA[0] <= lat <= _LON_CHINA[1] and _LAT_CHINA[0] <= lon <= _LAT_CHINA[1]
    return swapped and not fits


def usable_point(call: PostedCall) -> Point | None:
    """The given point where it can be believed: what the rules look a place up by."""
    location = call.location
    if location is None or location.point is None or point_fault(location.point, None):
        return None
    return Point(lon=location.point.lon, lat=location.point.lat, crs=location.point.crs)


def to_record(
    parsed: Parsed, *, call_id: str, subjects: Subjects, place: Place, seat_region: str, flags: list[str],
    danger: bool, now: Ms, keyring: Keyring, body: str = "",
) -> CallRecord:  # fmt: skip
    """The record. The subjects' keys must be ensured. `flags` are those of the place; the call's own are added.

    `body` is the body's hash where it is known already.
    """
    call = parsed.call
    caller, location = call.caller, call.location
    given = location.point if location else None
    accuracy = location.accuracy_m if location else None
    times = {n: getattr(call, n) for n in TIMES if getattr(call, n) is not None}
    moments = {n: moment(t).at for n, t in times.items()}
    odd = {n: t for n, t in times.items() if moments[n] is None}
    at = {n.removesuffix("_at"): moments.get(n) for n in TIMES}
    found = list(parsed.flags)
    if odd or impossible(now, **at):
        found.append("time_impossible")
    if point_fault(given, accuracy):
        found.append("point_invalid")
    return CallRecord(
        call_id=call_id,
        line=call.line,
        channel=call.channel or "voice",
        region=place.region,
        seat_region=seat_region,
        body_hash=body or body_hash(parsed.value, keyring),
        caller_token=subjects.caller_token,
        party_token=subjects.party_token,
        private=keyring.seal(subjects.caller, _private(call, odd)),
        party=keyring.seal(subjects.party, _party(call)) if subjects.party else "",
        has_text=bool(call.text and call.text.strip()),
        confidential=bool(caller and caller.confidential),
        safe_to_contact=caller.safe_to_contact if caller else None,
        given=Point(lon=given.lon, lat=given.lat, crs=given.crs) if given else None,
        accuracy_m=accuracy if accuracy is None or accuracy >= 0 else None,
        place=place,
        rang_at=at["rang"],
        answered_at=at["answered"],
        ended_at=at["ended"],
        occurred_at=at["occurred"],
        received_at=at["received"],
        operator=call.operator or "",
        recording_ref=call.recording_ref or "",
        external_ids=[ExternalId(system=x.system, id=x.id) for x in call.external_ids or ()],
        exercise=bool(call.exercise),
        danger=danger,
        flags=list(dict.fromkeys([*found, *flags])),
        about=list(parsed.about),
    )


def _private(call: PostedCall, odd: dict[str, str]) -> str:
    caller = call.caller
    who = CallerWords(number=caller.number or "", name=caller.name or "") if caller else CallerWords()
    address = (call.location.address or "") if call.location else ""
    return _encode(Words(caller=who, text=call.text or "", address=address, times=odd)).decode()


def _party(call: PostedCall) -> str:
    p = call.party
    if p is None:
        return ""
    return _encode(CallerWords(number=p.number or "", name=p.name or "", relation=p.relation or "")).decode()


def read_words(clear: str | None) -> Words | None:
    """The words of an unsealed `CallRecord.private`; None where the key is gone (or it never held any)."""
    try:
        return _decode(clear) if clear else None
    except msgspec.DecodeError:
        return None


def read_party(clear: str | None) -> CallerWords | None:
    """The same for an unsealed `CallRecord.party`."""
    try:
        return _decode_party(clear) if clear else None
    except msgspec.DecodeError:
        return None
