"""The notifier as a process on a real broker, fed with real events through the codec."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.notifier_stage import PARTITIONS, Region, appends, person
from tests.support import eventually, free_port, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics
from tocsin.codec.wire import decode_event
from tocsin.incident import events as ev
from tocsin.log.deadletters import read_dead_letter
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import DEADLETTER, DELIVERIES, INCIDENT_EVENTS
from tocsin.runtime.security import COOKIE, Principal, issue, load_secret
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring

pytestmark = pytest.mark.broker
FIRE = Principal("d-fire", "dispatcher", agency="nanxian-fire")
WATER = Principal("d-water", "dispatcher", agency="nanxian-water")
ADMIN = Principal("root", "admin")


class Stage:
    """A deployment of notifiers alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.secret = load_secret(settings.secrets_dir / "token.key")
        self.keyring = Keyring.open(settings)
        self.region = Region(self.keyring)
        self.producer = KafkaProducer(settings)
        self._told = 0
        self.running: dict[int, tuple[subprocess.Popen[bytes], str]] = {}

    async def flush(self) -> None:
        """Writes what was told since to the log."""
        fresh, self._told = self.region.records[self._told :], len(self.region.records)
        await self.producer.append_all(appends(fresh))

    async def start(self, slot: int = 0) -> str:
        """Starts a replica and waits until it has read the log. Returns its URL."""
        port = free_port()
        env = os.environ | {
            "TOCSIN_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "TOCSIN_PARTITIONS": str(PARTITIONS),
            "TOCSIN_SLOT": str(slot),
            "TOCSIN_DATA_DIR": str(self.settings.data_dir),
            "TOCSIN_PORT": str(port),
            "TOCSIN_INSTANCE": self.settings.data_dir.parent.name,
        }
        process = self._spawn(slot, env)
        url = f"http://127.0.0.1:{port}"
        self.running[slot] = (process, url)

        async def ready() -> bool:
            assert process.poll() is None, (self.settings.data_dir / f"n{slot}.log").read_text()[-2000:]
            try:
                async with httpx.AsyncClient(trust_env=False) as http:
                    return (await http.get(f"{url}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, seconds=60, what="the notifier's readiness")
        return url

    def _spawn(self, slot: int, env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.settings.data_dir / f"n{slot}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "services.notifier"], env=env, stderr=log, stdout=log)

    def stop(self, slot: int = 0) -> float:
        """Stops a replica by SIGTERM; the seconds it took."""
        process, _ = self.running.pop(slot)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(stretched(15))
        except subprocess.TimeoutExpired:
            process.kill()  # nothing of a failed test stays to fail the next
            raise
        return time.monotonic() - began

    def auth(self, who: Principal) -> dict[str, str]:
        """The header of a signed-in person."""
        return {"authorization": f"Bearer {issue(self.secret, who, hours=1)}"}

    def http(self, who: Principal = ADMIN, slot: int = 0) -> httpx.AsyncClient:
        """A client of a replica."""
        return httpx.AsyncClient(base_url=self.running[slot][1], headers=self.auth(who), timeout=60, trust_env=False)


class Stream:
    """A reader of Server-Sent Events."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()
        self.last_id = ""

    async def next(self) -> tuple[str, Any]:
        """The next event: its type and data. Comments and bare ids are taken note of and passed by."""
        kind, data = "", ""
        async with asyncio.timeout(stretched(60)):
            async for line in self._lines:
                if line.startswith("id: "):
                    self.last_id = line[4:]
                elif line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and kind:
                    return kind, json.loads(data)
        raise EOFError

    async def drain(self, into: list[str]) -> None:
        """Reads until the stream ends, which it does by an error."""
        while True:
            into.append((await self.next())[1].get("event_id", ""))

    async def until(self, event_id: str) -> list[str]:
        """The ids of all events up to this one."""
        seen = []
        while True:
            kind, data = await self.next()
            if kind not in ("snapshot", "reset"):
                seen.append(data["event_id"])
            if data.get("event_id") == event_id:
                return seen


@pytest.fixture
async def stage(broker: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    """Topics, keys, a producer; every replica is stopped at the end."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    settings = Settings(kafka_bootstrap=broker.bootstrap, partitions=PARTITIONS, data_dir=data_dir)
    await ensure_topics(settings)
    held = Stage(settings)
    await held.producer.start()
    try:
        yield held
    finally:
        for slot in list(held.running):
            held.stop(slot)
        await held.producer.stop()
        held.keyring.close()


async def test_a_stream_begins_with_a_snapshot_and_goes_on_with_deltas(stage: Stage) -> None:
    """What stood before is in the snapshot, what comes after is told once, in order, with the contract's fields."""
    r = stage.region
    before = r.open(r.call("s1", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    await stage.flush()
    await stage.start()
    async with stage.http(FIRE) as http, http.stream("GET", "/v1/stream", params={"state": "open"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer)
        kind, snapshot = await stream.next()
        assert kind == "snapshot"
        assert before in [i["incident_id"] for i in snapshot["incidents"]]
        (told,) = r.tell(
            before, ev.TaskAcknowledged(task_id=f"{before}-T1", agency="nanxian-fire"), actor=person("dispatcher")
        )
        await stage.flush()
        kind, data = await stream.next()
        assert (kind, data["event_id"]) == ("TaskAcknowledged", told.event_id)
        assert data.keys() >= {
            "event_id",
            "type",
            "incident_id",
            "version",
            "region",
            "occurred_at",
            "recorded_at",
            "agency_classes",
            "data",
        }
        assert data["agency_classes"] == ["fire"]


async def test_a_stream_tells_an_agency_only_of_its_own(stage: Stage) -> None:
    """The fire is not told to the water works, their own burst pipe is."""
    r = stage.region
    await stage.start()
    async with stage.http(WATER) as http, http.stream("GET", "/v1/stream") as answer:
        stream = Stream(answer)
        assert (await stream.next())[0] == "snapshot"
        r.open(r.call("v1", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
        pipe = r.open(r.call("v2", "12345", "水管爆了"), "utility.water", 3, ["nanxian-water"])
        await stage.flush()
        _, data = await stream.next()
        assert data["incident_id"] == pipe
        last = decode_event(r.records[-1].value or b"")
        await stream.until(last.event_id)


async def test_a_stream_resumes_without_a_gap_on_another_replica(stage: Stage) -> None:
    """An id of one replica is understood by the other: what came meanwhile is told, each event once."""
    r = stage.region
    one = r.open(r.call("g1", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    await stage.flush()
    await stage.start(0)
    async with stage.http(FIRE) as http, http.stream("GET", "/v1/stream") as answer:
        stream = Stream(answer)
        await stream.next()
        (first,) = r.tell(one, ev.NoteAdded(text=""))
        await stage.flush()
        await stream.until(first.event_id)
        last_id = stream.last_id
    expected = [r.tell(one, ev.NoteAdded(text=""))[0].event_id for _ in range(300)]
    await stage.flush()
    await stage.start(1)
    async with (
        stage.http(FIRE, 1) as http,
        http.stream("GET", "/v1/stream", headers={"last-event-id": last_id}) as answer,
    ):
        stream = Stream(answer)
        seen = await stream.until(expected[-1])
        (more,) = r.tell(one, ev.NoteAdded(text=""))
        await stage.flush()
        seen += await stream.until(more.event_id)
    assert seen == [*expected, more.event_id]


@pytest.mark.parametrize("last_id", ["AQD___________9_AAA", "nonsense", "AQ"])
async def test_an_id_of_another_log_is_answered_with_reset(stage: Stage, last_id: str) -> None:
    """The client is told to forget what it knew, and gets a snapshot."""
    await stage.start()
    async with stage.http(FIRE) as http, http.stream("GET", "/v1/stream", headers={"last-event-id": last_id}) as answer:
        stream = Stream(answer)
        assert (await stream.next())[0] == "reset"
        assert (await stream.next())[0] == "snapshot"


async def test_a_slow_console_is_cut_off_others_unharmed_and_it_resumes_without_a_gap(stage: Stage) -> None:
    """One reader reads nothing while megabytes pass: it is cut off, the quick one has all, the slow one resumes."""
    r = stage.region
    one = r.open(r.call("w1", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    await stage.flush()
    await stage.start()
    async with (
        stage.http(FIRE) as http,
        http.stream("GET", "/v1/stream") as slow,
        http.stream("GET", "/v1/stream") as quick,
    ):
        behind, stream = Stream(slow), Stream(quick)
        await behind.next()
        await stream.next()
        stage.keyring.ensure_now([one])
        words = stage.keyring.seal(one, "长" * 20_000)
        expected = [r.tell(one, ev.NoteAdded(text=words))[0].event_id for _ in range(240)]
        seen: list[str] = []
        for at in range(0, 240, 20):
            await stage.producer.append_all(appends(r.records[len(r.records) - 240 + at :][:20]))
            seen += await stream.until(expected[at + 19])  # the quick one keeps up, however slow the machine
        stage._told = len(r.records)
        assert seen == expected
        held: list[str] = []
        with pytest.raises((httpx.RemoteProtocolError, EOFError)):
            await behind.drain(held)
        assert len(held) < 240
        async with http.stream("GET", "/v1/stream", headers={"last-event-id": behind.last_id}) as answer:
            held += await Stream(answer).until(expected[-1])
    assert held == expected


async def test_streams_end_within_a_second_of_sigterm(stage: Stage) -> None:
    """Open streams do not hold the service: they end at once, the process in less than ten seconds."""
    await stage.start()
    async with stage.http(FIRE) as http, http.stream("GET", "/v1/stream") as answer:
        stream = Stream(answer)
        await stream.next()
        began = time.monotonic()
        stage.running[0][0].send_signal(signal.SIGTERM)
        with pytest.raises((EOFError, httpx.RemoteProtocolError)):
            await stream.drain([])
        assert time.monotonic() - began < stretched(1.5)
    assert stage.stop() < stretched(10)


async def test_deliveries_are_written_once_also_across_a_restart(stage: Stage) -> None:
    """Each routed task has one delivery and, once seen, one acknowledgement; a restart repeats neither."""
    r = stage.region
    one = r.open(r.call("d1", "119", "起火"), "fire.building", 1, ["nanxian-fire", "nanxian-police"])
    r.tell(
        one, ev.TaskAcknowledged(task_id=f"{one}-T1", agency="nanxian-fire"), actor=person("dispatcher", "nanxian-fire")
    )
    await stage.flush()
    await stage.start()

    async def deliveries() -> list[dict[str, Any]]:
        async with stage.http() as http:
            items = (await http.get(f"/v1/incidents/{one}/deliveries")).json()["items"]
        return items if len(items) >= 3 else []

    items = await eventually(deliveries, seconds=60)
    assert sorted((i["type"], i["agency"]) for i in items) == [
        ("DeliveryAcknowledged", "nanxian-fire"),
        ("DeliverySent", "nanxian-fire"),
        ("DeliverySent", "nanxian-police"),
    ]
    stage.stop()
    await stage.start()
    two = r.open(r.call("d2", "119", "又一处"), "fire.building", 1, ["nanxian-fire"])
    await stage.flush()
    follower = KafkaFollower(stage.settings, [DELIVERIES])
    await follower.start({})
    seen: list[tuple[str, str]] = []
    async with asyncio.timeout(stretched(60)):
        async for batch in follower.batches():
            told = [decode_event(record.value or b"") for record in batch]
            seen += [(e.subject, e.event_id) for e in told]
            if any(subject == two for subject, _ in seen):
                break
    await follower.stop()
    assert len([s for s, _ in seen if s == one]) == 3


async def test_an_unreadable_event_goes_to_the_dead_letters_and_the_rest_goes_on(stage: Stage) -> None:
    """Garbage on the events' topic stops nobody and is found again with its place and error."""
    r = stage.region
    at = partition_of(r.region, PARTITIONS)
    placed = await stage.producer.append(Append(INCIDENT_EVENTS.name, at, b"430921", b"\xff\xfe rubbish"))
    one = r.open(r.call("p1", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    await stage.flush()
    await stage.start()
    async with stage.http() as http:
        assert (await http.get(f"/v1/incidents/{one}")).status_code == 200
    follower = KafkaFollower(stage.settings, [DEADLETTER])
    await follower.start({})
    async with asyncio.timeout(stretched(60)):
        async for batch in follower.batches():
            letters = [letter for record in batch if (letter := read_dead_letter(record)) is not None]
            if any((x.topic, x.partition, x.offset) == (INCIDENT_EVENTS.name, at, placed.offset) for x in letters):
                break
    await follower.stop()


async def test_histories_and_what_may_not_be_seen(stage: Stage) -> None:
    """The whole history in order with clear words; 404 for others' incidents; 403 for monitor; 401 without a token."""
    r = stage.region
    one = r.open(r.call("h1", "119", "三楼起火"), "fire.building", 1, ["nanxian-fire"])
    stage.keyring.ensure_now([one])
    r.tell(one, ev.NoteAdded(text=stage.keyring.seal(one, "云梯车已出动")), actor=person("dispatcher", "nanxian-fire"))
    await stage.flush()
    await stage.start()
    async with stage.http(FIRE) as http:
        items = (await http.get(f"/v1/incidents/{one}/events")).json()["items"]
        assert [i["version"] for i in items] == list(range(1, len(items) + 1))
        assert items[0]["data"]["call"]["text"] == "三楼起火"
        assert items[-1]["data"]["text"] == "云梯车已出动"
        assert "13800001234" not in json.dumps(items)
        cap = await http.get(f"/v1/incidents/{one}/cap")
        assert cap.headers["content-type"].startswith("application/cap+xml")
        assert (await http.get(f"/v1/incidents/{one}/eido")).json()["incidentComponent"][
            "incidentCommonPriorityNumber"
        ] == 10
        assert (await http.get("/v1/incidents", params={"limit": 501})).status_code == 422
        assert (await http.get("/v1/incidents", params={"cursor": "@@"})).status_code == 422
    async with stage.http(WATER) as http:
        for path in ("", "/events", "/deliveries", "/cap", "/eido"):
            assert (await http.get(f"/v1/incidents/{one}{path}")).status_code == 404
    async with stage.http(Principal("m", "monitor")) as http:
        assert (await http.get("/v1/incidents")).status_code == 403
        assert (await http.get("/v1/stream")).status_code == 403
    async with httpx.AsyncClient(base_url=stage.running[0][1], trust_env=False) as http:
        assert (await http.get("/v1/incidents")).status_code == 401


async def test_a_number_is_seen_by_whoever_revealed_it_alone(stage: Stage) -> None:
    """Without the act 403; after it the revealer reads the number for ten minutes, a colleague still does not."""
    r = stage.region
    r.now = int(time.time() * 1000)
    one = r.open(r.call("n1", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    await stage.flush()
    await stage.start()
    async with stage.http(FIRE) as http:
        refused = await http.get("/v1/calls/n1/number")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_revealed")
        r.tell(
            one, ev.NumberRevealed(call_id="n1", reason=""), actor=person("dispatcher", "nanxian-fire", FIRE.subject)
        )
        await stage.flush()

        async def number() -> str:
            return (await http.get("/v1/calls/n1/number")).json().get("number", "")

        assert await eventually(number) == "13800001234"
    async with stage.http(Principal("other", "dispatcher", agency="nanxian-fire")) as http:
        assert (await http.get("/v1/calls/n1/number")).status_code == 403


async def test_the_session_is_a_cookie_no_script_reads_and_no_other_site_uses(stage: Stage) -> None:
    """Sign-in sets HttpOnly and SameSite=Strict; a write from another origin is refused; intake away is a 503."""
    url = await stage.start()
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
        answer = await http.post("/v1/session", json={"token": issue(stage.secret, FIRE, hours=1)})
        cookie = answer.headers["set-cookie"].lower()
        assert COOKIE in cookie
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await http.get("/v1/session")).json()["agency"] == "nanxian-fire"
        body = {"command": "acknowledge"}
        foreign = await http.post("/v1/tasks/x-T1/commands", json=body, headers={"origin": "https://elsewhere.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "origin_wrong")
        nameless = await http.post("/v1/tasks/x-T1/commands", json=body)
        assert nameless.json()["code"] == "origin_wrong"
        away = await http.post("/v1/tasks/x-T1/commands", json=body, headers={"origin": url})
        assert (away.status_code, away.json()["code"]) == (503, "intake_away")
        assert (await http.post("/v1/session", json={"token": "x"}, headers={"origin": url})).status_code == 401
        assert (await http.post("/v1/session", content=b"[", headers={"origin": url})).status_code == 422
        page = await http.get("/")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert (await http.delete("/v1/session", headers={"origin": url})).status_code == 204
        assert (await http.get("/v1/session")).status_code == 401
