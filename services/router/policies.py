"""Every policy that has decided here, kept by its hash: a region goes on with its own until an event says otherwise."""

from pathlib import Path

import structlog

from tocsin.policy.activate import Active, keep_policy, mark_active, marked_active
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.settled import settled_policy
from tocsin.policy.source import PolicyInvalid

log = structlog.get_logger()


class Policies:
    """The policy in the settings, and those kept under `data_dir/policies/<hash>`.

    `present` is the one in force for regions that name none: that of the settings, or one put in force since by a
    command, also after a restart, until the settings name another one. `fault` is why the policy of the settings is
    not in use: it was broken on disk since, and the one that stood goes on.
    """

    def __init__(self, folder: Path, directory: Path) -> None:
        self._folder = folder
        self._settled, self.fault = settled_policy(directory, folder)
        self.present = self._settled
        self._known: dict[str, Policy] = {self.present.hash: self.present}
        self._lost: dict[str, int] = {}
        if not self.fault:
            self._keep(directory)
        self.reread()

    def reread(self) -> None:
        """Goes by the marker of what was put in force, where the settings are those it was put in force over."""
        marked = marked_active(self._folder)
        if marked is not None and marked.over == self._settled.hash:
            self.present = self.get(marked.policy)
        else:  # the settings were changed since: the later act holds, also should they be changed back
            self._mark(self._settled.hash)

    def activated(self, policy_hash: str) -> None:
        """A policy was put in force by a committed event: marked, so that it survives a restart."""
        if policy_hash == self.present.hash or self.get(policy_hash).hash != policy_hash:
            return
        self.present = self.get(policy_hash)
        self._mark(policy_hash)

    def _mark(self, policy_hash: str) -> None:
        """Where it cannot be marked, calls are decided all the same, and it is said."""
        try:
            mark_active(self._folder, Active(policy=policy_hash, over=self._settled.hash))
        except OSError as e:
            log.warning("policy_not_marked", policy=policy_hash, error=str(e))

    def _keep(self, directory: Path) -> None:
        """Where it cannot be kept, it stands all the same: calls are decided, and it is said."""
        try:
            keep_policy(directory, self.present, self._folder.parent)
        except OSError as e:
            log.warning("policy_not_kept", policy=self.present.hash, error=str(e)[:500])

    def _place(self, policy_hash: str) -> Path:
        return self._folder / policy_hash.removeprefix("sha256:")

    def get(self, policy_hash: str) -> Policy:
        """The policy of this hash; the one in the settings for "" and for one that is not kept here (said once)."""
        if not policy_hash:
            return self.present
        return self._known.get(policy_hash) or self._load(policy_hash) or self.present

    def has(self, policy_hash: str) -> bool:
        """Whether it can be decided by."""
        return policy_hash in self._known or self._load(policy_hash) is not None

    def _load(self, policy_hash: str) -> Policy | None:
        """Reads what is kept; what could not be read is looked at again once its place has changed."""
        place = self._place(policy_hash)
        stamp = place.stat().st_mtime_ns if place.is_dir() else 0
        if self._lost.get(policy_hash) == stamp:
            return None
        try:
            found = self._known[policy_hash] = load_policy(place)
        except (OSError, PolicyInvalid) as e:
            self._lost[policy_hash] = stamp
            log.warning("policy_not_kept", policy=policy_hash, error=str(e)[:500])
            return None
        return found
