"""Calls judged without Kafka: what is wrong with one is said whole, where nobody sends `errors` beside it."""

import pytest

from tocsin.cli.offline import OfflineCalls
from tocsin.policy.load import load_policy
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings


def test_a_call_that_cannot_be_judged_names_its_fields() -> None:
    """The line, each field and what it may be, in one sentence."""
    offline = OfflineCalls(load_policy(Settings().policy_path), None)
    with pytest.raises(Mend, match="line-7: line: expected one of 110, 119, 122, 120, 12345; channel: expected one of"):
        offline.read({"line": "911", "channel": "fax", "text": "x"}, fallback_id="line-7")
