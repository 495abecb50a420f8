"""Trace context in and out, as the W3C recommendation has it."""

import httpx
import pytest
import structlog

from tocsin.runtime import tracing
from tocsin.runtime.web import create_app

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_trace_is_taken_up_with_a_parent_of_our_own() -> None:
    """Same trace id and flags, another parent id."""
    child = tracing.child_of(GIVEN)
    assert tracing.parse(child) == tracing.parse(GIVEN)
    assert child.split("-")[2] != GIVEN.split("-")[2]


@pytest.mark.parametrize("value", [
    "", "garbage", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", GIVEN + "-more",
])  # fmt: skip
def test_what_is_no_trace_begins_a_new_one(value: str) -> None:
    """An unusable header is never an error and never handed on."""
    assert tracing.parse(value) is None
    assert tracing.parse(tracing.child_of(value)) is not None


def test_a_later_version_may_say_more() -> None:
    """What follows the flags of a version we do not know is passed over."""
    assert tracing.trace_id("01" + GIVEN[2:] + "-later") == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_kafka_headers_hand_the_trace_on() -> None:
    """The first usable traceparent of a record; nothing where there is none."""
    assert tracing.of_headers([("x", b"y"), ("traceparent", GIVEN.encode())]) == GIVEN
    assert tracing.of_headers([("traceparent", b"\xff")]) == ""
    assert tracing.of_headers([]) == ""


async def test_a_request_carries_its_trace_to_log_lines_and_back() -> None:
    """Within the request the trace is current; the answer names it; afterwards it is gone."""
    app = create_app("test", secret=b"x" * 32, ready=[])
    seen: list[str] = []

    @app.get("/seen")
    async def look() -> dict[str, str]:
        seen.append(tracing.current())
        return {"trace_id": structlog.contextvars.get_contextvars()["trace_id"]}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/seen", headers={"traceparent": GIVEN})
    assert answer.json()["trace_id"] == tracing.trace_id(GIVEN)
    assert answer.headers["traceparent"] == seen[0]
    assert tracing.trace_id(seen[0]) == tracing.trace_id(GIVEN)
    assert tracing.current() == ""
