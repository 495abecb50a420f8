"""From bytes to a posted call: every wrong field named at once, machine slips repaired, nothing else let through."""

import json
import math
import re
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from tocsin.calls.fields import FieldError, field_errors
from tocsin.calls.posted import BODY_MAX, TEXT_MAX, PostedCall
from tocsin.calls.times import NotATime, moment
from tocsin.calls.twice import given_twice
from tocsin.place import Place

_generic = msgspec.json.Decoder()
_LONE = re.compile("[\ud800-\udfff]")
_DIGITS_MAX = 400
TIMES = ("rang_at", "answered_at", "ended_at", "occurred_at", "received_at")


class InvalidBody(Exception):
    """A body that is refused: 422 with its errors, or 413."""

    def __init__(self, status: int, code: str, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors or []


class Parsed(NamedTuple):
    """A call with the JSON value it came from (for the body's hash) and what was repaired.

    `about`: the calls that another centre says it is about; `place`: theirs, where it names none itself.
    """

    call: PostedCall
    value: Any
    flags: list[str]
    about: tuple[str, ...] = ()
    place: Place | None = None


def parse_call(body: bytes) -> Parsed:
    """Reads one call; InvalidBody says what is wrong with it."""
    value, repaired = read_json(body)
    return _parsed(value, repaired)


def parse_value(value: Any) -> Parsed:
    """The same from a JSON value that has been read already."""
    return _parsed(*_repair_all(value))


def read_json(body: bytes) -> tuple[Any, Any]:
    """The JSON value of a body as it was sent, and the same repaired (the same object where nothing was to mend)."""
    if len(body) > BODY_MAX:
        raise InvalidBody(413, "body_too_large", f"The body is over {BODY_MAX} bytes; send less.")
    try:
        value = _generic.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        value = _read_slowly(body)
        _once(body, value)
        return _repair_all(value)
    _once(body, value)
    # NULs reach a string only through this escape; looking for it is far quicker than walking every value.
    return _repair_all(value) if b"\\u0000" in body else (value, value)


def _once(body: bytes, value: Any) -> None:
    twice = given_twice(body, value)
    if twice:
        raise InvalidBody(422, "invalid", "The body gives a field twice; see 'errors'.", twice)


def _read_slowly(body: bytes) -> Any:
    """What the strict reader refuses may still be JSON with unpaired surrogates; NaN and Infinity are not JSON."""
    try:
        return json.loads(
            body.decode("utf-8-sig", "surrogatepass"), parse_constant=_no_constant, parse_float=_finite,
            parse_int=_whole,
        )  # fmt: skip
    except RecursionError as e:
        raise _too_deep() from e
    except ValueError as e:
        said = str(e)[:200]
        raise InvalidBody(422, "not_json", f"The body is not JSON: {said}.", [FieldError("", said)]) from e


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is beyond any number")
    return number


def _whole(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise ValueError(f"a number of {len(text)} digits is beyond any use")
    return int(text)


def _too_deep() -> InvalidBody:
    said = "nested too deeply; no field here holds more than a list of objects"
    return InvalidBody(422, "not_json", f"The body is {said}.", [FieldError("", said)])


def _repair_all(value: Any) -> tuple[Any, Any]:
    try:
        mended = _repair(value)
    except RecursionError as e:
        raise _too_deep() from e
    return value, value if mended == value else mended


def _repair(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        text: str = value.replace("\0", "")
        return text if text.isascii() else _LONE.sub("\ufffd", text)
    if kind is dict:
        return {_repair(k): _repair(v) for k, v in value.items()}
    if kind is list:
        return [_repair(v) for v in value]
    return value


def _parsed(value: Any, repaired: Any) -> Parsed:
    if type(repaired) is not dict:
        raise InvalidBody(422, "invalid", "A call is a JSON object.", [FieldError("", "expected an object")])
    try:
        call = msgspec.convert(repaired, PostedCall)
        errors: list[FieldError] = []
    except (msgspec.ValidationError, RecursionError, OverflowError):
        errors = field_errors(repaired, PostedCall)
        call = None
    errors += _beyond_types(repaired, value, call)
    if errors or call is None:
        detail = "The call has fields that cannot be used; see 'errors'."
        raise InvalidBody(422, "invalid", detail, errors or [FieldError("", "cannot be read as a call")])
    if call.text is not None and len(call.text) * 4 > TEXT_MAX and len(call.text.encode()) > TEXT_MAX:
        raise InvalidBody(413, "text_too_large", f"The text is over {TEXT_MAX} bytes; send less.")
    return Parsed(call, value, ["text_repaired"] if repaired is not value else [])


def _beyond_types(repaired: dict[str, Any], value: dict[str, Any], call: Struct | None) -> list[FieldError]:
    """What no type says: offsets of times, line ends in the id, and that there is something to go by."""
    errors = []
    for name in TIMES:
        text = repaired.get(name)
        if isinstance(text, str):
            try:
                moment(text)
            except NotATime as e:
                errors.append(FieldError(name, str(e)))
    call_id = repaired.get("call_id")
    if call is not None and isinstance(call_id, str) and call_id.endswith("\n"):
        errors.append(FieldError("call_id", "1-64 of A-Z a-z 0-9 . _ : -"))
    if not _something(value):
        errors.append(FieldError("text", "a call needs one of text, location, caller.number, or channel sensor"))
    return errors


def _something(value: dict[str, Any]) -> bool:
    """Whether there is anything to go by. A field of a wrong type counts: it has an error of its own."""
    text, location, caller = value.get("text"), value.get("location"), value.get("caller")
    if value.get("channel") == "sensor" or (text.strip() != "" if isinstance(text, str) else text is not None):
        return True
    if isinstance(location, dict):
        address = location.get("address")
        if location.get("point") is not None or (address.strip() if isinstance(address, str) else address is not None):
            return True
    elif location is not None:
        return True
    if isinstance(caller, dict):
        number = caller.get("number")
        return bool(number.strip()) if isinstance(number, str) else number is not None
    return caller is not None
