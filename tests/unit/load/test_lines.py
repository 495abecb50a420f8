"""A stream's lines, of any length."""

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tocsin.load.run import lines_of


async def test_lines_are_put_together_from_chunks() -> None:
    """Cut anywhere, within a letter too; an unfinished last line is none."""
    whole = "id: 1\ndata: 南县\n\nrest".encode()

    async def chunks() -> AsyncIterator[bytes]:
        for i in range(len(whole)):
            yield whole[i : i + 1]

    assert [line async for line in lines_of(chunks())] == ["id: 1", "data: 南县", ""]


async def test_a_snapshot_of_megabytes_is_one_line() -> None:
    """A deployment with many open incidents: its snapshot must not end the watching of deliveries."""
    body = b"data: " + b"x" * 2_000_000 + b"\ndata: next\n"

    async def stream(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/", stream)
    async with TestClient(TestServer(app)) as client, client.get("/") as answer:
        assert [len(line) async for line in lines_of(answer.content.iter_any())] == [2_000_006, 10]
