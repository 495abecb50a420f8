"""One service as a child process."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import eventually_sync, free_port
from tocsin.cli.service import Service

_BODY = """
import http.server, os, sys
if os.environ.get("FAILS"):
    sys.exit("no such partition")
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
http.server.HTTPServer(("127.0.0.1", int(os.environ["TOCSIN_PORT"])), H).serve_forever()
"""


def staged(tmp_path: Path, **env: str) -> Service:
    """A service made up for the test, on a free port."""
    package = tmp_path / "services" / "madeup"
    package.mkdir(parents=True)
    (tmp_path / "services" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(_BODY)
    path = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"}
    return Service("madeup", free_port(), path | env, tmp_path)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Started, and stopped in the end."""
    made = staged(tmp_path)
    made.start()
    yield made
    made.ask_to_stop()
    made.wait_stopped(0)


def test_a_killed_service_is_back_at_once(service: Service) -> None:
    """After kill -9 the next look starts a new process, which becomes ready."""
    with httpx.Client() as client:
        eventually_sync(lambda: not service.not_ready(client), what="ready")
        first = service.pid
        os.kill(first, signal.SIGKILL)
        eventually_sync(service.look_after, seconds=5, what="started again")
        assert service.pid not in (0, first)
        eventually_sync(lambda: not service.not_ready(client), what="ready again")


def test_a_service_that_cannot_start_is_not_started_in_a_busy_loop(tmp_path: Path) -> None:
    """Each early death lengthens the pause before the next start, and the reason can be shown."""
    service = staged(tmp_path, FAILS="1")
    service.start()
    eventually_sync(lambda: service.look_after() and service.deaths_young >= 2, seconds=20, what="two deaths")
    assert "no such partition" in service.said()
    with httpx.Client() as client:
        eventually_sync(lambda: "no such partition" in service.not_ready(client), seconds=10, what="told")
    service.ask_to_stop()
    service.wait_stopped(0)
