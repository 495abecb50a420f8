"""What every service owes from outside: health, OpenAPI, metrics, problems, and no 5xx whatever comes."""

import random
import re
from typing import Any

import httpx
import pytest

from tests.e2e.readers import SERVICES, ring
from tests.support import eventually_sync
from tocsin.cli.deployment import Deployment

pytestmark = pytest.mark.broker
METRICS = {
    "tocsin_calls_received_total": {"line", "channel", "durability"},
    "tocsin_decisions_total": {"line", "outcome"},
    "tocsin_stage_seconds": {"stage"},
    "tocsin_answer_seconds": {"line"},
    "tocsin_seconds_since_last_call": {"line"},
    "tocsin_tasks_open": {"agency_class", "state"},
    "tocsin_clocks_missed_total": {"clock", "agency_class"},
    "tocsin_oldest_unacknowledged_seconds": {"agency_class"},
    "tocsin_consumer_lag": {"topic", "partition"},
    "tocsin_stable_offset_lag": {"topic", "partition"},
    "tocsin_spool_depth": set(),
    "tocsin_deadletters_total": {"stage"},
    "tocsin_stream_clients": set(),
    "tocsin_unit_state": {"state"},
    "tocsin_replay_mismatches_total": set(),
    "tocsin_build_info": {"version", "policy"},
}
_SAMPLE = re.compile(r"(tocsin_\w+?)(?:_bucket|_count|_sum|_created)?(?:\{(.*)\})? \S+")


def _scraped(county: Deployment) -> dict[str, set[frozenset[str]]]:
    found: dict[str, set[frozenset[str]]] = {}
    for service in SERVICES:
        text = httpx.get(f"{county.url(service)}/metrics", trust_env=False, timeout=60).text
        for line in text.splitlines():
            if not line.startswith("#") and (m := _SAMPLE.fullmatch(line)) is not None:
                labels = frozenset(re.findall(r'(\w+)="', m[2] or "")) - {"le"}
                found.setdefault(m[1], set()).add(labels)
        assert "13800" not in text  # no label holds a person
    return found


def test_every_metric_of_the_contract_is_exposed(county: Deployment) -> None:
    """Each name with exactly its labels, by some service, after a few calls; the stages of a call are all measured."""
    ring(county, "119", "中鱼口镇有浓烟", "中鱼口镇")

    def all_there() -> bool:
        found = _scraped(county)
        missing = {n for n, labels in METRICS.items() if frozenset(labels) not in found.get(n, set())}
        assert not missing
        text = "".join(httpx.get(f"{county.url(s)}/metrics", trust_env=False, timeout=60).text for s in SERVICES)
        for stage in ("acknowledge", "decide", "deliver"):
            assert re.search(rf'tocsin_stage_seconds_count{{stage="{stage}"}} [1-9]', text), stage
        return True

    assert eventually_sync(all_there)


def _well(http: httpx.Client) -> dict[str, Any]:
    ready: dict[str, Any] = http.get("/readyz").json()
    assert (ready["ready"], ready["reasons"], ready["warnings"]) == (True, [], [])
    return ready


@pytest.mark.parametrize("service", SERVICES)
def test_health_openapi_and_problems_are_open_and_alike(county: Deployment, service: str) -> None:
    """/healthz, /readyz, OpenAPI 3.1 without a token; 404 and 405 are problem documents with their code."""
    with httpx.Client(base_url=county.url(service), trust_env=False, timeout=60) as http:
        assert http.get("/healthz").status_code == 200
        ready = eventually_sync(lambda: _well(http), what=f"{service} is ready")
        assert set(ready) - {"ready", "reasons", "warnings"} == ({"policy", "model"} if service == "router" else set())
        assert http.get("/openapi.json").json()["openapi"].startswith("3.1")
        for answer, status, code in (
            (http.get("/v1/none-such"), 404, "not_found"), (http.delete("/healthz"), 405, "method_not_allowed"),
        ):  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["content-type"] == "application/problem+json"


_ODD = (
    "", "%00", "%ff", "x" * 3000, "-1", "1e999", "NaN", "null", "[]", "{}", "..%2f..%2fetc", "🔥", "9" * 40, "true",
    "430921-20260405-000017", "2026-04-05T00:00:00Z", "' OR 1=1 --", "430921-20260405-000017-M1", "nanxian-amb-01",
)  # fmt: skip
_BODIES = (
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b'{"command":1}', b'{"command":"assign","unit_id":[]}', b"NaN",
    b'{"url":1}', b'{"url":"http://127.0.0.1:1/","event_types":"x"}', b"[" * 5000, b'{"command":"\\ud800"}',
    b'{"agency":"nanxian-police","text":"\\ud800\\u0000"}', b'{"lon":1e400,"lat":0}', b'{"beds":-1}',
)  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_no_input_makes_a_5xx(county: Deployment, service: str) -> None:
    """Every published operation, fed with odd parameters and bodies by the strongest role, answers below 500."""
    chance = random.Random(f"{service} 7")
    # Longer than the longest `?wait=` that a service grants (30 s): what waits is not what hangs.
    with county.client(service, "admin", seconds=120) as http:
        paths = http.get("/openapi.json").json()["paths"]
        for path, operations in paths.items():
            if path in ("/v1/stream", "/metrics"):
                continue
            for method, operation in operations.items():
                for _ in range(12):
                    names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
                    url = re.sub(r"\{\w+\}", lambda _: chance.choice(_ODD).replace("{", "%7B") or "x", path)
                    query = "&".join(f"{n}={chance.choice(_ODD)}" for n in names if chance.random() < 0.5)
                    body = chance.choice(_BODIES) if method in ("post", "put") else None
                    answer = http.request(method, f"{url}?{query}" if query else url, content=body)
                    assert answer.status_code < 500, (method, url[:200], query[:200], body, answer.text[:300])
                    if answer.status_code >= 400 and answer.status_code != 400:
                        assert answer.headers["content-type"] == "application/problem+json", (method, url, answer.text)
