"""A fresh county for each test."""

import pytest

from tests.unit.incident.world import World


@pytest.fixture
def world() -> World:
    """A partition without a past."""
    return World()
