"""The policy a service begins with: that of the settings, or, where that no longer holds, the one that stood last.

A directory is edited while services run. One that dies half-way through an edit must come back all the same.
"""

from pathlib import Path
from typing import NamedTuple

import structlog

from tocsin.policy.activate import marked_active
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.source import PolicyInvalid

log = structlog.get_logger()


class Settled(NamedTuple):
    """`fault` says, for readiness, why it is not the policy of the settings; "" where it is."""

    policy: Policy
    fault: str


def settled_policy(directory: Path, folder: Path) -> Settled:
    """The policy of `directory`, else the one kept in `folder` that the marker says stood in the settings before.

    PolicyInvalid where neither holds: a service that never had a policy cannot begin.
    """
    try:
        return Settled(load_policy(directory), "")
    except PolicyInvalid as invalid:
        marked = marked_active(folder)
        if marked is None:
            raise
        try:
            stood = load_policy(folder / marked.over.removeprefix("sha256:"))
        except (OSError, PolicyInvalid):
            raise invalid from None
        log.warning("policy_of_settings_invalid", directory=str(directory), stands=stood.hash, error=str(invalid)[:500])
        mend = f"tocsin policy check {directory} shows all of it"
        return Settled(
            stood, f"the policy {directory} does not hold, the former goes on: {invalid.findings[0]}. {mend}"
        )
