"""The Faust app: an agent over the relayed facts, a timer over time. Set up within the limits ADR 1 gives it."""

import asyncio
import os
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import faust
import structlog
from faust.types import TP
from yarl import URL

from tocsin.log.port import Record
from tocsin.log.topics import SUPERVISION_FACTS
from tocsin.runtime.settings import Settings

log = structlog.get_logger()
EX_SOFTWARE = 70
SESSION_S = 10
FACTS_MAX = 500
GATHER_S = 0.1
"""Cards stand on the log this much later than they could: nobody acts on one within a tenth of a second."""


def build(
    settings: Settings,
    *,
    on_facts: Callable[[Sequence[Record]], Awaitable[None]],
    on_tick: Callable[[], Awaitable[None]],
    tick_s: float,
) -> faust.App:
    """A Faust app over `tocsin.supervision.facts.v1`; `on_facts` for them in order, `on_tick` every `tick_s`.

    Either raising ends the process at once, before Faust acknowledges what it was given: Faust would acknowledge a
    record whose agent raised. A stop in the middle of `on_facts` waits for its end, for the same reason.
    """
    options = {} if (login := _credentials(settings)) is None else {"broker_credentials": login}
    app = faust.App(
        group_id(settings),
        broker=[URL(f"aiokafka://{address.strip()}") for address in settings.kafka_bootstrap.split(",")],
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"supervision-{settings.slot}",
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=3,
        broker_commit_interval=1.0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        web_enabled=False,
        autodiscover=False,
        store="memory://",
        datadir=str(settings.data_dir / "faust"),
        **options,
    )
    facts = app.topic(
        SUPERVISION_FACTS.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw",
        allow_empty=True,
    )  # fmt: skip

    @app.agent(facts, concurrency=1, name="facts")
    async def supervise(stream: Any) -> None:
        # Each fact by itself cost a produce request and a wakening of every reader of the cards: at 200 calls a second
        # with nobody answering a third of all the broker's requests.
        async for events in stream.take_events(FACTS_MAX, within=GATHER_S):
            await _to_its_end(_or_exit(on_facts([_record(e.message) for e in events])))

    @app.timer(tick_s)  # type: ignore[untyped-decorator]  # faust is untyped
    async def tick() -> None:
        await _or_exit(on_tick())

    return app


def group_id(settings: Settings) -> str:
    """The consumer group, named as all of them are."""
    return "-".join(x for x in ("tocsin", settings.instance, "supervision") if x)


def assigned(app: faust.App) -> set[int]:
    """The partitions of the facts that the group has given this replica."""
    if not app.started or app.rebalancing:
        return set()
    tps: set[TP] = app.consumer.assignment()
    return {tp.partition for tp in tps if tp.topic == SUPERVISION_FACTS.name}


async def _to_its_end(work: Awaitable[None]) -> None:
    """Cancelled, it still ends its work first: Faust acknowledges what a cancelled agent was given."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _or_exit(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - whatever it is, Faust would acknowledge the record all the same
        log.critical("supervision_failed", exception=_trace())
        sys.stderr.flush()
        os._exit(EX_SOFTWARE)


def _trace() -> str:
    import traceback  # noqa: PLC0415 - needed once, when all is over

    return traceback.format_exc()


def _record(message: Any) -> Record:
    headers = message.headers or {}
    pairs = headers.items() if hasattr(headers, "items") else headers
    return Record(
        message.topic, message.partition, message.offset, message.key, message.value, tuple(pairs),
        int(message.timestamp * 1000),
    )  # fmt: skip


def _credentials(settings: Settings) -> Any:
    context = None
    if settings.kafka_security in ("SSL", "SASL_SSL"):
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
    if settings.kafka_security.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka_username, password=settings.kafka_password, ssl_context=context,
            mechanism=settings.kafka_sasl_mechanism,
        )  # fmt: skip
    return None if context is None else faust.SSLCredentials(context)
