"""Structured logging: JSON lines, pretty on a terminal, and only fields on an allowlist, so that no person leaks."""

import sys
from typing import Any

import structlog

FIELDS = frozenset({
    "event", "level", "timestamp", "service", "slot", "call_id", "incident_id", "task_id", "mission_id", "unit_id",
    "command_id", "command", "type", "code", "region", "partition", "topic", "offset", "count", "seconds", "error",
    "trace_id", "policy", "agency", "clock", "due_at", "state", "reason", "port", "bootstrap", "lag", "attempt",
    "exception", "line", "channel", "outcome", "mode", "generation", "version", "status", "hash", "path",
})  # fmt: skip
"""What a log line may say. A field not named here is dropped and its name kept under `dropped`."""


def _allow(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    dropped = [k for k in event if k not in FIELDS]
    for k in dropped:
        del event[k]
    return event | {"dropped": dropped} if dropped else event


def configure(service: str, *, form: str = "auto", level: str = "info") -> None:
    """Sets up structlog for this process."""
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    structlog.contextvars.bind_contextvars(service=service)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.processors.format_exc_info,
            _allow,
            structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
