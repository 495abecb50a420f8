"""Structured logging: JSON lines, pretty on a terminal, and only fields on an allowlist, so that no person leaks.

Telephone numbers are masked in whatever may hold free words, error texts and tracebacks above all. Libraries that use
the standard library's logging come out in the same form.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

FIELDS = frozenset({
    "event", "level", "timestamp", "service", "slot", "call_id", "incident_id", "task_id", "mission_id", "unit_id",
    "command_id", "command", "type", "code", "region", "partition", "topic", "offset", "count", "seconds", "error",
    "trace_id", "policy", "agency", "clock", "due_at", "state", "reason", "port", "bootstrap", "lag", "attempt",
    "exception", "line", "channel", "outcome", "mode", "generation", "version", "status", "hash", "path", "logger",
})  # fmt: skip
"""What a log line may say. A field not named here is dropped and its name kept under `dropped`."""
QUIET = frozenset({"traceparent"})
"""Bound for commands to take along, not for lines: left out without a word."""
FREE = ("event", "error", "reason", "exception", "outcome", "path", "state", "mode", "code", "status")
"""Fields that may hold words from anywhere; the others hold ids, names of the policy and figures."""
SEEKING_S = 10.0
"""How long a client may look for its group's coordinator before that is worth a line: a restart takes less."""
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:\+?86[ -]?)?(1[3-9][0-9])[ -]?[0-9]{4}[ -]?([0-9]{4})(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])0[1-9][0-9]{1,2}[ -]?[2-9][0-9]{6,7}(?![0-9A-Za-z])"
)
"""A mobile number of mainland China, spaced as people space them, or a landline with its area code."""


def _allow(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    dropped = [k for k in event if k not in FIELDS]
    for k in dropped:
        del event[k]
    dropped = [k for k in dropped if k not in QUIET]
    if dropped:
        event["dropped"] = dropped
    return event


def masked(text: str) -> str:
    """Free words with their telephone numbers as `138****1234`, landlines as `****`."""
    return _NUMBER.sub(lambda m: f"{m[1]}****{m[2]}" if m[1] else "****", text)


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in FREE:
        if name in event and not isinstance(event[name], int | float | None):
            event[name] = masked(str(event[name]))
    return event


class Seeking(logging.Filter):
    """Passes what is said of a group's coordinator only once it has been sought for `SEEKING_S`.

    A broker that has just begun makes its groups' topic when it is first asked: until then the client says each tenth
    of a second that there is no coordinator, tries again, and all is well.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since: float | None = None
        self._last = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is said."""
        if "oordinator" not in record.getMessage():
            return True
        if self._since is None or record.created - self._last > SEEKING_S:
            self._since = record.created
        self._last = record.created
        return record.created - self._since > SEEKING_S


class _Standard(logging.Handler):
    """Hands the standard library's log records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _take_over(level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Standard()]
    root.setLevel(max(level, logging.WARNING))
    coordinators = logging.getLogger("aiokafka.consumer.group_coordinator")
    if not any(isinstance(f, Seeking) for f in coordinators.filters):
        coordinators.addFilter(Seeking())
    # Faust says each second that a timer woke late on a busy machine; the watchdog says when it matters.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)


def configure(service: str, *, form: str = "auto", level: str = "info") -> None:
    """Sets up structlog for this process."""
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    structlog.contextvars.bind_contextvars(service=service)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _allow,
            _mask,
            structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_over(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
