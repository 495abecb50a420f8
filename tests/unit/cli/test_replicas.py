"""A name that stands for several addresses: every replica behind it is asked."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tocsin.cli.commands.replay import _standings
from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend

STATES = {
    "127.0.0.1": {"0": {"offset": 7, "state_hash": "a"}, "1": {"offset": 3, "state_hash": "stale"}},
    "127.0.0.2": {"1": {"offset": 9, "state_hash": "b"}},
}


class Pod(BaseHTTPRequestHandler):
    """A router that tells the state of its own partitions."""

    def do_GET(self) -> None:
        """`/state`."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(STATES[str(self.server.server_address[0])]).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Two pods on one port, each at an address of its own."""
    first = ThreadingHTTPServer(("127.0.0.1", 0), Pod)
    second = ThreadingHTTPServer(("127.0.0.2", first.server_port), Pod)
    for server in (first, second):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield first.server_port
    for server in (first, second):
        server.shutdown()
        server.server_close()


def deployment(router: str) -> Deployment:
    """One whose router is there."""
    urls = dict.fromkeys(("intake", "notifier", "ems120", "supervision", "console"), "http://127.0.0.1:1")
    return Deployment(
        ready=True, bootstrap="127.0.0.1:1", router=router, pids={}, tokens={}, agency_tokens={}, unit_tokens={}, **urls
    )


def test_replay_asks_every_pod_behind_one_name(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pod's partitions together; of two that speak of one, the one that is further along."""
    given = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("127.0.0.2", "127.0.0.1", "127.0.0.2")]
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda h, *a, **k: given if h == "router" else real(h, *a, **k))
    found = _standings(deployment(f"http://router:{port}"), "router")
    assert {p: s["state_hash"] for p, s in found.items()} == {0: "a", 1: "b"}


def test_one_address_is_asked_once(port: int) -> None:
    """As `up` gives it."""
    assert set(_standings(deployment(f"http://127.0.0.1:{port}"), "router")) == {0, 1}


def test_a_name_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the mend, and no traceback."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Mend, match="does not tell its state"):
        _standings(deployment("http://nowhere.invalid:1"), "router")
