"""Bodies and waits as they come in: bounded while they are read, JSON read as every door reads it."""

import math
from typing import Any

from fastapi import Request

from tocsin.calls.read import InvalidBody, read_json
from tocsin.runtime.problems import Problem

WAIT_MAX_S = 30.0


async def bounded(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes of it ever in memory; Problem 413 above."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return b"".join(parts)


def too_large(limit: int) -> Problem:
    """413."""
    return Problem(413, "body_too_large", f"The body is over {limit} bytes; send less.")


def problem_of(error: InvalidBody) -> Problem:
    """The problem document of a refused body."""
    more: dict[str, Any] = {"errors": [x.shown for x in error.errors]} if error.status == 422 else {}  # noqa: PLR2004
    return Problem(error.status, error.code, error.detail, **more)


def json_of(content: bytes) -> Any:
    """A body's JSON value, machine slips repaired; Problem 422 for what is none, or gives a field twice."""
    try:
        return read_json(content)[1]
    except InvalidBody as e:
        raise problem_of(e) from e


def wait_of(request: Request) -> float:
    """`?wait=` in seconds, 0 without; more than 30 is 30. Problem 422 for what is no number of seconds."""
    text = request.query_params.get("wait") or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise Problem.invalid("wait", "expected a number of seconds, e.g. ?wait=2")
    return min(seconds, WAIT_MAX_S)
