"""Fixtures of all tests: a real Kafka, and a whole deployment, once per worker and only where a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support import deployed, free_ports
from tocsin.broker import EmbeddedKafka
from tocsin.cli.deployment import Deployment


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A single-node Apache Kafka for this worker's whole session: `broker.bootstrap`. It has no topics yet.

    Tests that want topics of their own make them under names of their own, or use `ensure_topics` with a `prefix`.
    """
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), free_ports(8)) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A whole deployment for this worker's session: `tocsin up --clock manual --detach` on free ports.

    `county.client("notifier", "commander")` is an HTTP client; move its clock with `advance(county, seconds)` of
    tests.support. Tests share it: use call ids of your own, and look only at incidents of your own.
    """
    with deployed(tmp_path_factory.mktemp("county") / "data", "--clock", "manual") as deployment:
        yield deployment
