"""The body of `POST /v1/calls` (contract, section 2). Types are strict; lengths bound what one record may hold."""

from typing import Annotated

from msgspec import Meta, Struct

from tocsin.incident.values import Channel, Line
from tocsin.place import Crs

TEXT_MAX = 64 * 1024
"""Longest text, in bytes of UTF-8; above it 413."""
BODY_MAX = 1024 * 1024
"""Longest body, in bytes; above it 413."""

Short = Annotated[str, Meta(max_length=200)]
Long = Annotated[str, Meta(max_length=2000)]
CallId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:\-]{1,64}$", description="1-64 of A-Z a-z 0-9 . _ : -")]
When = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "date-time"})]
"""RFC 3339, its offset required. What no calendar holds (30 February, year 0) is kept as given and flagged."""


class PostedCaller(Struct, kw_only=True):
    """Who rang. `safe_to_contact` false: nobody writes or rings back by themselves."""

    number: Short | None = None
    name: Short | None = None
    confidential: bool | None = None
    safe_to_contact: bool | None = None


class PostedParty(Struct, kw_only=True):
    """The person concerned (当事人), not always the caller."""

    name: Short | None = None
    number: Short | None = None
    relation: Short | None = None


class PostedPoint(Struct, kw_only=True):
    """Degrees in a named system. Impossible ones are kept and flagged: a bad GPS bounces nobody."""

    lon: float
    lat: float
    crs: Crs = "WGS84"


class PostedLocation(Struct, kw_only=True):
    """Where, in words, by a point, or both."""

    address: Long | None = None
    point: PostedPoint | None = None
    accuracy_m: float | None = None


class PostedExternalId(Struct, kw_only=True):
    """The same call under another system's name."""

    system: Short
    id: Short


class PostedCall(Struct, kw_only=True):
    """A call. Needs `line` and one of `text`, `location`, `caller.number`, or `channel` sensor."""

    line: Line
    call_id: CallId | None = None
    channel: Channel | None = None
    region: Short | None = None
    caller: PostedCaller | None = None
    party: PostedParty | None = None
    location: PostedLocation | None = None
    text: str | None = None
    rang_at: When | None = None
    answered_at: When | None = None
    ended_at: When | None = None
    occurred_at: When | None = None
    received_at: When | None = None
    operator: Short | None = None
    recording_ref: Long | None = None
    external_ids: Annotated[list[PostedExternalId], Meta(max_length=50)] | None = None
    exercise: bool | None = None
