"""A deployment that containers or Kubernetes started, as its own environment describes it to the command line."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli import build
from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend
from tocsin.cli.tokens import issue_all
from tocsin.policy.activate import Active, keep_policy, mark_active
from tocsin.policy.load import load_policy
from tocsin.runtime.security import load_secret, verify

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"

URLS = {
    "TOCSIN_INTAKE_URL": "http://intake:19001", "TOCSIN_NOTIFIER_URL": "http://notifier:19000",
    "TOCSIN_EMS_URL": "http://ems120:19002", "TOCSIN_SUPERVISION_URL": "http://supervision:19003",
    "TOCSIN_ROUTER_URL": "http://router:19004", "TOCSIN_KAFKA_BOOTSTRAP": "kafka:9092", "TOCSIN_REPLICAS": "3",
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of such a container, its secret made."""
    for name, value in (URLS | {"TOCSIN_DATA_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    load_secret(tmp_path / "secrets" / "token.key")
    return tmp_path


def test_the_environment_describes_it(data: Path) -> None:
    """Addresses, brokers and copies as the services have them."""
    found = Deployment.find(data)
    assert [found.url(s) for s in ("intake", "router", "ems120")] == [
        URLS[f"TOCSIN_{s}_URL"] for s in ("INTAKE", "ROUTER", "EMS")
    ]
    assert (found.bootstrap, found.replicas, found.started_here) == ("kafka:9092", 3, False)


def test_token_signs_one_that_the_services_take(data: Path) -> None:
    """`tocsin token` in a container finds the data directory by itself; the token is the role's, by the very secret."""
    done = CliRunner().invoke(build("token"), ["token", "nanxian-fire"])
    assert done.exit_code == 0, done.output
    secret = (data / "secrets" / "token.key").read_bytes()
    assert verify(secret, done.output.strip()).agency == "nanxian-fire"


@pytest.mark.parametrize("started_here", [True, False])
def test_an_agency_of_an_activated_policy_has_its_token(
    data: Path, started_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run.json` and the settings know the agencies `up` began with; those added since are of the policy in force."""
    if started_here:
        _started(data)
        monkeypatch.delenv("TOCSIN_ROUTER_URL")
    unknown = CliRunner().invoke(build("token"), ["token", "nanxian-forest", "--json"])
    assert unknown.exit_code == 1
    _activated(data)
    done = CliRunner().invoke(build("token"), ["token", "nanxian-forest", "--json"])
    assert done.exit_code == 0, done.output
    secret = (data / "secrets" / "token.key").read_bytes()
    who = verify(secret, json.loads(done.output)["token"])
    assert (who.role, who.agency, who.region) == ("dispatcher", "nanxian-forest", "430921")


def _started(data: Path) -> None:
    """`up` runs here, on the sample."""
    tokens = issue_all(load_secret(data / "secrets" / "token.key"), load_policy(SAMPLE))
    urls = {
        s: f"http://127.0.0.1:{n}" for n, s in enumerate(("intake", "notifier", "ems120", "supervision", "router"), 1)
    }
    Deployment(
        ready=True, bootstrap="127.0.0.1:9", console="", pids={}, tokens=tokens.roles, agency_tokens=tokens.agencies,
        unit_tokens=tokens.units, data_dir=str(data), policy_dir=str(SAMPLE), supervisor=os.getpid(), **urls,
    ).write()  # fmt: skip


def _activated(data: Path) -> None:
    """What `policy activate` leaves: a copy with one agency more, and the marker over the sample."""
    mine = data / "mine"
    shutil.copytree(SAMPLE, mine)
    agencies = (mine / "agencies.toml").read_text(encoding="utf-8")
    last = agencies[agencies.rindex("[[agency]]") :]
    row = re.sub(r'^id = "[^"]+"', 'id = "nanxian-forest"', last, flags=re.MULTILINE)
    (mine / "agencies.toml").write_text(f"{agencies.rstrip()}\n\n{row}", encoding="utf-8")
    policy = load_policy(mine)
    keep_policy(mine, policy, data)
    mark_active(data / "policies", Active(policy=policy.hash, over=load_policy(SAMPLE).hash))


@pytest.mark.parametrize("missing", ["TOCSIN_ROUTER_URL", "secret"])
def test_half_a_description_is_none(data: Path, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address or the secret out of reach: no deployment, and no new secret that nothing else would know."""
    secret = data / "secrets" / "token.key"
    if missing == "secret":
        secret.unlink()
    else:
        monkeypatch.delenv(missing)
    with pytest.raises(Mend, match="No deployment runs"):
        Deployment.find(data)
    assert secret.exists() == (missing != "secret")
