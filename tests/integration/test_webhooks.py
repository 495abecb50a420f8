"""Webhooks of the notifier against real receivers on loopback: signed, at least once, one owner, no one harmed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.integration.test_notifier import ADMIN, FIRE, WATER, Stage, stage
from tests.support import eventually, free_port
from tocsin.codec.wire import decode_event
from tocsin.delivery import DeliveryAttempted, WebhookRemoved
from tocsin.log.kafka import KafkaFollower
from tocsin.log.topics import DELIVERIES

__all__ = ["stage"]  # the fixture the ones below build on
pytestmark = pytest.mark.broker


class Receiver:
    """An HTTP endpoint that keeps what it is sent; `answer(n)` gives the n-th request's status, None hangs."""

    def __init__(self, answer: Callable[[int], int | None] = lambda _: 204) -> None:
        self.port, self._answer = 0, answer
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (h.partition(": ") for h in head[1:] if h)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append((headers, body))
                status = self._answer(len(self.got))
                if status is None:
                    await reader.read()  # until the sender gives up
                    break
                writer.write(f"HTTP/1.1 {status} x\r\nlocation: {self.url}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    def types(self) -> list[str]:
        """The types of what came, in order."""
        return [json.loads(body)["type"] for _, body in self.got]


@pytest.fixture
async def hooked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A deployment whose webhooks are tried again quickly; none is left on the log.

    They have time to answer on a busy machine too: what was received and answered late would be sent again.
    """
    monkeypatch.setenv("TOCSIN_WEBHOOK_TIMEOUT_S", "30")
    monkeypatch.setenv("TOCSIN_WEBHOOK_RETRY_S", "0.05")
    yield stage
    alive = next(slot for slot, (process, _) in stage.running.items() if process.poll() is None)
    async with stage.http(slot=alive) as http:
        for item in (await http.get("/v1/webhooks")).json()["items"]:
            assert (await http.delete(f"/v1/webhooks/{item['id']}")).status_code == 204


async def _register(hooked: Stage, url: str, who: Any = FIRE, **more: Any) -> dict[str, Any]:
    async with hooked.http(who) as http:
        answer = await http.post("/v1/webhooks", json={"url": url} | more)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def _fire(hooked: Stage, call_id: str, *agencies: str) -> str:
    incident = hooked.region.open(
        hooked.region.call(call_id, "119", "二楼冒烟"), "fire.building", 1, agencies or ("nanxian-fire",)
    )
    await hooked.flush()
    return incident


async def _on_log(hooked: Stage) -> list[Any]:
    follower = KafkaFollower(hooked.settings, [DELIVERIES])
    await follower.start({})
    found = []
    try:
        ends = await follower.ends()
        async for batch in follower.batches(idle_ms=100):
            found += [decode_event(r.value or b"") for r in batch]
            if all(follower.positions().get(at, 0) >= end for at, end in ends.items()):
                return found
    finally:
        await follower.stop()
    return found


async def test_an_endpoint_gets_its_agencys_events_signed_in_order(hooked: Stage) -> None:
    """Standard Webhooks: `webhook-id` is the event's id, the signature verifies with the secret and with no other."""
    await hooked.start()
    async with Receiver() as fire, Receiver() as water, Receiver() as all_of_it:
        hook = await _register(hooked, fire.url)
        await _register(hooked, water.url, WATER)
        await _register(hooked, all_of_it.url, ADMIN, event_types=["IncidentOpened"])
        incident = await _fire(hooked, "wh-1")
        await eventually(lambda: len(fire.got) >= 4 and all_of_it.got, what="the events")
        async with hooked.http() as http:
            history = (await http.get(f"/v1/incidents/{incident}/events")).json()["items"]
        assert [h["webhook-id"] for h, _ in fire.got] == [e["event_id"] for e in history]
        for headers, body in fire.got:
            said = Webhook(hook["secret"]).verify(body, headers)
            assert said["incident_id"] == incident
            with pytest.raises(WebhookVerificationError):
                Webhook("whsec_" + "A" * 44).verify(body, headers)
        assert json.loads(fire.got[0][1])["data"]["call"]["caller"] == {"number": "138****1234"}
        assert all_of_it.types() == ["IncidentOpened"]
        assert not water.got
        wanted = {(e["event_id"], "delivered") for e in history}

        async def noted() -> bool:
            attempts = [e for e in await _on_log(hooked) if isinstance(e.data, DeliveryAttempted)]
            return {(e.data.cause_id, e.data.outcome) for e in attempts if e.data.webhook_id == hook["id"]} >= wanted

        assert await eventually(noted, what="each delivery is on the log")


async def test_a_dead_endpoint_harms_nobody_and_is_tried_again(hooked: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hangs, one answers 500, one redirects, one is closed: the good one is served at once, the others later."""
    monkeypatch.setenv("TOCSIN_WEBHOOK_TIMEOUT_S", "3")  # three times as long for the one that hangs
    await hooked.start()
    patience = 3
    hangs, fails, redirects, good = (
        Receiver(lambda n: None if n <= patience else 200), Receiver(lambda n: 500 if n <= patience else 200),
        Receiver(lambda n: 302 if n <= patience else 200), Receiver(),
    )  # fmt: skip
    async with hangs, fails, redirects, good:
        for receiver in (hangs, fails, redirects, good):
            await _register(hooked, receiver.url, event_types=["TaskRouted"])
        closed = await _register(hooked, f"http://127.0.0.1:{free_port()}/")
        await _fire(hooked, "wh-2")
        await eventually(lambda: good.got, seconds=3, what="the good endpoint")
        for receiver in (hangs, fails, redirects):
            await eventually(lambda r=receiver: len(r.got) > patience, what="further attempts")  # type: ignore[misc]  # bound in a default
            assert len({h["webhook-id"] for h, _ in receiver.got}) == 1
            assert [h["tocsin-attempt"] for h, _ in receiver.got] == ["1", "2", "3", "4"]
        async with hooked.http(FIRE) as http:

            async def failing() -> str:
                shown = (await http.get(f"/v1/webhooks/{closed['id']}")).json()
                return str(shown["last_error"] or "") if shown["state"] == "failing" else ""

            assert await eventually(failing, what="the closed one is told as failing")
        assert len(good.got) == 1


async def test_what_came_while_the_notifier_was_dead_is_sent_by_the_next(hooked: Stage) -> None:
    """At least once across kill -9 and by one replica at a time: nothing missing, and repeats carry the same id."""
    await hooked.start(0)
    async with Receiver() as receiver:
        await _register(hooked, receiver.url, event_types=["TaskRouted"])
        await _fire(hooked, "wh-3")
        await eventually(lambda: len(receiver.got) == 1)
        hooked.running[0][0].kill()
        hooked.running[0][0].wait()
        await _fire(hooked, "wh-4")
        await hooked.start(1)
        await _fire(hooked, "wh-5")
        await eventually(lambda: len({h["webhook-id"] for h, _ in receiver.got}) == 3, seconds=40)
        assert len(receiver.got) <= 4


async def test_a_removed_endpoint_is_sent_nothing_more(hooked: Stage) -> None:
    """DELETE by its own agency; another agency does not even see it; 410 removes it as well."""
    await hooked.start()
    async with Receiver() as receiver, Receiver(lambda _: 410) as gone:
        hook = await _register(hooked, receiver.url)
        dead = await _register(hooked, gone.url)
        async with hooked.http(WATER) as http:
            assert (await http.get(f"/v1/webhooks/{hook['id']}")).status_code == 404
            assert (await http.delete(f"/v1/webhooks/{hook['id']}")).status_code == 404
            assert (await http.get("/v1/webhooks")).json()["items"] == []
        async with hooked.http(FIRE) as http:
            assert hook["secret"] not in (await http.get("/v1/webhooks")).text
            assert (await http.delete(f"/v1/webhooks/{hook['id']}")).status_code == 204
            assert (await http.delete(f"/v1/webhooks/{hook['id']}")).status_code == 404
            await _fire(hooked, "wh-6")

            async def none_left() -> str:
                listed: list[Any] = (await http.get("/v1/webhooks")).json()["items"]
                return "" if listed else "none"

            await eventually(none_left, what="410 to remove the endpoint")  # type: ignore[arg-type]  # mypy finds no T here
        assert len(gone.got) == 1
        assert not receiver.got
        removed = {
            e.data.webhook_id: e.data.reason for e in await _on_log(hooked) if isinstance(e.data, WebhookRemoved)
        }
        assert (removed[hook["id"]], removed[dead["id"]]) == ("asked", "gone")


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/x", "http://", "nonsense", "http://user:pw@127.0.0.1/", "http://8.8.8.8/", "http://[::ffff:8.8.8.8]/",
     "http://169.254.169.254/latest", "http://0.0.0.0/", "http://no-such-host.invalid/", "http://127.0.0.1:99999/", "http://127.0.0.1/ü"],
)  # fmt: skip
async def test_only_addresses_the_operator_allows_are_taken(url: str) -> None:
    """http(s) alone, and by default loopback and private ranges alone, whatever form the address comes in."""
    from services.notifier.outward import NotAllowed, check_url, networks, resolve  # noqa: PLC0415 - this test alone
    from tocsin.runtime.settings import Settings  # noqa: PLC0415 - see above

    with pytest.raises(NotAllowed):
        await resolve(*check_url(url), networks(Settings().webhook_networks))
