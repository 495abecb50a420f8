"""The sample policy's enricher."""

from pathlib import Path

import pytest

from tocsin.enrich import Enricher
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"


@pytest.fixture(scope="session")
def sample() -> Policy:
    """The sample policy."""
    return load_policy(SAMPLE)


@pytest.fixture(scope="session")
def enricher(sample: Policy) -> Enricher:
    """Its enricher, with tokens one can read."""
    return Enricher(sample, tokens=lambda kind, text: f"{kind}:{text}")
