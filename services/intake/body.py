"""Answers and refusals with every fault named, as they go out."""

import msgspec
from starlette.responses import Response

from tocsin.calls.fields import FieldError
from tocsin.runtime.problems import Problem

_encode = msgspec.json.Encoder().encode


def answer(status: int, value: object, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_encode(value), status, headers, media_type="application/json")


def invalid(detail: str, *errors: FieldError) -> Problem:
    """422 with its fields."""
    return Problem(422, "invalid", detail, errors=[x.shown for x in errors])
