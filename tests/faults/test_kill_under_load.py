"""kill -9, and SIGTERM, of each service under load: nothing lost, nothing doubled, the deciding goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Self

import httpx
import pytest

from tests.faults.stage import SEED, Figures, pid_of, struck, verified
from tests.support import LONG, deployed, eventually_sync, stretched
from tocsin.cli.deployment import SERVICES, Deployment

RATE = int(os.environ.get("TOCSIN_FAULTS_RATE", "200" if LONG else "30"))
SECONDS, SECONDS_MAX = (420, 420) if LONG else (32, 90)
VICTIMS = ("router", "intake", "notifier", "ems120", "supervision")
"""Those that stand between a call and its answer first."""
KILLS = 50 if LONG else len(VICTIMS)
UNDER_LOAD_MIN = 45 if LONG else 2
AGAIN_MS_MAX = 10_000
DRAIN_S = 180
pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A deployment of this module's own: services die in it."""
    with deployed(tmp_path_factory.mktemp("kill") / "data") as d:
        yield d


def long_enough() -> int:
    """How long calls come in, so that the kills fall among them on a busy machine too."""
    return round(min(SECONDS_MAX, stretched(SECONDS)))


class Loaded:
    """`tocsin load` in the background of a block; its summary after it."""

    def __init__(self, deployment: Deployment, seconds: int) -> None:
        self.deployment, self.seconds = deployment, seconds
        self.summary: dict[str, Any] = {}

    def __enter__(self) -> Self:
        before = self._taken()
        command = [sys.executable, "-m", "tocsin", "load", "--data-dir", self.deployment.data_dir, "--json"]
        options = ["--rate", str(RATE), "--seconds", str(self.seconds), "--drain", str(DRAIN_S)]
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            eventually_sync(lambda: self._taken() > before + RATE, seconds=90, what="the load has begun")
        except BaseException:
            self.__exit__(RuntimeError)
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.process.kill()
        out, err = self.process.communicate(timeout=self.seconds + DRAIN_S + 300)
        if kind is None:
            assert out, err[-1000:]
            self.summary = json.loads(out)

    def _taken(self) -> float:
        """Calls intake has received since its start."""
        with self.deployment.client("intake", seconds=60) as client:
            lines = client.get("/metrics").text.splitlines()
        return sum(float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith("tocsin_calls_received_total{"))

    def nothing_lost(self) -> None:
        """I1 and I2 by the client's count."""
        found = self.summary
        assert found["acknowledged"] == found["sent"] == RATE * self.seconds, found
        assert (found["lost"], found["duplicated"]) == (0, 0), found
        assert found["decided"] == found["delivered"] == found["sent"], found


def test_invariants_1_and_2_killed_services_lose_and_double_nothing(deployment: Deployment) -> None:
    """A kill -9 of each service in turn (long: 50 at random): each call recorded once, shown, within 10 s."""
    rng, figures = random.Random(SEED), Figures("kill -9 under load")
    victims = [rng.choice(VICTIMS) for _ in range(KILLS)] if LONG else list(VICTIMS)
    took: dict[str, list[float]] = {}
    under_load = 0
    with Loaded(deployment, long_enough()) as load:
        for service in victims:
            under_load += load.process.poll() is None
            took.setdefault(service, []).append(round(struck(deployment, service)[1], 2))
            if LONG:
                threading.Event().wait(rng.uniform(0, 3))
    figures.say(ready_again_s=took, under_load=under_load, load=load.summary)
    assert under_load >= UNDER_LOAD_MIN, "the load ended before the kills: make it longer"
    load.nothing_lost()
    assert load.summary["decide_ms"]["max"] <= stretched(AGAIN_MS_MAX), load.summary


class Stream:
    """A stream read in a thread; when it ended."""

    def __init__(self, deployment: Deployment, service: str) -> None:
        self._client = deployment.client(service, "commander" if service == "notifier" else "ems_dispatcher")
        self.opened, self.ended_at = threading.Event(), 0.0
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self.opened.wait(stretched(20)), f"the stream of {service} did not open"

    def _read(self) -> None:
        try:
            with self._client, self._client.stream("GET", "/v1/stream", timeout=60) as answer:
                for _ in answer.iter_lines():
                    self.opened.set()
        except httpx.HTTPError:
            pass  # an end without a last chunk is an end too
        self.ended_at = time.monotonic()

    def ended(self) -> float:
        """When it ended (monotonic seconds)."""
        self._thread.join(stretched(15))
        assert not self._thread.is_alive(), "the stream never ended"
        return self.ended_at


def test_drained_services_exit_in_time_and_lose_nothing(deployment: Deployment) -> None:
    """SIGTERM under load: each service exits within 10 s, its streams end within 1 s, nothing is lost."""
    figures = Figures("SIGTERM under load")
    exits, streams, under_load = {}, {}, 0
    with Loaded(deployment, long_enough()) as load:
        for service in VICTIMS:
            under_load += load.process.poll() is None
            stream = Stream(deployment, service) if service in ("notifier", "ems120") else None
            began = time.monotonic()
            exits[service] = round(struck(deployment, service, signal.SIGTERM)[0], 2)
            if stream is not None:
                streams[service] = round(stream.ended() - began, 2)
    figures.say(under_load=under_load, exit_s=exits, streams_s=streams, load=load.summary)
    assert under_load >= min(UNDER_LOAD_MIN, len(VICTIMS)), "the load ended before them: make it longer"
    load.nothing_lost()
    assert max(exits.values()) <= stretched(10), exits
    assert max(streams.values()) <= stretched(1), streams


def test_invariants_3_and_6_hold_after_all_of_it(deployment: Deployment) -> None:
    """The replayed state is the live one, every chain is whole, and every service runs."""
    assert all(pid_of(deployment, s) for s in SERVICES)
    verified(deployment)
