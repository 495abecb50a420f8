"""Bodies and query values as they come in: bounded while they are read, refused with every fault named."""

import math

import msgspec
from fastapi import Request
from starlette.responses import Response

from tocsin.calls.fields import FieldError
from tocsin.calls.posted import BODY_MAX
from tocsin.runtime.bodies import bounded, problem_of, too_large
from tocsin.runtime.problems import Problem

WAIT_MAX_S = 30.0
_encode = msgspec.json.Encoder().encode


def answer(status: int, value: object, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_encode(value), status, headers, media_type="application/json")


async def read_body(request: Request, limit: int = BODY_MAX) -> bytes:
    """The body, at most `limit` bytes of it ever in memory; Problem 413 above."""
    return await bounded(request, limit)


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


__all__ = ["answer", "invalid", "problem_of", "read_body", "too_large", "wait_of"]
