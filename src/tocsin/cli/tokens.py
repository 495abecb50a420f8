"""The tokens `up` hands out: one a role, one an agency, one a unit."""

from collections.abc import Mapping
from typing import NamedTuple

from tocsin import __version__
from tocsin.policy.model import Policy
from tocsin.policy.source import PolicyInvalid
from tocsin.policy.standing import Standing
from tocsin.runtime.security import ROLES, Principal, RoleName, issue
from tocsin.runtime.settings import Settings

DEPLOYMENT_TOKEN_HOURS = 30 * 24
"""A shift's token lasts `token_hours` (12). Those in run.json are for whoever runs the deployment and last 30 days;
each `up` makes them anew. They open nothing once the signing secret under `secrets/` is replaced."""


class Tokens(NamedTuple):
    """As `run.json` has them."""

    roles: dict[str, str]
    agencies: dict[str, str]
    units: dict[str, str]


def issue_all(secret: bytes, policy: Policy, *, hours: int = DEPLOYMENT_TOKEN_HOURS) -> Tokens:
    """All of them. The role `dispatcher` is bound to the county's first police agency, `crew` to the first unit."""
    region = policy.default_region
    units = [u.id for u in policy.units]
    police = next((a.id for a in policy.agencies.values() if a.agency_class == "police"), policy.command_agency)
    bound: Mapping[str, Mapping[str, str]] = {
        "dispatcher": {"agency": police},
        "crew": {"unit": units[0] if units else ""},
    }

    def token(subject: str, role: RoleName, *, agency: str = "", unit: str = "") -> str:
        who = Principal(subject=subject, role=role, region=region, agency=agency, unit=unit)
        return issue(secret, who, hours=hours)

    return Tokens(
        {r: token(r, r, **bound.get(r, {})) for r in ROLES},  # type: ignore[arg-type]  # ROLES are the names of RoleName
        {a: token(a, "dispatcher", agency=a) for a in policy.agencies},
        {u: token(u, "crew", unit=u) for u in units},
    )


def issue_in_force(settings: Settings) -> dict[str, str]:
    """A shift's tokens for agencies and units of the policy in force, by who they are for.

    An activated policy may have some that `up` did not know. None where the signing secret is out of reach.
    """
    secret = settings.secret_file or settings.secrets_dir / "token.key"
    try:
        key = secret.read_bytes()
        policy = Standing(settings, __version__).present
    except (OSError, PolicyInvalid):
        return {}
    found = issue_all(key, policy, hours=settings.token_hours)
    return found.agencies | found.units
