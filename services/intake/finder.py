"""The finder of the policy in force: places and danger words as they are known now, exchanged without a pause."""

import asyncio
from collections.abc import Callable

import structlog

from services.intake.accept import Finder
from tocsin.place import Place, Point
from tocsin.policy.model import Policy

log = structlog.get_logger()


class StandingFinder:
    """Hands on to the finder of the policy that stands; `make` builds one, off the loop, for it takes a while."""

    def __init__(self, policy: Policy, make: Callable[[Policy], Finder]) -> None:
        self._make, self._finder = make, make(policy)
        self._wanted = policy.hash
        self._making: set[asyncio.Task[None]] = set()

    def locate(
        self, point: Point | None, accuracy_m: float | None, address: str, text: str, given_region: str,
        seat_region: str,
    ) -> tuple[Place, list[str]]:  # fmt: skip
        """See `Finder`."""
        return self._finder.locate(point, accuracy_m, address, text, given_region, seat_region)

    def danger(self, text: str) -> bool:
        """See `Finder`."""
        return self._finder.danger(text)

    def follow(self, policy: Policy) -> None:
        """Another policy stands; the former finder serves until the new one is made."""
        self._wanted = policy.hash
        task = asyncio.create_task(self._exchange(policy))
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def _exchange(self, policy: Policy) -> None:
        made = await asyncio.to_thread(self._make, policy)
        if policy.hash == self._wanted:
            self._finder = made
            log.info("finder_exchanged", policy=policy.hash)
