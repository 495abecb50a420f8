"""Fixtures of all tests: a real Kafka, and a whole deployment, once per worker and only where a test asks for it."""

import gc
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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Lets what the tests left behind say its last words now, and not while a plugin's module is being parsed.

    A task that was never asked for its error has it logged when it is collected; CPython 3.11 ends with a SystemError
    where that (it parses the source for its carets) happens within another parse (python/cpython issue 106905).
    """
    gc.collect()
