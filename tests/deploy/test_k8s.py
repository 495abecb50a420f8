"""The Kubernetes base: valid by the API's own schemas, restricted, and its topics those of the code."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from scripts import k8s_topics
from tocsin.log.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "k8s"
INSTALLING = (ROOT / "docs" / "installing.md").read_text()
SERVICES = {"intake", "router", "ems120", "notifier", "supervision"}


def resources() -> list[dict[str, Any]]:
    """Every document of every file that the kustomization names."""
    files = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [d for f in files for d in yaml.safe_load_all((BASE / f).read_text())]


def of(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind, by name."""
    return {r["metadata"]["name"]: r for r in resources() if r["kind"] == kind}


def test_every_file_is_in_the_kustomization() -> None:
    """Nothing lies beside it that would never be applied."""
    named = set(yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"])
    assert {f.name for f in BASE.glob("*.yaml")} - {"kustomization.yaml"} == named


@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_resources_are_valid(version: str) -> None:
    """Kubernetes' published schemas take them, strictly, in the oldest version we name and the newest."""
    own = [r for r in resources() if not r["apiVersion"].startswith("kafka.strimzi.io/")]
    assert own
    for r in own:
        kubernetes_validate.validate(r, version, strict=True)


def test_kustomize_builds_it() -> None:
    """Kubectl puts the whole together, with the Kafka user's password from its Secret."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine")
    done = subprocess.run([kubectl, "kustomize", str(BASE)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    built = [d for d in yaml.safe_load_all(done.stdout) if d["kind"] == "StatefulSet"]
    for s in built:
        names = {e["name"] for e in s["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert "TOCSIN_KAFKA_PASSWORD" in names
    assert {s["metadata"]["name"] for s in built} == SERVICES


def test_pods_meet_the_restricted_standard() -> None:
    """Not root, no new privileges, no capabilities, the default seccomp profile, a read-only root file system."""
    for name, s in of("StatefulSet").items():
        pod = s["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for c in pod["containers"]:
            own = c["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["readOnlyRootFilesystem"] is True


def test_every_service_has_probes_a_budget_and_a_service() -> None:
    """Alive and ready are asked separately, and a drain takes one pod at a time."""
    assert set(of("StatefulSet")) == set(of("PodDisruptionBudget")) == SERVICES
    assert set(of("Service")) == {*SERVICES, "ems120-pods"}
    for s in of("StatefulSet").values():
        [c] = s["spec"]["template"]["spec"]["containers"]
        assert c["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert c["readinessProbe"]["httpGet"]["path"] == "/readyz"
        # A service stops within ten seconds; the pause before it, in which requests still come, is on top.
        pause = c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert s["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 10 + pause


def test_no_request_meets_a_closed_door_while_pods_are_rolled() -> None:
    """Whoever is called by others goes on answering until the cluster has stopped sending; nobody calls the router."""
    for name in SERVICES - {"router"}:
        [c] = of("StatefulSet")[name]["spec"]["template"]["spec"]["containers"]
        assert c["lifecycle"]["preStop"]["sleep"]["seconds"] >= 5, name


def test_what_must_outlive_a_pod_is_on_a_volume_of_its_own() -> None:
    """Intake's spool, the notifier's read model, the router's anchors and policies."""
    kept = set()
    for name, s in of("StatefulSet").items():
        pod = s["spec"]["template"]["spec"]
        claims = {c["metadata"]["name"] for c in s["spec"].get("volumeClaimTemplates", ())}
        [data] = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/var/lib/tocsin"]
        assert data["name"] in claims | {v["name"] for v in pod["volumes"]}
        if data["name"] in claims:
            kept.add(name)
    assert kept == {"intake", "notifier", "router"}


def test_the_command_line_finds_its_deployment_in_a_pod() -> None:
    """Every address it needs is told, each that of a Service here, on that Service's port."""
    told = of("ConfigMap")["tocsin"]["data"]
    ports = {n: s["spec"]["ports"][0]["port"] for n, s in of("Service").items()}
    for name in SERVICES:
        variable = f"TOCSIN_{name.removesuffix('120').upper()}_URL"
        assert told[variable] == f"http://{name}:{ports[name]}"


def test_every_owner_can_be_asked_for_its_partitions() -> None:
    """`replay --verify` needs each pod's own address: a Service without one of its own stands for all of them."""
    for name, pods in (("router", "router"), ("ems120", "ems120-pods")):
        spec = of("Service")[pods]["spec"]
        assert (spec["clusterIP"], spec["selector"]) == ("None", {"app.kubernetes.io/name": name})
        assert f"http://{pods}:" in INSTALLING or pods == name


def test_three_copies_are_on_three_machines() -> None:
    """The brokers of the pool may not share a machine, whatever the scheduler would like."""
    [term] = of("KafkaNodePool")["combined"]["spec"]["template"]["pod"]["affinity"]["podAntiAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"]["strimzi.io/cluster"] == of("Kafka")["tocsin"]["metadata"]["name"]


def test_topics_are_those_of_the_code() -> None:
    """The same names, partitions and settings; the file is what its script writes."""
    assert k8s_topics.FILE.read_text() == k8s_topics.document(), "run scripts/k8s_topics.py"
    made = of("KafkaTopic")
    assert set(made) == {t.name for t in TOPICS}
    for t in TOPICS:
        assert made[t.name]["spec"]["config"] == t.config(replicas=3)
        assert made[t.name]["metadata"]["labels"] == {"strimzi.io/cluster": "tocsin"}


def test_strimzi_resources_are_of_the_first_stable_api() -> None:
    """v1beta2 is gone from Strimzi 1.0 on; node pools carry replicas and storage."""
    strimzi = [r for r in resources() if r["apiVersion"].startswith("kafka.strimzi.io/")]
    assert {r["apiVersion"] for r in strimzi} == {"kafka.strimzi.io/v1"}
    kafka = of("Kafka")["tocsin"]["spec"]["kafka"]
    assert not {"replicas", "storage"} & set(kafka)
    assert kafka["config"]["min.insync.replicas"] == 2
    assert of("KafkaNodePool")["combined"]["spec"]["replicas"] == k8s_topics.REPLICAS
