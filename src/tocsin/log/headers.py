"""Kafka headers of commands and events: CloudEvents 1.0, binary mode of its Kafka binding, and our own few."""

import re
from functools import lru_cache
from typing import Any

from tocsin.envelope import Command, Event, Ms
from tocsin.incident.events import CallRecorded, IncidentOpened
from tocsin.runtime.clock import Clock

Headers = tuple[tuple[str, bytes], ...]
_PART = re.compile(r"(\d{6}-\d{8}-\d{1,9})-[TM]\d{1,6}", re.ASCII)
_FIXED: Headers = (("ce_specversion", b"1.0"), ("content-type", b"application/protobuf"))


_fixed: dict[type, Headers] = {}
"""Event class → the headers all of its kind share; as many as there are classes."""


@lru_cache(maxsize=512)
def _of_type(name: str, source: str) -> Headers:
    return (*_FIXED, ("ce_source", source.encode()), ("ce_type", f"cn.tocsin.{name}.v1".encode()))


@lru_cache(maxsize=16)
def _line(line: str) -> Headers:
    return (("tocsin_line", line.encode()),) if line else ()


def _incident(target: str) -> bytes:
    """What a record is about: a task's or a mission's incident, or the target itself."""
    found = _PART.fullmatch(target)
    return (found[1] if found else target).encode()


def _trace(trace: str) -> Headers:
    return (("traceparent", trace.encode()),) if trace else ()


def command_headers(command: Command[Any], *, line: str = "", clock: Clock | None = None) -> Headers:
    """Headers of a command's record.

    `line` is the call's, or of the incident it acts on; `clock` adds its reading where it is not the real one.
    """
    source = f"/tocsin/{command.actor.agency or command.actor.role}"
    return (
        *_of_type(type(command.data).__name__, source),
        ("ce_id", command.command_id.encode()),
        ("ce_subject", _incident(command.target)),
        *_line(line),
        *_trace(command.trace),
        *(clock.headers() if clock is not None else ()),
    )


def event_headers(event: Event[Any], line: str = "") -> Headers:
    """Headers of an event's record. `line` is its incident's; a call's event names the call's own."""
    kind = type(event.data)
    fixed = _fixed.get(kind)
    if fixed is None:
        fixed = _fixed[kind] = _of_type(kind.__name__, "/tocsin")
    subject = _incident(event.subject) if "-M" in event.subject else event.subject.encode()
    headers: Headers = (*fixed, ("ce_id", event.event_id.encode()), ("ce_subject", subject))
    if kind is CallRecorded or kind is IncidentOpened:
        headers += _line(_line_of(event.data))
    elif line:
        headers += _line(line)
    return headers + _trace(event.trace) if event.trace else headers


def order_headers(event: Event[Any], task_id: str, incident_id: str, line: str) -> Headers:
    """Headers of a dispatch order that this event causes."""
    return (
        *_of_type("Dispatch", "/tocsin/router"),
        ("ce_id", f"{event.event_id}:{task_id}".encode()),
        ("ce_subject", incident_id.encode()),
        *_line(line),
        *_trace(event.trace),
    )


def position_headers(unit_id: str, at: Ms) -> Headers:
    """Headers of a vehicle's position: no event of a log, but a record that says what it is like all others."""
    about = ("ce_subject", unit_id.encode())
    return (*_of_type("Position", "/tocsin/ems120"), ("ce_id", f"{unit_id}:{at}".encode()), about)


def _line_of(data: Any) -> str:
    """The line of what brings one: a call, an incident that opens."""
    if isinstance(data, CallRecorded):
        return data.call.line
    return data.line if isinstance(data, IncidentOpened) else ""


def header(headers: Headers, name: str) -> bytes | None:
    """The first header of this name, or None."""
    return next((value for key, value in headers if key == name), None)
