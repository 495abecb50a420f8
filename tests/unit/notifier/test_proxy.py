"""What the console's origin passes on to the services behind it, against a real HTTP server on loopback."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.notifier import proxy
from tests.support import eventually, free_ports
from tocsin.runtime.security import COOKIE
from tocsin.runtime.web import create_app


class Behind:
    """A stand-in for ems120: says what it was asked, and streams until its reader leaves."""

    def __init__(self) -> None:
        self.readers = 0
        self.end = asyncio.Event()
        self.app = FastAPI()
        self.app.add_api_route("/v1/missions/{mission_id}/commands", self.said, methods=["POST"])
        self.app.add_api_route("/v1/stream", self.stream, methods=["GET"])

    async def said(self, request: Request) -> Response:
        """What came."""
        body = (await request.body()).decode()
        told = {"path": str(request.url.path), "query": request.url.query, "body": body}
        return JSONResponse(told | {"token": request.headers.get("authorization", "")}, 409)

    async def stream(self, request: Request) -> Response:
        """An event with the reader's last id, then silence until the reader leaves or all ends."""
        if request.headers.get("authorization") != "Bearer good":
            return JSONResponse({"code": "role_wrong"}, 403)

        async def chunks() -> AsyncIterator[bytes]:
            self.readers += 1
            try:
                yield f"id: 2\ndata: after {request.headers.get('last-event-id', 'nothing')}\n\n".encode()
                await self.end.wait()
            finally:
                self.readers -= 1

        return StreamingResponse(chunks(), media_type="text/event-stream")


async def _served(app: FastAPI, port: int) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, what="the server")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@pytest.fixture
async def behind() -> Behind:
    """The stand-in."""
    return Behind()


@pytest.fixture
async def stop() -> asyncio.Event:
    """The notifier's end."""
    return asyncio.Event()


@pytest.fixture
async def http(behind: Behind, stop: asyncio.Event) -> AsyncIterator[httpx.AsyncClient]:
    """A reader at the origin, with both servers running."""
    port = free_ports(3)
    async for url in _served(behind.app, port):
        front = create_app("test", secret=b"x" * 32, ready=[])
        away = proxy.intake(f"http://127.0.0.1:{port + 2}")
        centre = proxy.ems(url)
        front.include_router(proxy.routes(away, centre, stop))
        async for origin in _served(front, port + 1):
            async with httpx.AsyncClient(base_url=origin, trust_env=False, timeout=10) as client:
                yield client
        behind.end.set()
        await away.aclose()
        await centre.aclose()


async def test_an_act_goes_on_under_the_centres_own_path_with_the_cookies_token(http: httpx.AsyncClient) -> None:
    """The prefix is this origin's alone; query, body and answer pass as they are."""
    http.cookies.set(COOKIE, "good")
    answer = await http.post("/ems120/v1/missions/a-M1/commands?wait=2", json={"command": "depart"})
    assert answer.status_code == 409
    assert answer.json() == {
        "path": "/v1/missions/a-M1/commands", "query": "wait=2", "body": '{"command":"depart"}', "token": "Bearer good",
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"


async def test_a_service_that_is_away_is_told_by_its_name(http: httpx.AsyncClient) -> None:
    """503 with a code of its own and when to come back: nothing was recorded, or the id tells."""
    answer = await http.post("/v1/calls", json={})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "intake_away", "2")


async def test_a_stream_passes_on_from_the_readers_last_id(http: httpx.AsyncClient, behind: Behind) -> None:
    """What was sent arrives at once, not when it ends; a reader that leaves is gone there too."""
    headers = {"authorization": "Bearer good", "last-event-id": "1"}
    async with http.stream("GET", "/ems120/v1/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert await anext(answer.aiter_text()) == "id: 2\ndata: after 1\n\n"
        assert behind.readers == 1
    await eventually(lambda: behind.readers == 0, what="the reader's leaving seen behind")


async def test_a_stream_ends_where_it_ended_behind(http: httpx.AsyncClient, behind: Behind) -> None:
    """The reader's answer ends properly, so that its page resumes with the last id."""
    async with http.stream("GET", "/ems120/v1/stream", headers={"authorization": "Bearer good"}) as answer:
        chunks = answer.aiter_text()
        assert "after nothing" in await anext(chunks)
        behind.end.set()
        assert [c async for c in chunks] == []


async def test_a_stream_that_is_refused_is_refused_here(http: httpx.AsyncClient) -> None:
    """Status and code are the centre's own: who may see missions is decided there."""
    answer = await http.get("/ems120/v1/stream", headers={"authorization": "Bearer other"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_wrong")


async def test_the_end_of_the_notifier_ends_its_streams(
    http: httpx.AsyncClient, behind: Behind, stop: asyncio.Event
) -> None:
    """SIGTERM waits for no reader."""
    async with http.stream("GET", "/ems120/v1/stream", headers={"authorization": "Bearer good"}) as answer:
        chunks = answer.aiter_text()
        await anext(chunks)
        stop.set()
        assert [c async for c in chunks] == []
    await eventually(lambda: behind.readers == 0, what="the connection behind let go")
