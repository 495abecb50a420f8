"""A deployment that something else started (containers, Kubernetes), seen from within one of its containers."""

from pathlib import Path

from tocsin import __version__
from tocsin.cli.deployment import Deployment
from tocsin.cli.policies import policy_held
from tocsin.cli.tokens import issue_all
from tocsin.runtime.security import load_secret
from tocsin.runtime.settings import Settings


def outside_of(data_dir: Path) -> Deployment | None:
    """As the services' own environment describes it; None where an address or the signing secret is out of reach.

    Its tokens are signed afresh and last a shift. It has no processes here: no pids, no log files.
    """
    s = Settings(data_dir=data_dir)
    secret = s.secret_file or s.secrets_dir / "token.key"
    if not all((s.intake_url, s.notifier_url, s.ems_url, s.supervision_url, s.router_url)) or not secret.is_file():
        return None
    tokens = issue_all(load_secret(secret), policy_held(s.policy_path), hours=s.token_hours)
    return Deployment(
        ready=True, bootstrap=s.kafka_bootstrap, intake=s.intake_url, notifier=s.notifier_url, ems120=s.ems_url,
        supervision=s.supervision_url, router=s.router_url, console=s.notifier_url, pids={},
        tokens=tokens.roles, agency_tokens=tokens.agencies, unit_tokens=tokens.units, data_dir=str(data_dir),
        clock=s.clock, policy_dir="" if s.policy_dir is None else str(s.policy_dir),
        model_dir="" if s.model_dir is None else str(s.model_dir), partitions=s.partitions,
        replicas=s.replicas, nodes=s.replicas, version=__version__,
    )  # fmt: skip
