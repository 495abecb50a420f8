"""What `up` takes and what it refuses."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tocsin.cli.plan import UpPlan, plan_up
from tocsin.runtime.mend import Mend


def planned(tmp_path: Path, **options: Any) -> UpPlan:
    """`plan_up` with its defaults."""
    return plan_up(
        **{"data_dir": tmp_path, "port_base": 19000, "policy": None, "clock": "real", "nodes": 1, "partitions": None}
        | options
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("clock", "fast", "scaled:N"),
        ("clock", "scaled:0", "manual"),
        ("port_base", 70000, "1024"),
        ("port_base", 80, "1024"),
        ("nodes", 2, "--nodes 3"),
        ("policy", Path("/nowhere/at/all"), "policy copy"),
    ],
)
def test_what_cannot_be_is_refused_with_the_mend(tmp_path: Path, option: str, value: Any, said: str) -> None:
    """Each bad option is one error that names what to use instead."""
    with pytest.raises(Mend, match=said):
        planned(tmp_path, **{option: value})


def test_a_plan_survives_the_way_to_the_detached_process(tmp_path: Path) -> None:
    """What the detached process reads is what was asked."""
    plan = planned(tmp_path, policy=tmp_path, clock="scaled:60", nodes=3, partitions=4)
    assert UpPlan.from_text(plan.to_text()) == plan


def test_a_trained_model_reaches_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--model` or TOCSIN_MODEL_DIR, as a whole path; an empty setting is none."""
    assert planned(tmp_path, model=Path("model")).env("x")["TOCSIN_MODEL_DIR"] == str(Path("model").resolve())
    monkeypatch.setenv("TOCSIN_MODEL_DIR", str(tmp_path))
    assert planned(tmp_path).model == tmp_path.resolve()
    monkeypatch.setenv("TOCSIN_MODEL_DIR", "")
    assert planned(tmp_path).model is None


def test_an_outside_cluster_is_used_where_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TOCSIN_KAFKA_BOOTSTRAP means that no broker is started; copies are three, or as many as the cluster has."""
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP", "kafka.example:9092")
    plan = planned(tmp_path)
    assert not plan.owns_broker
    assert plan.replicas == 3
    assert [msgspec.structs.replace(plan, brokers=n).replicas for n in (1, 2, 5)] == [1, 2, 3]
    monkeypatch.setenv("TOCSIN_REPLICAS", "2")
    assert plan.replicas == 2


def test_services_get_the_ports_of_the_contract(tmp_path: Path) -> None:
    """+0 notifier, +1 intake, +2 ems120, +3 supervision, +4 router, +10 broker."""
    plan = planned(tmp_path, port_base=20000)
    ports = [plan.port(s) for s in ("notifier", "intake", "ems120", "supervision", "router")]
    assert [*ports, plan.broker_port] == [20000, 20001, 20002, 20003, 20004, 20010]


def test_partitions_stay_as_a_deployment_was_made(tmp_path: Path) -> None:
    """A later start takes the number of the first, and refuses another."""
    (tmp_path / "partitions").write_text("4")
    assert planned(tmp_path).partitions == 4
    assert planned(tmp_path, partitions=4).partitions == 4
    with pytest.raises(Mend, match="never raised in place"):
        planned(tmp_path, partitions=8)
