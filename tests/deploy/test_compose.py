"""The compose file and the Dockerfile, judged by docker-compose 1.29 itself and by what v2 forbids."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"intake": 19001, "router": 19004, "ems120": 19002, "notifier": 19000, "supervision": 19003}


def compose(**env: str) -> dict[str, Any]:
    """The file as docker-compose resolves it."""
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("no docker-compose on this machine: install the package docker-compose")
    done = subprocess.run(
        [tool, "-f", str(ROOT / "docker-compose.yml"), "config"], capture_output=True, text=True, timeout=300,
        env=os.environ | env, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARN" not in done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


def test_docker_compose_takes_the_file() -> None:
    """Every service is there with its port on loopback, its command, and waits for the topics; healthy means ready."""
    services = compose()["services"]
    for name, port in SERVICES.items():
        s = services[name]
        assert s["command"] == [f"services.{name}"]
        assert s["environment"]["TOCSIN_PORT"] == str(port)
        assert f"127.0.0.1:{port}:{port}" in str(s["ports"])
        assert s["healthcheck"]["test"][-2:] == [str(port), "/readyz"]
        assert s["depends_on"]["topics"]["condition"] == "service_completed_successfully"
        assert s["cap_drop"] == ["ALL"]
        assert s["read_only"] is True


def test_the_broker_image_is_a_setting() -> None:
    """Apache's own by default; a test or a county without a registry names another."""
    assert compose()["services"]["kafka"]["image"] == "apache/kafka:4.3.1"
    assert compose(TOCSIN_KAFKA_IMAGE="local/kafka:1")["services"]["kafka"]["image"] == "local/kafka:1"


def test_ports_and_build_are_settings() -> None:
    """Another port where one is taken; a mirror, a network and a base image for the build, as they are told."""
    named = compose(TOCSIN_PUBLISH_INTAKE="24001", TOCSIN_BUILD_NETWORK="host", TOCSIN_PIP_INDEX_URL="http://mirror/")
    intake = named["services"]["intake"]
    assert "127.0.0.1:24001:19001" in str(intake["ports"])
    assert intake["build"]["network"] == "host"
    assert intake["build"]["args"]["PIP_INDEX_URL"] == "http://mirror/"
    assert compose()["services"]["intake"]["build"]["args"]["PIP_INDEX_URL"] == ""


def test_compose_v2_has_nothing_to_complain_of() -> None:
    """No `version`, which v2 warns of, and no top-level `name`, which 1.29 refuses."""
    text = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert set(text) - {k for k in text if k.startswith("x-")} == {"services", "volumes"}


def test_settings_named_in_deployments_exist() -> None:
    """A misspelt TOCSIN_ variable would be passed by in silence."""
    known = {f"TOCSIN_{name.upper()}" for name in Settings.model_fields}
    given = {k for s in compose()["services"].values() for k in s.get("environment", {}) if k.startswith("TOCSIN_")}
    k8s = "".join(f.read_text() for f in (ROOT / "deploy" / "k8s").glob("*.yaml"))
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert given | set(re.findall(r"TOCSIN_[A-Z_]+", k8s + dockerfile)) <= known


def test_the_image_is_small_minded() -> None:
    """Not root, packages by hash, and only what it runs is copied or even sent to the builder."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER 10001", dockerfile, re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == allowed
    assert all((ROOT / path).exists() for path in copied)
