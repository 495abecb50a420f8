"""How every Kafka client of Tocsin connects, and what aiokafka 0.14.0 needs to be told before it is used."""

import logging
import ssl
from typing import Any

from aiokafka.producer import sender

from tocsin.log.port import LogUnavailable
from tocsin.runtime.settings import Settings

PAUSE_S = 0.002
"""aiokafka's pause between transactions is 20 ms; at 2 ms small batches run 2 to 3 times as fast (measured, ADR 2)."""
RETRY_MS = 5
"""aiokafka's `retry_backoff_ms`; as shipped (100) it costs a third of the transaction rate (measured, ADR 2)."""


class _Limit(logging.Filter):
    """Lets one `NotEnoughReplicas` line in a thousand through: on a healthy broker it is transaction verification."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if "NotEnoughReplicas" not in record.getMessage():
            return True
        self.seen += 1
        return self.seen % 1000 == 1


def tune() -> None:
    """Shortens aiokafka's private pause; RuntimeError at start where another version has moved the name."""
    if not hasattr(sender, "BACKOFF_OVERRIDE"):
        raise RuntimeError("aiokafka.producer.sender.BACKOFF_OVERRIDE is gone: install the pinned aiokafka 0.14.0")
    sender.BACKOFF_OVERRIDE = PAUSE_S
    if not any(isinstance(f, _Limit) for f in sender.log.filters):
        sender.log.addFilter(_Limit())


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes: addresses, protocol, credentials."""
    secure = settings.kafka_security in ("SSL", "SASL_SSL")
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None) if secure else None
    except OSError as e:
        raise LogUnavailable(f"TOCSIN_KAFKA_CA_FILE cannot be read: {e}") from e
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security,
        "ssl_context": context,
        "retry_backoff_ms": RETRY_MS,
    }
    if settings.kafka_security.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password,
        }
    return options
