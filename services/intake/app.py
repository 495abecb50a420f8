"""Wiring only: the parts of intake put together, started and stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, get_args

import structlog
from fastapi import FastAPI
from msgspec import Struct

from services.intake.accept import Calls, Finder
from services.intake.access import Gate, Sights
from services.intake.acts import Acts
from services.intake.admission import Admission
from services.intake.api import Api
from services.intake.batch import Batch
from services.intake.calling import Calling
from services.intake.front import Front
from services.intake.index import Index, PositionedFollower
from services.intake.openapi import publish
from services.intake.safekeeping import Safekeeping
from services.intake.spool import Spool
from tocsin import __version__
from tocsin.incident.values import Line
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.log.port import LogUnavailable, Producer
from tocsin.log.topics import INCIDENT_EVENTS, ROUTINE, URGENT
from tocsin.policy.model import Policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.metrics import ANSWER_SECONDS, BUILD_INFO, SINCE_LAST_CALL
from tocsin.runtime.security import load_secret
from tocsin.runtime.settings import Settings
from tocsin.runtime.vital import Vital
from tocsin.runtime.web import ReadyCheck, create_app
from tocsin.sealing import Keyring

log = structlog.get_logger()
DRAIN_TIMEOUT_MS = 20_000


class Parts(Struct):
    """What intake is made of; tests put their own log or finder in."""

    settings: Settings
    clock: Clock
    keyring: Keyring
    index: Index
    spool: Spool
    keeping: Safekeeping
    producers: tuple[Producer, Producer]
    follower: PositionedFollower
    app: FastAPI
    sights: Sights


def build(settings: Settings, finder: Finder, policy: Policy, warn: Sequence[ReadyCheck] = ()) -> Parts:
    """Every part, wired; nothing runs yet. What `warn` says is told by `/readyz`."""
    clock = Clock(settings.clock, settings.data_dir / "clock.json")
    secret = load_secret(settings.secret_file or settings.secrets_dir / "token.key")
    keyring = Keyring.open(settings)
    index = Index(settings.data_dir / f"intake-{settings.slot}.db", clock)
    spool = Spool(settings.data_dir / "spool" / f"intake-{settings.slot}")
    live = KafkaProducer(settings, timeout_ms=settings.spool_after_ms)
    drainer = KafkaProducer(settings, timeout_ms=DRAIN_TIMEOUT_MS)
    keeping = Safekeeping(live, drainer, spool, clock)
    admission = Admission(settings.admission_per_s, in_flight=lambda: keeping.in_flight, spooled=lambda: spool.depth)
    calls = Calls(index, keeping, keyring, finder, admission, clock, settings.partitions)
    sights = Sights(policy)
    acts = Acts(index, keeping, keyring, finder, clock, settings.partitions, sights)
    follower = KafkaFollower(settings, [URGENT, ROUTINE, INCIDENT_EVENTS])
    app = create_app("intake", secret=secret, ready=[index.ready, spool.fault], warn=warn)
    gate = Gate(secret)
    app.add_middleware(Front, gate=gate, calling=Calling(calls))
    batch = Batch(calls, keeping, keyring)
    app.include_router(Api(gate, calls, acts, batch, index, keeping, keyring, sights).router())
    publish(app)
    BUILD_INFO.labels(__version__, policy.hash).set(1)
    for line in get_args(Line):
        ANSWER_SECONDS.labels(line)
        SINCE_LAST_CALL.labels(line).set_function(_silence(calls, clock, line, clock.now_ms()))
    return Parts(settings, clock, keyring, index, spool, keeping, (live, drainer), follower, app, sights)


def _silence(calls: Calls, clock: Clock, line: str, since: int) -> Any:
    return lambda: max(0, clock.now_ms() - calls.heard.get(line, since)) / 1000


@contextlib.asynccontextmanager
async def running(parts: Parts, *beside: Coroutine[Any, Any, None], stop: asyncio.Event) -> AsyncIterator[None]:
    """The background work: following the log, draining the spool, and what goes on `beside`; its end sets `stop`.

    Starts with the log away as well as with it there.
    """
    try:
        await parts.producers[0].start()
    except LogUnavailable as e:
        log.warning("log_away", error=str(e))
    vital = Vital(stop.set)
    vital.start(parts.index.run(parts.follower), parts.keeping.drain(), *beside)
    try:
        yield
    finally:
        await vital.stop()
        for p in parts.producers:
            await p.stop()
        parts.spool.close()
        parts.index.close()
        parts.keyring.close()
