"""The notifier from outside: lists, one incident, its history, the stream, webhooks, access."""

import time

import httpx
import pytest
from standardwebhooks import Webhook

from tests.e2e.readers import events, incident_of, receiver
from tests.support import eventually_sync, stretched
from tocsin.cli.deployment import Deployment

pytestmark = pytest.mark.broker
INCIDENT = {
    "incident_id", "region", "state", "merged_into", "version", "kind", "priority", "exercise", "flags", "victims",
    "hazards", "location", "calls", "suggestions", "related", "tasks", "clocks", "opened_at", "updated_at", "policy",
}  # fmt: skip
DELTA = {
    "event_id", "type", "incident_id", "version", "region", "occurred_at", "recorded_at", "agency_classes", "data",
}  # fmt: skip


def test_an_incident_has_the_contracts_shape(county: Deployment) -> None:
    """Every key of the contract, numbers masked, labels with the kind, its history in order, and `as_of` its past."""
    incident = incident_of(county, "119", "厂窖镇街上二楼冒浓烟", "厂窖镇")
    with county.client("notifier", "commander") as http:
        shown = http.get(f"/v1/incidents/{incident}").json()
        history = http.get(f"/v1/incidents/{incident}/events").json()["items"]
        assert shown.keys() >= INCIDENT
        assert shown["calls"][0].keys() >= {"call_id", "line", "text", "caller", "link"}
        assert "****" in shown["calls"][0]["caller"]["number"]
        assert {t["agency"] for t in shown["tasks"]} == {"nanxian-fire", "nanxian-police", "nanxian-120"}
        assert shown["policy"].startswith("sha256:")
        versions = [e["version"] for e in history]
        assert versions == sorted(versions)
        assert len({e["event_id"] for e in history}) == len(history)
        past = http.get(f"/v1/incidents/{incident}", params={"as_of": history[0]["recorded_at"]})
        assert past.status_code == 200
        bare = http.get(f"/v1/incidents/{incident}?as_of={history[0]['recorded_at']}")
        assert bare.json() == past.json(), "a bare + in the address is a blank to a server"
        gone = http.get(f"/v1/incidents/{incident}", params={"as_of": "2020-01-01T00:00:00Z"})
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
        assert [e["type"] for e in history[:2]] == ["CallRecorded", "IncidentOpened"]


def test_lists_are_filtered_ordered_and_paged_without_gap_or_repeat(county: Deployment) -> None:
    """Cursors name every incident once in either order; limits over 500 and unknown filters are 422 with the field."""
    for n in range(3):
        incident_of(county, "12345", f"想咨询第{n}种补贴怎么领", "浪拔湖镇", call_id=f"rd-{time.time_ns()}-{n}")
    with county.client("notifier", "admin") as http:
        for order in ("newest", "queue"):
            whole = http.get("/v1/incidents", params={"limit": 500, "order": order}).json()["items"]
            seen, cursor = [], ""
            while True:
                page = http.get(
                    "/v1/incidents", params={"limit": 2, "order": order} | ({"cursor": cursor} if cursor else {})
                )
                seen += [i["incident_id"] for i in page.json()["items"]]
                cursor = page.json()["next_cursor"]
                if cursor is None or len(seen) > 20:
                    break
            assert seen == [i["incident_id"] for i in whole][: len(seen)]
            assert len(set(seen)) == len(seen) >= 3
            key = (lambda i: i["priority"]) if order == "queue" else (lambda i: -_number(i["opened_at"]))
            assert [key(i) for i in whole] == sorted(key(i) for i in whole)
        for bad in ("limit=501", "limit=0", "order=x", "priority=9", "state=x", "cursor=zzz", "agency_class=x"):
            answer = http.get(f"/v1/incidents?{bad}")
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            assert bad.partition("=")[0] in answer.json()["errors"][0]["field"]


def _number(moment: str) -> int:
    return int("".join(c for c in moment[:23] if c.isdigit()))


def test_the_stream_tells_a_call_within_a_second_and_resumes_without_a_gap(county: Deployment) -> None:
    """A snapshot first; then the deltas of a call posted elsewhere; from any id on exactly what came after it."""
    with county.client("notifier", "commander", seconds=60) as http:
        with http.stream("GET", "/v1/stream") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            told = events(answer)
            assert next(told)[1] == "snapshot"
            began = time.monotonic()
            incident = incident_of(county, "119", "华阁镇有房子着火", "华阁镇")
            mine = list(_until(told, incident, "TaskRouted"))
            assert time.monotonic() - began < stretched(10)
        at, name, data = mine[0]
        assert (name, data.keys() >= DELTA) == ("CallRecorded", True)
        assert data["type"] == name
        with http.stream("GET", "/v1/stream", headers={"Last-Event-ID": at}) as answer:
            again = [data["event_id"] for _, _, data in _until(events(answer), incident, "TaskRouted")]
        assert again == [data["event_id"] for _, _, data in mine[1:]]
        with http.stream("GET", "/v1/stream", headers={"Last-Event-ID": "none-of-ours"}) as answer:
            told = events(answer)
            assert [next(told)[1], next(told)[1]] == ["reset", "snapshot"]


def _until(told, incident: str, last: str):  # type: ignore[no-untyped-def]  # a generator of the test's own
    for at, name, data in told:
        if data.get("incident_id") == incident:
            yield at, name, data
            if name == last:
                return


def test_nobody_sees_what_is_not_theirs(county: Deployment) -> None:
    """401 without a token, 403 for the wrong role, 404 for another agency's incident, and lists without it."""
    incident = incident_of(county, "119", "明山头镇仓库着火了", "明山头镇")
    with httpx.Client(base_url=county.notifier, trust_env=False) as http:
        refused = http.get(f"/v1/incidents/{incident}")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert http.get("/v1/incidents", params={"token": county.tokens["admin"]}).status_code == 401
    for role, status in (("monitor", 403), ("nanxian-water", 404), ("nanxian-amb-08", 404), ("nanxian-fire", 200)):
        with county.client("notifier", role) as http:
            answer = http.get(f"/v1/incidents/{incident}")
            assert answer.status_code == status, (role, answer.text)
            if status == 404:
                assert incident not in http.get("/v1/incidents", params={"limit": 500}).text


def test_an_agencys_endpoint_is_sent_its_events_signed(county: Deployment) -> None:
    """Registered by the dispatcher for the own agency alone, told what it may see, verifiable with the secret."""
    with receiver() as held, county.client("notifier", "nanxian-fire") as http:
        foreign = http.post("/v1/webhooks", json={"url": held.url, "agency": "nanxian-water"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "agency_wrong")
        outside = http.post("/v1/webhooks", json={"url": "http://8.8.8.8/"})
        assert (outside.status_code, outside.json()["errors"][0]["field"]) == (422, "url")
        made = http.post("/v1/webhooks", json={"url": held.url, "event_types": ["TaskRouted"]})
        assert made.status_code == 201, made.text
        hook = made.json()
        incident = incident_of(county, "119", "武圣宫镇养老院起火", "武圣宫镇")

        def mine() -> list[dict]:  # type: ignore[type-arg]  # JSON of the test's own
            said = [Webhook(hook["secret"]).verify(body, headers) for headers, body in held.got]
            return [s for s in said if s["incident_id"] == incident]

        told = eventually_sync(mine, what="the webhook")
        assert {s["type"] for s in told} == {"TaskRouted"}
        assert http.delete(f"/v1/webhooks/{hook['id']}").status_code == 204
