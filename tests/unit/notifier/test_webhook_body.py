"""A webhook's registration as it is posted."""

from typing import Any

import pytest

from services.notifier.webhooks import Asked, registration
from tocsin.runtime.problems import Problem

URL = "http://127.0.0.1:9/alarm"


def test_an_address_is_enough() -> None:
    """Agency and types are said where they are meant."""
    assert registration({"url": URL}) == Asked(url=URL)
    assert registration({"url": URL, "agency": None, "event_types": ["TaskRouted"]}).event_types == ["TaskRouted"]


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({}, ["url"]), ({"url": 5, "event_types": "x"}, ["url", "event_types"]),
        ({"url": URL, "colour": "red"}, ["colour"]), ([], [""]), (None, [""]),
    ],
)  # fmt: skip
def test_every_field_that_cannot_be_used_is_named(value: Any, fields: list[str]) -> None:
    """By its name, all at once."""
    with pytest.raises(Problem) as refused:
        registration(value)
    assert (refused.value.status, [e["field"] for e in refused.value.more["errors"]]) == (422, fields)
