"""Wiring of the router: settings → policies, keys, kernel, owners, relay, health. Only here do its parts meet."""

from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI
from msgspec import to_builtins
from pydantic import BaseModel, Field

from services.router.causes import Causes
from services.router.kernel import RouterKernel
from services.router.policies import Policies
from services.router.watch import Watch
from tocsin import __version__
from tocsin.codec.wire import encode_command
from tocsin.enrich import Enricher
from tocsin.envelope import Command
from tocsin.incident.commands import ActivatePolicy
from tocsin.incident.state import PartitionState
from tocsin.log.anchors import Anchors
from tocsin.log.headers import command_headers
from tocsin.log.kafka import KafkaProducer
from tocsin.log.lag import StableLagWatch
from tocsin.log.membership import KafkaOwnerLog
from tocsin.log.owner import Batch, Owner, OwnerOptions
from tocsin.log.owners import Owners
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, LogUnavailable
from tocsin.log.relay import Relay
from tocsin.log.topics import DISPATCH, INCIDENT_EVENTS, URGENT
from tocsin.outcomes import PolicyActivated
from tocsin.policy.model import Policy
from tocsin.runtime.deciding import decide_and_serve
from tocsin.runtime.lifecycle import clock_of, until_reachable
from tocsin.runtime.metrics import BUILD_INFO, REPLAY_MISMATCHES
from tocsin.runtime.security import Principal, allowed, load_secret
from tocsin.runtime.settings import Settings
from tocsin.runtime.vital import Vital
from tocsin.runtime.web import create_app
from tocsin.sealing.keyring import Keyring
from tocsin.text.model import KindModel, open_model

log = structlog.get_logger()


class ReplayFound(BaseModel):
    """What `replay --verify` found: whether the folds agree, and which partitions do not."""

    identical: bool
    differ: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=1000)


class Router:
    """One router process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock = clock_of(settings)
        self.policies = Policies(settings.data_dir / "policies", settings.policy_path)
        self.keyring = Keyring.open(settings)
        self._model_faults: dict[str, str] = {}
        self._model_versions: dict[str, str | None] = {}
        self._open_model(self.policies.present)  # a fault is known from the start, not from the first call on
        self.kernel = RouterKernel(self.policies, self.keyring, self._enricher)
        self.producer = KafkaProducer(settings)
        causes = Causes(settings.partitions, lambda: self.policies.present, self.clock)
        self._relay = Relay[PartitionState](settings, self.kernel.name, INCIDENT_EVENTS, causes.all(), self.producer)
        self._watch = Watch(self.clock)
        options = OwnerOptions(
            partitions=settings.partitions, trust_clock=not self.clock.is_real, now=self.clock.now_ms,
            watch=self._watched,
            known_id_days=self.policies.present.known_id_days, beside=self._beside,
        )  # fmt: skip
        self.owners = Owners[PartitionState](self.kernel, KafkaOwnerLog(settings, self.kernel), options)
        self._anchors = Anchors(
            settings.data_dir / "anchors.ndjson", INCIDENT_EVENTS.name,
            lambda: self.owners.owned,
        )  # fmt: skip
        self._lags = StableLagWatch(settings, [INCIDENT_EVENTS, *DISPATCH.values()])
        BUILD_INFO.labels(__version__, self.policies.present.hash).set(1)

    def _enricher(self, policy: Policy) -> Enricher:
        return Enricher(policy, self._open_model(policy), tokens=self.keyring.token)

    def _open_model(self, policy: Policy) -> KindModel | None:
        model, fault = open_model(self._settings.model_dir, policy)
        if fault and fault != self._model_faults.get(policy.hash):
            log.warning("model_not_used", policy=policy.hash, error=fault)
        self._model_faults[policy.hash] = fault
        self._model_versions[policy.hash] = model.version if model is not None else None
        return model

    def model_fault(self) -> str | None:
        """Why the lexicon alone decides although a model was asked for; calls are taken all the same."""
        return self._model_faults.get(self.policies.present.hash) or None

    def model_version(self) -> str | None:
        """The text model asked where the lexicon is unsure; None where the lexicon goes alone."""
        return self._model_versions.get(self.policies.present.hash)

    def _policy_fault(self) -> str | None:
        return self.policies.fault or None

    def _watched(self, batch: Batch) -> None:
        self._watch.batch(batch)
        for event in batch.events:
            if isinstance(event.data, PolicyActivated):
                BUILD_INFO.labels(__version__, self.policies.present.hash).set(0)
                self.policies.activated(event.data.policy)
                BUILD_INFO.labels(__version__, self.policies.present.hash).set(1)

    async def _beside(self, owner: Owner[PartitionState]) -> None:
        try:
            await self._activate(owner)
        except Exception:
            # Whatever keeps a policy from being asked for must not keep ambulances from being sent.
            log.exception("policy_not_activated", partition=owner.partition)
        await self._relay.beside(owner)

    async def _activate(self, owner: Owner[PartitionState]) -> None:
        """Asks for the policy of the settings where a region of this partition still goes by another."""
        self.policies.reread()
        policy = self.policies.present
        for region in policy.regions:
            if partition_of(region, self._settings.partitions) != owner.partition:
                continue
            async with owner.between_batches() as state:
                known = state.regions.get(region)
                former, seq = known.policy if known is not None else "", owner.fold.ledger.head(region).seq
            if former != policy.hash:
                await self._ask(owner.partition, region, f"policy:{region}:{policy.hash}:{seq}", policy.hash)

    async def _ask(self, partition: int, region: str, command_id: str, policy_hash: str) -> None:
        command = Command(
            command_id=command_id, region=region, data=ActivatePolicy(policy=policy_hash),
            issued_at=self.clock.now_ms(),
        )  # fmt: skip
        headers = command_headers(command, clock=self.clock)
        try:
            await self.producer.append(
                Append(URGENT.name, partition, region.encode(), encode_command(command), headers)
            )
        except LogUnavailable as e:
            log.warning("policy_not_activated", region=region, error=str(e))

    async def run(self) -> None:
        """Decides until `stop`; raises Fenced where another process has taken a partition."""
        await until_reachable(self.producer.start, what="router")
        vital = Vital(self.owners.stop)
        vital.start(self._watch.run(self.owners), self._anchors.run(), self._lags.run())
        try:
            await until_reachable(self.owners.run, what="router's group")
        finally:
            await vital.stop()
            await self._anchors.write()
            await self.producer.stop()
            self.keyring.close()

    def app(self) -> FastAPI:
        """Health, metrics, and the state's hashes for replay."""
        secret = load_secret(self._settings.secret_file or self._settings.secrets_dir / "token.key")
        app = create_app(
            "router", secret=secret, ready=[self.owners.unready],
            warn=[self.model_fault, self._policy_fault],
            tell={"policy": lambda: self.policies.present.hash, "model": self.model_version},
        )  # fmt: skip

        @app.get("/state", tags=["state"])
        async def state(who: Annotated[Principal, Depends(allowed("auditor", "admin", "monitor"))]) -> dict[str, Any]:
            """Each owned partition's state hash at an offset of the events, with chain heads and input positions."""
            del who
            return {str(p): to_builtins(s) for p, s in (await self.owners.standings()).items()}

        @app.post("/replays", tags=["state"], status_code=204)
        async def replayed(who: Annotated[Principal, Depends(allowed("auditor", "admin"))], found: ReplayFound) -> None:
            """A replay's verdict, told by whoever ran it: one that differs is counted, for somebody to be alarmed."""
            if not found.identical:
                REPLAY_MISMATCHES.inc()
                log.error("replay_differs", actor=who.subject, reason=", ".join(found.differ)[:500])

        return app


async def run(settings: Settings) -> None:
    """Serves and decides until SIGTERM; ends with the error where it was fenced."""
    router = Router(settings)
    await decide_and_serve(router.run, router.owners.stop, lambda _: router.app(), settings)
