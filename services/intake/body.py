"""Answers, refusals with every fault named, and query values as they come in."""

import math

import msgspec
from fastapi import Request
from starlette.responses import Response

from tocsin.calls.fields import FieldError
from tocsin.runtime.problems import Problem

WAIT_MAX_S = 30.0
_encode = msgspec.json.Encoder().encode


def answer(status: int, value: object, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_encode(value), status, headers, media_type="application/json")


def invalid(detail: str, *errors: FieldError) -> Problem:
    """422 with its fields."""
    return Problem(422, "invalid", detail, errors=[x.shown for x in errors])


def wait_of(request: Request) -> float:
    """`?wait=` in seconds, 0 without; more than 30 is 30. Problem 422 for what is no number of seconds."""
    text = request.query_params.get("wait")
    if text is None or text == "":
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise invalid("'wait' is a number of seconds, e.g. ?wait=2.", FieldError("wait", "expected seconds, 0 or more"))
    return min(seconds, WAIT_MAX_S)
