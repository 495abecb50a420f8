"""Wiring of the 120 centre: settings → policy, keys, kernel, owners, relay, timer, index, HTTP."""

import asyncio

import structlog
from fastapi import FastAPI

from services.ems120 import watch
from services.ems120.acts import acts
from services.ems120.api import reads
from services.ems120.desk import SYSTEM_ACTOR, Desk
from services.ems120.index import Index
from services.ems120.kernel import EmsKernel
from services.ems120.pending import Pending
from services.ems120.positions import Positions
from services.ems120.relay import reports
from services.ems120.stream import streams
from services.ems120.timer import Timer
from tocsin import __version__
from tocsin.envelope import Command
from tocsin.log.kafka import KafkaProducer
from tocsin.log.lag import StableLagWatch
from tocsin.log.membership import KafkaOwnerLog
from tocsin.log.owner import OwnerOptions
from tocsin.log.owners import Owners
from tocsin.log.relay import Relay
from tocsin.log.topics import EMS_EVENTS
from tocsin.mission.fleet import seed_for
from tocsin.mission.state import EmsState
from tocsin.policy.model import Policy
from tocsin.policy.standing import Standing
from tocsin.runtime.deciding import decide_and_serve
from tocsin.runtime.lifecycle import clock_of, until_reachable
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import load_secret
from tocsin.runtime.settings import Settings
from tocsin.runtime.vital import Vital
from tocsin.runtime.web import create_app
from tocsin.sealing.keyring import Keyring

log = structlog.get_logger()
RETRY_S = 1.0


class Ems:
    """One process of the 120 centre: owner and HTTP side."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock = clock_of(settings)
        self.standing = Standing(settings, __version__)
        self.policy = self.standing.present
        self.keyring = Keyring.open(settings)
        self.producer = KafkaProducer(settings, timeout_ms=10_000)
        self.positions = Positions(settings, self.producer)
        self.kernel = EmsKernel(self.policy, self.positions.newest)
        cause = reports(settings.partitions, self.clock)
        relay = Relay[EmsState](settings, self.kernel.name, EMS_EVENTS, [cause], self.producer)
        options = OwnerOptions(
            partitions=settings.partitions, trust_clock=not self.clock.is_real, now=self.clock.now_ms,
            watch=watch.batch,
            known_id_days=self.policy.known_id_days, beside=relay.beside,
        )  # fmt: skip
        self.owners = Owners[EmsState](self.kernel, KafkaOwnerLog(settings, self.kernel), options)
        self.index = Index(settings)
        self.desk = Desk(settings, self.policy, self.clock, self.keyring, self.producer, self.index, self.positions)
        self.timer = Timer(self.desk, self.owners)
        self.pending = Pending(settings, self.clock, self.index, self.timer)
        self._lags = StableLagWatch(settings, [EMS_EVENTS])
        self._vital = Vital(self.owners.stop)
        self.standing.followers.append(self._follow)

    def _follow(self, policy: Policy) -> None:
        """Another policy stands: it decides from the next batch on, and its new units and hospitals are registered."""
        self.policy = self.desk.policy = policy
        self.kernel.follow(policy)
        self._vital.start(self._seed())

    async def _seed(self) -> None:
        """The policy's units and hospitals, by a command whose id is the policy's: once, however often asked."""
        policy = self.policy
        region = policy.default_region
        command = Command(
            command_id=f"seed:{region}:{policy.hash}", region=region, data=seed_for(policy),
            actor=SYSTEM_ACTOR, issued_at=self.clock.now_ms(),
        )  # fmt: skip
        await self.index.complete.wait()
        while self.index.outcome(command.command_id) is None:
            try:
                await self.desk.append(command)
            except Problem as e:
                log.warning("seed_waits", error=e.detail)
            await self.index.until_decided(command.command_id, 30.0)

    async def run(self) -> None:
        """Owns and reads until `stop`; raises Fenced where another process has taken a partition."""
        await until_reachable(self.producer.start, what="ems120")
        self._vital.start(
            self.positions.run(), self.index.run(), self.timer.run(), self._seed(), self._lags.run(),
            self.standing.run(), watch.watch(self.index, self.owners),
        )  # fmt: skip
        try:
            await until_reachable(self.owners.run, what="ems120's group")
        finally:
            await self._vital.stop()
            await self.pending.stop()
            await self.producer.stop()
            self.keyring.close()

    def app(self, stop: asyncio.Event) -> FastAPI:
        """The HTTP side."""
        secret = load_secret(self._settings.secret_file or self._settings.secrets_dir / "token.key")
        app = create_app(
            "ems120", secret=secret, ready=[self.owners.unready, self.index.ready], warn=[self.standing.warning]
        )
        app.include_router(reads(self.desk, self.pending, self.owners.standings))
        app.include_router(acts(self.desk))
        app.include_router(streams(self.desk, stop))
        return app


async def run(settings: Settings) -> None:
    """Serves and decides until SIGTERM; ends with the error where it was fenced."""
    ems = Ems(settings)
    await decide_and_serve(ems.run, ems.owners.stop, ems.app, settings)
