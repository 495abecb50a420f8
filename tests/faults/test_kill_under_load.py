"""kill -9 of each service under load: nothing lost, nothing doubled, the deciding goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import deployed, eventually_sync, tocsin_json
from tocsin.cli.deployment import Deployment

LONG = os.environ.get("TOCSIN_FAULTS") == "long"
RATE, SECONDS = (200, 30) if LONG else (60, 12)
AGAIN_MS_MAX = 10_000
pytestmark = pytest.mark.xdist_group("faults-load")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A deployment of this module's own: services die in it."""
    with deployed(tmp_path_factory.mktemp("kill") / "data") as d:
        yield d


def loaded(deployment: Deployment) -> subprocess.Popen[str]:
    """`tocsin load` in the background."""
    command = [sys.executable, "-m", "tocsin", "load", "--data-dir", deployment.data_dir, "--json"]
    options = ["--rate", str(RATE), "--seconds", str(SECONDS), "--drain", "60"]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def recorded(deployment: Deployment) -> int:
    """How many events the router has decided so far, over all partitions; 0 while it is away."""
    state = deployment.client("router", "auditor", seconds=2).get("/state")
    return sum(p["events"] for p in state.json()["partitions"].values()) if state.status_code == 200 else 0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("service", ["router", "intake", "notifier", "ems120", "supervision"])
def test_invariant_1_and_2_a_killed_service_loses_and_doubles_nothing(deployment: Deployment, service: str) -> None:
    """A kill -9 in the middle of the load: every acknowledged call is recorded once, delivered, and within 10 s."""
    before = Deployment.find(Path(deployment.data_dir)).pids[service]
    load = loaded(deployment)
    seen = tocsin_json("status", "--data-dir", deployment.data_dir, ok=False)
    assert seen
    eventually_sync(lambda: _spoken(deployment), seconds=30, what="the load has begun to be decided")
    os.kill(before, signal.SIGKILL)
    out, err = load.communicate(timeout=200)
    summary = json.loads(out)
    assert summary["acknowledged"] == summary["sent"] == RATE * SECONDS, (summary, err[-500:])
    assert (summary["lost"], summary["duplicated"]) == (0, 0), summary
    assert summary["delivered"] == summary["sent"], summary
    assert summary["decide_ms"]["max"] <= AGAIN_MS_MAX + 2_000, summary
    after = eventually_sync(
        lambda: Deployment.find(Path(deployment.data_dir)).pids[service], what="run.json names the new process"
    )
    assert after != before
    verified = tocsin_json("replay", "--verify", "--data-dir", deployment.data_dir)
    assert verified["identical"] is True


def _spoken(deployment: Deployment) -> bool:
    metrics = deployment.client("intake", seconds=2).get("/metrics").text
    counted = [float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith("tocsin_calls_rec")]
    return sum(counted) > RATE
