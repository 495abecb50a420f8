"""A whole deployment by its command line: what it says, and its life from start to stop."""

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support import advance, deployed, eventually_sync, free_ports, tocsin, tocsin_json
from tocsin.broker import EmbeddedKafka
from tocsin.cli.deployment import SERVICES, Deployment
from tocsin.codec.text import parse_rfc3339
from tocsin.runtime.security import ROLES

pytestmark = pytest.mark.broker

CALL = {
    "line": "119",
    "channel": "voice",
    "caller": {"number": "13800000001"},
    "location": {"address": "茅草街镇新街口"},
    "text": "新街口一栋楼着火了，三楼有人被困",
}


def sent(deployment: Deployment, call_id: str) -> str:
    """Sends a call about a fire, waits for its decision; the incident."""
    with deployment.client("intake", "call_taker", seconds=30) as client:
        answer = client.post("/v1/calls", json=CALL | {"call_id": call_id})
        assert answer.status_code == 202, answer.text

        def incident() -> str:
            told = client.get(f"/v1/calls/{call_id}", params={"wait": 2}).json()
            return str(told["incident_ids"][0]) if told["incident_ids"] else ""

        return eventually_sync(incident, seconds=60, what="the call is decided")


def test_run_json_holds_what_the_contract_says(county: Deployment) -> None:
    """Every role, agency and unit has a token; URLs have no trailing slash; every pid is alive."""
    assert set(county.tokens) == set(ROLES)
    assert {"nanxian-police", "nanxian-fire", "nanxian-120", "nanxian-command"} <= set(county.agency_tokens)
    assert {f"nanxian-amb-0{n}" for n in range(1, 9)} == set(county.unit_tokens)
    assert set(county.pids) == {"broker", *SERVICES}
    # Read anew: another file's test may have killed a service of the shared county, which then has a new pid there.
    now = Deployment.find(Path(county.data_dir))
    assert all(psutil.pid_exists(pid) for pid in now.pids.values())
    assert not any(county.url(s).endswith("/") for s in (*SERVICES, "console"))
    assert (Path(county.data_dir) / "run.json").stat().st_mode & 0o077 == 0


def test_a_second_up_on_the_same_directory_is_refused(county: Deployment) -> None:
    """One line with the reason and the mend, exit code 1, and the first goes on."""
    again = tocsin("up", "--data-dir", county.data_dir, "--port-base", str(free_ports(20)), "--detach", ok=False)
    assert again.returncode == 1
    assert "already runs" in again.stderr
    assert "tocsin down" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1
    assert httpx.get(f"{county.intake}/healthz", timeout=60).status_code == 200


def test_a_taken_port_is_told_with_the_mend(county: Deployment, tmp_path: Path) -> None:
    """The port, who needs it, and --port-base; nothing is left running."""
    base = county.notifier.rpartition(":")[2]
    refused = tocsin("up", "--data-dir", str(tmp_path / "other"), "--port-base", base, "--detach", ok=False)
    assert refused.returncode == 1
    assert "--port-base" in refused.stderr
    assert not (tmp_path / "other" / "run.json").exists()


def test_status_and_doctor_find_it_well(county: Deployment) -> None:
    """All services ready; no check fails; each topic is as the list says."""
    status = eventually_sync(lambda: _well(county), what="all services are ready")
    assert {s["name"] for s in status["services"]} == set(SERVICES)
    report = tocsin_json("doctor", "--data-dir", county.data_dir, ok=False)
    assert [c for c in report["checks"] if c["state"] == "failure"] == []
    assert "topics" in {c["name"] for c in report["checks"]}


def _well(county: Deployment) -> Any:
    status = tocsin_json("status", "--data-dir", county.data_dir, ok=False)
    return status if status["ready"] else None


def test_a_limit_passes_by_the_manual_clock_alone(county: Deployment) -> None:
    """Moving the clock past the limit to acknowledge makes it missed, once, and `clock` returns only after that."""
    incident = sent(county, "house-clock-1")
    before = parse_rfc3339(tocsin_json("clock", "--data-dir", county.data_dir)["now"])
    assert parse_rfc3339(advance(county, 120)) == before + 120_000
    with county.client("notifier", "commander") as client:

        def missed() -> list[str]:
            answer = client.get(f"/v1/incidents/{incident}")
            assert answer.status_code == 200, answer.text
            return [
                c["agency"] for c in answer.json()["clocks"] if c["clock"] == "acknowledge" and c["state"] == "missed"
            ]

        # The events are committed when `clock` returns; the notifier's fold of them may be a moment behind.
        eventually_sync(lambda: "nanxian-fire" in missed(), what="the limit is shown as missed")
        items = client.get(f"/v1/incidents/{incident}/events", params={"limit": 500}).json()["items"]
        told = [(e["data"]["clock"], e["data"]["agency"]) for e in items if e["type"] == "ClockMissed"]
        assert ("acknowledge", "nanxian-fire") in told
        assert len(told) == len(set(told))


@pytest.mark.timeout(1800)
def test_a_cluster_that_exists_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TOCSIN_KAFKA_BOOTSTRAP, one broker: nothing but it has to be set; `down` leaves the cluster as it was."""
    with EmbeddedKafka(tmp_path / "kafka", free_ports(8)) as broker:
        monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP", broker.bootstrap)
        _used(broker, tmp_path)


def _used(broker: EmbeddedKafka, tmp_path: Path) -> None:
    with deployed(tmp_path / "data") as county:
        assert county.bootstrap == broker.bootstrap
        assert county.pids["broker"] == 0
        assert sent(county, "outside-1")
        checks = tocsin_json("doctor", "--data-dir", county.data_dir)["checks"]
        assert {c["name"]: c["state"] for c in checks}["topics"] == "ok"
        played = tocsin("day", "--play", "--data-dir", county.data_dir, ok=False)
        assert (played.returncode, len(played.stderr.splitlines())) == (1, 1), "a day on a real clock takes a day"
        _refused_beside(tmp_path / "second")
    assert all(psutil.pid_exists(pid) for pid in broker.pids)


def _refused_beside(data: Path) -> None:
    """A second deployment on the same cluster would fight the first one over every call, under any name of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TOCSIN_INSTANCE", "second")
        second = tocsin("up", "--data-dir", str(data), "--port-base", str(free_ports(20)), "--detach", ok=False)
    assert (second.returncode, len(second.stderr.splitlines())) == (1, 1), second.stderr
    assert "another deployment decides (tocsin-ems120, tocsin-router)" in second.stderr
    assert not (data / "run.json").exists()


def test_a_deployment_outlives_kills_and_restarts(tmp_path: Path) -> None:
    """A killed service and a killed broker come back; a killed `up` leaves no process; the data stays.

    Somebody is half-way through an edit of the policy meanwhile: what was checked by `up` goes on.
    """
    data, policy = tmp_path / "data", tmp_path / "policy"
    tocsin("policy", "copy", str(policy))
    with deployed(data, "--policy", str(policy)) as first:
        incident = sent(first, "house-life-1")
        (policy / "kinds.toml").write_text("[[kind")
        os.kill(first.pids["router"], signal.SIGKILL)
        os.kill(first.pids["broker"], signal.SIGKILL)
        eventually_sync(lambda: _replaced(data, first, "router") and _replaced(data, first, "broker"), what="new pids")
        sent(Deployment.find(data), "house-life-2")
        tocsin("down", "--data-dir", str(data))
        assert not (data / "run.json").exists()
    with deployed(data) as second:
        assert _shown(second, incident)
        os.kill(second.supervisor, signal.SIGKILL)
        started = (*second.pids.values(), *second.broker_pids)
        eventually_sync(lambda: not any(map(_runs, started)), seconds=30, what="nothing outlives the killed `up`")
        with deployed(data) as third:
            assert set(third.pids.values()).isdisjoint(second.pids.values())
            assert _shown(third, incident)
            last = third
    assert not any(_runs(pid) for pid in last.pids.values())


def _replaced(data: Path, was: Deployment, name: str) -> bool:
    now = Deployment.find(data).pids[name]
    return now != was.pids[name] and _runs(now)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _shown(deployment: Deployment, incident: str) -> bool:
    with deployment.client("notifier", "commander") as client:
        return bool(
            eventually_sync(lambda: client.get(f"/v1/incidents/{incident}").status_code == 200, what="it is shown")
        )
