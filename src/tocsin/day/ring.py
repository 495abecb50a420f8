"""One planned call with the truth beside it, and its form on intake's door."""

from msgspec import Struct

from tocsin.place import Point


class Ring(Struct, frozen=True, kw_only=True):
    """A call that will be made `at_s` seconds into the day. `truth_*` is what a perfect county would make of it."""

    at_s: float
    call_id: str
    line: str
    text: str
    truth_incident: str
    truth_kind: str
    number: str = ""
    address: str = ""
    point: Point | None = None
    accuracy_m: float | None = None
    channel: str = "voice"
    answer_s: float = 6.0
    talk_s: float = 50.0
    safe_to_contact: bool | None = None
    exercise: bool = False
    confidential: bool = False


class _Caller(Struct, frozen=True, omit_defaults=True):
    number: str
    safe_to_contact: bool | None = None
    confidential: bool = False


class _Location(Struct, frozen=True, omit_defaults=True):
    address: str = ""
    point: Point | None = None
    accuracy_m: float | None = None


class Post(Struct, frozen=True, omit_defaults=True):
    """The body of `POST /v1/calls`; `truth_*` are there for `evaluate-links` and left out on the wire."""

    call_id: str
    line: str
    channel: str
    text: str = ""
    caller: _Caller | None = None
    location: _Location | None = None
    rang_at: str = ""
    answered_at: str = ""
    ended_at: str = ""
    exercise: bool = False
    truth_incident: str = ""
    truth_kind: str = ""


def posted(ring: Ring, *, day_start_ms: int, truth: bool) -> Post:
    """The call as intake takes it, its times counted from the day's start."""
    from tocsin.codec.text import rfc3339  # noqa: PLC0415 - keeps the generator importable without the codec

    def at(seconds: float) -> str:
        return rfc3339(day_start_ms + int(seconds * 1000)) or ""

    located = ring.address or ring.point is not None
    answered = ring.at_s + ring.answer_s
    return Post(
        call_id=ring.call_id,
        line=ring.line,
        channel=ring.channel,
        text=ring.text,
        caller=_Caller(ring.number, ring.safe_to_contact, ring.confidential) if ring.number else None,
        location=_Location(ring.address, ring.point, ring.accuracy_m) if located else None,
        rang_at=at(ring.at_s),
        answered_at=at(answered) if ring.channel == "voice" else "",
        ended_at=at(answered + ring.talk_s) if ring.channel == "voice" else "",
        exercise=ring.exercise,
        truth_incident=ring.truth_incident if truth else "",
        truth_kind=ring.truth_kind if truth else "",
    )
