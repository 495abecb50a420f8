"""How far the readers are behind, as the services themselves report it in their metrics."""

from collections import defaultdict

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tocsin.cli.deployment import SERVICES, Deployment

_LAG = "tocsin_consumer_lag"
_STABLE = "tocsin_stable_offset_lag"


def lag_of(text: str) -> dict[str, int]:
    """Records not yet read, by topic, from one service's `/metrics`."""
    return _by_topic(text, _LAG)


def stable_lag_of(text: str) -> dict[str, int]:
    """Records behind an open transaction, by topic."""
    return _by_topic(text, _STABLE)


def _by_topic(text: str, name: str) -> dict[str, int]:
    lag: dict[str, int] = defaultdict(int)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                lag[sample.labels["topic"]] += int(sample.value)
    return dict(lag)


def metrics_of(deployment: Deployment) -> dict[str, str]:
    """`/metrics` of each service that answers."""
    texts: dict[str, str] = {}
    for name in SERVICES:
        try:
            answer = httpx.get(f"{deployment.url(name)}/metrics", timeout=5)
        except httpx.HTTPError:
            continue
        if answer.status_code == httpx.codes.OK:
            texts[name] = answer.text
    return texts
