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


_OFTEN = (
    "NotEnoughReplicas",  # on a healthy broker it is transaction verification
    "Unable connect to node", "Unable to update metadata", "which is not ready", "Got error produce response",
    "Connection at",
)  # fmt: skip
"""Lines of aiokafka that come hundreds of times a second from each client while a broker is away."""


class _Limit(logging.Filter):
    """Lets one such line in a thousand through; what a service says itself of a log out of reach is said once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = dict.fromkeys(_OFTEN, 0)

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        for often in _OFTEN:
            if often in said:
                self.seen[often] += 1
                return self.seen[often] % 1000 == 1
        return True


_limit = _Limit()


def _hush() -> None:
    # A filter holds for the lines of its own logger alone, so each that floods has it.
    for name in ("aiokafka", "aiokafka.client", "aiokafka.conn", sender.log.name):
        logger = logging.getLogger(name)
        if _limit not in logger.filters:
            logger.addFilter(_limit)


def tune() -> None:
    """Shortens aiokafka's private pause; RuntimeError at start where another version has moved the name."""
    if not hasattr(sender, "BACKOFF_OVERRIDE"):
        raise RuntimeError("aiokafka.producer.sender.BACKOFF_OVERRIDE is gone: install the pinned aiokafka 0.14.0")
    sender.BACKOFF_OVERRIDE = PAUSE_S


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes: addresses, protocol, credentials."""
    _hush()
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
