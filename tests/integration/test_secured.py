"""A whole deployment on a secured cluster, with just the rights that the Kubernetes base gives its user."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.secured import PASSWORD, USER, secured
from tests.support import deployed, eventually_sync, free_ports, tocsin_json
from tocsin.broker.node import HOST
from tocsin.broker.topics import ensure_topics
from tocsin.log.topics import FOREVER, Topic
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings

pytestmark = [pytest.mark.broker, pytest.mark.timeout(1800)]


def test_the_rights_of_the_kubernetes_base_suffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Topics are the operator's to make; a call goes its whole way; status, doctor and replay speak SASL too."""
    with secured(tmp_path / "kafka", free_ports(8)) as (node, ca):
        asyncio.run(ensure_topics(Settings(kafka_bootstrap=f"{HOST}:{node.port}")))
        for name, value in {
            "BOOTSTRAP": node.secure, "SECURITY": "SASL_SSL", "SASL_MECHANISM": "SCRAM-SHA-512", "USERNAME": USER,
            "PASSWORD": PASSWORD, "CA_FILE": str(ca),
        }.items():  # fmt: skip
            monkeypatch.setenv(f"TOCSIN_KAFKA_{name}", value)
        with pytest.raises(Mend, match="allow this user to create topics"):
            asyncio.run(ensure_topics(Settings(), [Topic("tocsin.not.yet.there", FOREVER)]))
        with deployed(tmp_path / "data") as county:
            with county.client("intake", "ems_dispatcher", seconds=30) as intake:
                body = {"line": "120", "call_id": "secured-1", "text": "老人胸口疼", "location": {"address": "南洲镇"}}
                assert intake.post("/v1/calls", json=body).json()["durability"] == "log"
                [incident] = eventually_sync(
                    lambda: intake.get("/v1/calls/secured-1", params={"wait": 2}).json()["incident_ids"], what="decided"
                )
            with county.client("ems120", "ems_dispatcher") as ems, county.client("supervision", "supervisor") as desk:
                eventually_sync(lambda: ems.get("/v1/missions").json()["items"], what="the mission was relayed")
                eventually_sync(lambda: desk.get("/v1/clocks").json()["items"], what="its limits are watched")
            with county.client("notifier", "commander") as notifier:
                eventually_sync(lambda: notifier.get(f"/v1/incidents/{incident}").is_success, what="it is shown")
            assert tocsin_json("status", "--data-dir", county.data_dir)["brokers"] == 1
            report = tocsin_json("doctor", "--data-dir", county.data_dir)
            assert [c for c in report["checks"] if c["state"] == "failure"] == []
            assert tocsin_json("replay", "--verify", "--data-dir", county.data_dir)["identical"]
            logs = Path(county.data_dir) / "logs"
            assert [f.name for f in logs.glob("*.log") if "uthorizationFailed" in f.read_text(errors="replace")] == []
