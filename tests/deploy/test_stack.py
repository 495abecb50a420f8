"""The compose stack, really started: image built, six containers up, calls taken, containers restarted, all stopped.

Opt-in, for it needs a Docker engine and builds an image: `TOCSIN_DOCKER=1 ./tocsin test -- tests/deploy/test_stack.py`.
TOCSIN_KAFKA_IMAGE names the broker's image; where it does not, one is built from the locked jars.
"""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.broker_image import build
from tests.support import eventually_sync, free_ports

pytestmark = [
    pytest.mark.skipif(os.environ.get("TOCSIN_DOCKER") != "1", reason="starts containers: set TOCSIN_DOCKER=1"),
    pytest.mark.timeout(1800),
]
ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("notifier", "intake", "ems120", "supervision", "router")
STOP_S_MAX = 10.0
CALLS_MIN = 10


class Stack:
    """One compose project of its own name, on ports of its own."""

    def __init__(self, broker_image: str) -> None:
        first = free_ports(len(SERVICES))
        self.ports = {name: first + i for i, name in enumerate(SERVICES)}
        self.project = f"tocsin-test-{os.getpid()}"
        self.env = os.environ | {
            "TOCSIN_KAFKA_IMAGE": broker_image, "TOCSIN_IMAGE": "tocsin-test/tocsin:local",
            "COMPOSE_PROJECT_NAME": self.project,
            **{f"TOCSIN_PUBLISH_{s.upper()}": str(p) for s, p in self.ports.items()},
        }  # fmt: skip
        self.accepted: set[str] = set()

    def compose(self, *args: str, ok: bool = True, seconds: float = 1500) -> str:
        """Runs docker-compose; its standard output."""
        done = subprocess.run(
            ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), *args], capture_output=True, text=True,
            env=self.env, cwd=ROOT, timeout=seconds, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0 or not ok, f"{' '.join(args)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def tocsin(self, *args: str) -> str:
        """The command line within a container."""
        return self.compose("exec", "-T", "router", "tocsin", *args, seconds=120).strip()

    def inspect(self, service: str) -> Any:
        """What the engine says of a service's container, running or not."""
        ids = subprocess.run(
            ["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}",
             "--filter", f"label=com.docker.compose.service={service}"],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        said = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout
        return json.loads(said)[0]

    def await_healthy(self) -> None:
        """Until every container with a health check is healthy."""
        for name in ("kafka", *SERVICES):
            eventually_sync(
                lambda name=name: self.inspect(name)["State"]["Health"]["Status"] == "healthy",
                seconds=180, every=1, what=f"{name} is healthy",
            )  # fmt: skip

    def http(self, service: str, role: str = "") -> httpx.Client:
        """A client of a service's published port."""
        headers = {"Authorization": f"Bearer {self.tocsin('token', role)}"} if role else {}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.ports[service]}", headers=headers, timeout=10)

    def call(self, intake: httpx.Client, call_id: str) -> bool:
        """Sends a call; whether it was taken. Away is away: the caller sends it again."""
        body = {
            "line": "119",
            "call_id": call_id,
            "text": "二楼冒烟，有人在里面",
            "location": {"address": "茅草街镇新街口"},
        }
        with suppress(httpx.HTTPError):
            if intake.post("/v1/calls", json=body).status_code == httpx.codes.ACCEPTED:
                self.accepted.add(call_id)
                return True
        return False

    def restart_under_calls(self, service: str, intake: httpx.Client) -> None:
        """Restarts a service's container while calls go on, each sent until it is taken."""
        restarting = subprocess.Popen(
            ["docker", "restart", self.inspect(service)["Id"]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        sent = 0
        while restarting.poll() is None or sent < CALLS_MIN:
            call_id = f"{service}-{sent}"
            eventually_sync(lambda call_id=call_id: self.call(intake, call_id), seconds=120)
            sent += 1
        assert restarting.returncode == 0
        self.await_healthy()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Built and up; taken away with its volumes at the end."""
    made = Stack(os.environ.get("TOCSIN_KAFKA_IMAGE") or build())
    try:
        made.compose("build", "intake")
        made.compose("up", "-d")
        made.await_healthy()
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans", ok=False)


def test_services_run_as_nobody_on_a_file_system_of_stone(stack: Stack) -> None:
    """Not root, no capability, nothing writable but the data; the keys are for their owner alone."""
    for name in SERVICES:
        said = stack.inspect(name)
        assert said["Config"]["User"] == "10001:10001"
        assert said["HostConfig"]["ReadonlyRootfs"]
        assert said["HostConfig"]["CapDrop"] == ["ALL"]
        told = stack.compose("exec", "-T", name, "sh", "-c", "id -u; touch /opt/tocsin/x || echo refused", ok=False)
        assert told.split() == ["10001", "refused"]
    modes = stack.compose("exec", "-T", "intake", "sh", "-c", "stat -c '%a %U' /var/lib/tocsin/secrets/*.key")
    assert modes.split("\n")[:2] == ["600 tocsin", "600 tocsin"]


def test_a_call_is_decided_and_shown(stack: Stack) -> None:
    """From the published port of intake to the notifier's list; every service counts; doctor finds nothing amiss."""
    with stack.http("intake", "call_taker") as intake, stack.http("notifier", "commander") as notifier:
        assert stack.call(intake, "first-1")
        told = eventually_sync(
            lambda: (intake.get("/v1/calls/first-1", params={"wait": 2}).json())["incident_ids"], what="decided"
        )
        eventually_sync(lambda: notifier.get(f"/v1/incidents/{told[0]}").status_code == httpx.codes.OK, what="shown")
    for name in SERVICES:
        with stack.http(name) as http:
            assert http.get("/readyz").json()["ready"]
            assert "tocsin_build_info{" in http.get("/metrics").text
    assert json.loads(stack.tocsin("doctor", "--json"))["ok"]


def test_a_restart_of_any_container_loses_and_doubles_nothing(stack: Stack) -> None:
    """Calls go on through it; at the end each that was taken is on the log once, decided, and the fold agrees."""
    with stack.http("intake", "call_taker") as intake:
        for name in (*SERVICES, "kafka"):
            stack.restart_under_calls(name, intake)
        for call_id in sorted(stack.accepted):
            eventually_sync(
                lambda call_id=call_id: intake.get(f"/v1/calls/{call_id}").json().get("status") == "decided",
                seconds=60, what=f"{call_id} is decided",
            )  # fmt: skip
    lines = stack.tocsin("tail", "tocsin.incident.events.v1", "--no-follow").splitlines()
    recorded = Counter(_call_of(e) for e in map(json.loads, lines) if e["type"] == "CallRecorded")
    assert recorded == dict.fromkeys(stack.accepted, 1)
    assert json.loads(stack.tocsin("replay", "--verify", "--json"))["identical"]
    assert json.loads(stack.tocsin("audit", "verify", "--json"))["intact"]


def _call_of(event: Any) -> str:
    return str(event["data"]["call"]["call_id"])


def test_stop_is_clean_and_quick(stack: Stack) -> None:
    """On SIGTERM every service ends by itself within ten seconds; started again, what was decided is there."""
    asked = time.time()
    stack.compose("stop", *SERVICES)
    for name in SERVICES:
        state = stack.inspect(name)["State"]
        assert state["ExitCode"] == 0, name
        ended = datetime.fromisoformat(state["FinishedAt"][:19] + "+00:00").timestamp()
        assert ended - asked < STOP_S_MAX, name
    stack.compose("stop", "kafka")
    stack.compose("up", "-d")
    stack.await_healthy()
    with stack.http("notifier", "commander") as notifier:
        shown = notifier.get("/v1/incidents", params={"limit": 500}).json()["items"]
    assert {c["call_id"] for i in shown for c in i["calls"]} == stack.accepted
