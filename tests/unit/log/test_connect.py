"""A broker that is away does not fill the disk with lines that all say so."""

import logging

import pytest

from tocsin.log.connect import client_options
from tocsin.runtime.settings import Settings


def test_what_comes_hundreds_of_times_a_second_is_said_once_in_a_thousand(caplog: pytest.LogCaptureFixture) -> None:
    """Repeats are dropped, other lines of the same client are not."""
    client_options(Settings())
    with caplog.at_level(logging.WARNING, logger="aiokafka"):
        for _ in range(1500):
            logging.getLogger("aiokafka").error("Unable to update metadata from %s", [1])
        logging.getLogger("aiokafka").error("Topic %s not found", "t")
    said = [r.getMessage() for r in caplog.records]
    assert 1 <= sum("metadata" in s for s in said) <= 2
    assert "Topic t not found" in said
