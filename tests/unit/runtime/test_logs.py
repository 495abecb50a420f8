"""Log lines: JSON, with the ids one looks for, and nothing of a person."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from tocsin.runtime import logs

NUMBER = "13800001234"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged as JSON while the test runs."""
    stream, handlers = io.StringIO(), logging.getLogger().handlers[:]
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("test", form="json", level="debug")
    yield stream
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The lines, read as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_ids_it_was_given(said: io.StringIO) -> None:
    """Call, incident and trace are fields of their own; Chinese stays readable."""
    structlog.get_logger().info("call_decided", call_id="c1", incident_id="430921-20260405-000001", trace_id="ab" * 16)
    structlog.get_logger().warning("来电")
    [line, second] = lines(said)
    assert (line["event"], line["call_id"], line["incident_id"]) == ("call_decided", "c1", "430921-20260405-000001")
    assert line["level"] == "info"
    assert line["service"] == "test"
    assert "来电" in said.getvalue()
    assert second["level"] == "warning"


def test_a_foreign_field_is_dropped_and_named(said: io.StringIO) -> None:
    """What is not on the allowlist does not come out; its name does, so that the gap is seen."""
    structlog.get_logger().info("x", caller=NUMBER, text="救命", name="张三", call_id="c1")
    [line] = lines(said)
    assert sorted(line["dropped"]) == ["caller", "name", "text"]  # type: ignore[type-var, arg-type]  # JSON is untyped
    assert "张三" not in said.getvalue()
    assert "救命" not in said.getvalue()


@pytest.mark.parametrize(
    "text", [NUMBER, f"+86 {NUMBER}", "138-0000-1234", "138 0000 1234", "0737-5221234", "8613800001234"]
)
def test_no_line_prints_a_phone_number(said: io.StringIO, text: str) -> None:
    """Not in an allowed field, not in the message, not out of an exception's text or locals."""
    log = structlog.get_logger()
    log.error("failed", error=f"cannot call {text} back")
    log.error("no answer from %s", text)
    try:
        int(f"number {text}")
    except ValueError:
        log.exception("crashed")
    log.error("list", reason=[{"number": text}])
    out = said.getvalue()
    assert len(lines(said)) == 4
    assert text not in out
    assert text.replace("-", "").replace(" ", "")[-8:] not in out.replace("-", "").replace(" ", "")


def test_libraries_come_out_in_the_same_form(said: io.StringIO) -> None:
    """A warning of the standard library's logging is a JSON line too, its numbers masked."""
    logging.getLogger("some.library").warning("lost %s", NUMBER)
    [line] = lines(said)
    assert (line["event"], line["logger"], line["level"]) == ("lost 138****1234", "some.library", "warning")


def test_ids_and_times_are_no_phone_numbers(said: io.StringIO) -> None:
    """Masking numbers leaves incident ids, offsets, hashes and Unix times as they are."""
    kept = {
        "incident_id": "430921-20260405-000017", "offset": 13800001234, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "due_at": 1_775_361_600_000, "hash": "sha256:13800001234aa", "task_id": "430921-20260405-000017-T1",
    }  # fmt: skip
    structlog.get_logger().info("kept", **kept)
    [line] = lines(said)
    assert {k: line[k] for k in kept} == kept


def test_a_coordinator_is_missed_only_after_a_while(monkeypatch: pytest.MonkeyPatch, said: io.StringIO) -> None:
    """A broker's first seconds make no burst of alarming lines; a coordinator that stays away is said, as all else."""
    client = logging.getLogger("aiokafka.consumer.group_coordinator")
    client.filters[:] = [logs.Seeking()]
    now = [1000.0]
    monkeypatch.setattr(logging.time, "time", lambda: now[0])
    for tenth in range(50):
        now[0] = 1000 + tenth / 10
        client.warning("Marking the coordinator dead (node %s)for group %s.", 1, "g")
    client.error("Something else")
    assert [line["event"] for line in lines(said)] == ["Something else"]
    now[0] = 2000.0
    client.warning("Marking the coordinator dead")
    assert len(lines(said)) == 1, "sought anew after a quiet time"
    now[0] = 2009.0
    client.warning("Marking the coordinator dead")
    now[0] = 2012.0
    client.warning("Marking the coordinator dead")
    assert [line["event"] for line in lines(said)][1:] == ["Marking the coordinator dead"]
