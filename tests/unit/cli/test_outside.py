"""A deployment that containers or Kubernetes started, as its own environment describes it to the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli import build
from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend
from tocsin.runtime.security import load_secret, verify

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
