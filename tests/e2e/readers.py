"""What the readers' black-box tests share: ringing, streams, receivers, all over HTTP as an outsider would."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.support import eventually_sync
from tocsin.cli.deployment import Deployment

SERVICES = ("intake", "router", "ems120", "notifier", "supervision")
_SEATS = {"12345": "hotline", "120": "ems_dispatcher"}


def ring(county: Deployment, line: str, text: str, address: str, **more: Any) -> dict[str, Any]:
    """A call from a number of its own, decided: what intake knows of it."""
    number = f"1380000{uuid.uuid4().int % 10_000:04d}"
    posted = {"line": line, "text": text, "location": {"address": address}, "caller": {"number": number}} | more
    with county.client("intake", _SEATS.get(line, "call_taker"), seconds=60) as http:
        recorded = http.post("/v1/calls", json=posted)
        assert recorded.status_code == 202, recorded.text

        def decided() -> dict[str, Any] | None:
            found: dict[str, Any] = http.get(f"/v1/calls/{recorded.json()['call_id']}", params={"wait": 20}).json()
            return found if found["status"] != "recorded" else None

        found = eventually_sync(decided, what="the call's decision")
    assert found is not None
    return found


def incident_of(county: Deployment, line: str, text: str, address: str, **more: Any) -> str:
    """The incident a call of one's own came to, once the notifier, which reads the log for itself, shows it."""
    incident = str(ring(county, line, text, address, **more)["incident_ids"][0])
    with county.client("notifier", "commander", seconds=60) as http:
        eventually_sync(lambda: http.get(f"/v1/incidents/{incident}").status_code == 200, what=f"{incident} is shown")
    return incident


def free_fleet(county: Deployment) -> None:
    """Ends what other tests left running and has every ambulance at hand: the county has eight."""
    with county.client("ems120", "ems_dispatcher", seconds=60) as http:
        while running := http.get("/v1/missions", params={"active": True, "limit": 500}).json()["items"]:
            for mission in running:
                # How it may end goes by how far it has come.
                for outcome in ("cancelled_before", "cancelled_enroute", "treated_refused", "transported"):
                    over = {"command": "end", "outcome": outcome, "reason": "演练前清场"}
                    done = http.post(f"/v1/missions/{mission['mission_id']}/commands", params={"wait": 30}, json=over)
                    assert done.status_code in (200, 409), done.text
                    if done.status_code == 200:
                        break
        for unit in http.get("/v1/units").json()["items"]:
            if unit["state"] != "available":
                back = {"command": "on_duty" if unit["state"] == "off_duty" else "available"}
                done = http.post(f"/v1/units/{unit['unit_id']}/commands", params={"wait": 30}, json=back)
                assert done.is_success, done.text


def events(answer: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """Server-Sent Events of a streamed answer: id, type, data."""
    at, name, data = "", "", ""
    for line in answer.iter_lines():
        if line.startswith("id: "):
            at = line[4:]
        elif line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data = line[6:]
        elif not line and name:
            yield at, name, json.loads(data)
            name = ""


class Receiver:
    """What an endpoint was sent: headers and bodies."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []


@contextmanager
def receiver() -> Iterator[Receiver]:
    """An HTTP endpoint on loopback that takes everything."""
    held = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            held.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
