"""Kafka headers of commands and events: CloudEvents 1.0, binary mode of its Kafka binding, and our own few."""

from functools import lru_cache
from typing import Any

from tocsin.envelope import Command, Event
from tocsin.runtime.clock import Clock

Headers = tuple[tuple[str, bytes], ...]
_FIXED: Headers = (("ce_specversion", b"1.0"), ("content-type", b"application/protobuf"))


@lru_cache(maxsize=512)
def _of_type(name: str, source: str) -> Headers:
    return (*_FIXED, ("ce_source", source.encode()), ("ce_type", f"cn.tocsin.{name}.v1".encode()))


def _trace(trace: str) -> Headers:
    return (("traceparent", trace.encode()),) if trace else ()


def command_headers(command: Command[Any], *, line: str = "", clock: Clock | None = None) -> Headers:
    """Headers of a command's record. `line` for calls; `clock` adds its reading where it is not the real one."""
    source = f"/tocsin/{command.actor.agency or command.actor.role}"
    return (
        *_of_type(type(command.data).__name__, source),
        ("ce_id", command.command_id.encode()),
        ("ce_subject", command.target.encode()),
        *((("tocsin_line", line.encode()),) if line else ()),
        *_trace(command.trace),
        *(clock.headers() if clock is not None else ()),
    )


def event_headers(event: Event[Any]) -> Headers:
    """Headers of an event's record."""
    return (
        *_of_type(event.type, "/tocsin"),
        ("ce_id", event.event_id.encode()),
        ("ce_subject", event.subject.encode()),
        *_trace(event.trace),
    )


def header(headers: Headers, name: str) -> bytes | None:
    """The first header of this name, or None."""
    return next((value for key, value in headers if key == name), None)
