"""Fixtures of all tests: a real Kafka per worker."""

from collections.abc import Iterator

import pytest

from tests.support import free_ports
from tocsin.broker import EmbeddedKafka


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A single-node Apache Kafka for this worker's whole session: `broker.bootstrap`. It has no topics yet.

    Tests that want topics of their own make them under names of their own, or use `ensure_topics` with a `prefix`.
    """
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), free_ports(8)) as kafka:
        yield kafka
