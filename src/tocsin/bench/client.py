"""A closed-loop HTTP/1.1 client that costs little beside what it measures: one request at a time a connection."""

import asyncio
import time
from collections.abc import Iterator

import uvloop
from msgspec import Struct

from tocsin.load.ledger import Percentiles


class Result(Struct, frozen=True):
    """What a run of requests came to."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def request_bytes(
    method: str, path: str, host: str, token: str, body: bytes, content: str = "application/json"
) -> bytes:
    """A whole request, ready to be written."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {content}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        length = int(lower[at + 15 : lower.index(b"\r\n", at)])
        if length:
            await reader.readexactly(length)
    return status


async def _worker(host: str, port: int, requests: Iterator[bytes], until: float, out: list[tuple[float, int]]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for request in requests:
            began = time.perf_counter()
            if began >= until:
                return
            writer.write(request)
            status = await _answer(reader)
            out.append((time.perf_counter() - began, status))
    finally:
        writer.close()


async def _drive(host: str, port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Result:
    out: list[tuple[float, int]] = []
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_worker(host, port, requests, until, out) for _ in range(connections)))
    took = time.perf_counter() - began
    statuses: dict[int, int] = {}
    for _, status in out:
        statuses[status] = statuses.get(status, 0) + 1
    ms = Percentiles.of([s for s, _ in out])
    return Result(len(out), took, ms.p50, ms.p99, statuses)


def drive(host: str, port: int, requests: Iterator[bytes], *, connections: int = 32, seconds: float = 8.0) -> Result:
    """Sends the requests, each once, over so many connections for so long."""
    return uvloop.run(_drive(host, port, requests, connections, seconds))
