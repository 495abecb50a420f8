"""Every policy that has decided here, kept by its hash: a region goes on with its own until an event says otherwise."""

import shutil
from pathlib import Path

import structlog

from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.source import PolicyInvalid

log = structlog.get_logger()


class Policies:
    """The policy in the settings, and those kept under `data_dir/policies/<hash>`."""

    def __init__(self, folder: Path, directory: Path) -> None:
        self._folder = folder
        self.present = load_policy(directory)
        self._known: dict[str, Policy] = {self.present.hash: self.present}
        self._keep(directory)

    def _keep(self, directory: Path) -> None:
        place = self._place(self.present.hash)
        if place.exists():
            return
        fresh = place.with_name(f"{place.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(directory, fresh)
        fresh.replace(place)

    def _place(self, policy_hash: str) -> Path:
        return self._folder / policy_hash.removeprefix("sha256:")

    def get(self, policy_hash: str) -> Policy:
        """The policy of this hash; the one in the settings for "" and for one that is not kept here (said once)."""
        if not policy_hash:
            return self.present
        found = self._known.get(policy_hash)
        if found is None:
            found = self._known[policy_hash] = self._load(policy_hash)
        return found

    def _load(self, policy_hash: str) -> Policy:
        try:
            return load_policy(self._place(policy_hash))
        except (OSError, PolicyInvalid) as e:
            log.warning("policy_not_kept", policy=policy_hash, error=str(e)[:500])
            return self.present
