"""The policy in force, followed by services that do not decide by it region by region: places, words, labels, fleets.

The router states a policy in force as an event and marks it under `data_dir/policies`; this looks at the marker. One
that cannot be read is said and left alone: the policy that stood goes on standing.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from tocsin.policy.activate import ACTIVE, marked_active
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.settled import settled_policy
from tocsin.policy.source import PolicyInvalid
from tocsin.runtime.metrics import BUILD_INFO
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
EVERY_S = 1.0


class Standing:
    """`present` is the policy in force; `followers` are told of each that takes its place.

    `fault` is why it is not that of the settings, though that was asked for; "" where all is well.
    """

    def __init__(self, settings: Settings, version: str) -> None:
        self._folder: Path = settings.data_dir / "policies"
        self._version = version
        self._settled, self.fault = settled_policy(settings.policy_path, self._folder)
        self.present = self._settled
        self.followers: list[Callable[[Policy], None]] = []
        self._seen = self._stamp()
        found = self._marked()
        if found:
            self.present = self._load(found) or self.present
        BUILD_INFO.labels(version, self.present.hash).set(1)

    def _stamp(self) -> int:
        try:
            return (self._folder / ACTIVE).stat().st_mtime_ns
        except OSError:
            return 0

    def _marked(self) -> str:
        """The hash the marker names; "" where it names the present one, or was set over other settings than ours."""
        marked = marked_active(self._folder)
        if marked is None or marked.over != self._settled.hash or marked.policy == self.present.hash:
            return ""
        return marked.policy

    def _load(self, policy_hash: str) -> Policy | None:
        if policy_hash == self._settled.hash:
            return self._settled
        try:
            return load_policy(self._folder / policy_hash.removeprefix("sha256:"))
        except (OSError, PolicyInvalid) as e:
            log.warning("policy_not_kept", policy=policy_hash, error=str(e)[:500])
            return None

    def warning(self) -> str | None:
        """For readiness: what is wrong with the policy of the settings, though the service works."""
        return self.fault or None

    def take(self, policy: Policy) -> None:
        """This policy stands from now on; every follower is told."""
        BUILD_INFO.labels(self._version, self.present.hash).set(0)
        BUILD_INFO.labels(self._version, policy.hash).set(1)
        self.present = policy
        for follow in self.followers:
            follow(policy)
        log.info("policy_followed", policy=policy.hash)

    async def look(self) -> None:
        """Takes over what the marker names, where that is another policy and it holds."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        found = self._marked()
        policy = await asyncio.to_thread(self._load, found) if found else None
        self._seen = stamp
        if policy is not None:
            self.take(policy)

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)
