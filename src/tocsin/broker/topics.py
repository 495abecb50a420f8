"""The topics as Kafka has them: made where they are missing, compared with what they should be."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code
from msgspec import Struct

from tocsin.log.connect import client_options
from tocsin.log.topics import TOPICS, Topic
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings

_TOPIC_EXISTS = 36
_SECONDS_MAX = 30.0


class TopicState(Struct, frozen=True):
    """A topic as it stands. `wrong` names each setting that differs: (name, is, should be)."""

    name: str
    partitions: int
    replicas: int
    wrong: tuple[tuple[str, str, str], ...] = ()


def partitions_of(topic: Topic, settings: Settings) -> int:
    """How many partitions a topic has in this deployment."""
    return settings.partitions if topic.partitions == "regions" else topic.partitions


async def admin_of(settings: Settings) -> AIOKafkaAdminClient:
    """An administrator's client, connected; Mend where the cluster cannot be reached."""
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=15_000)
    try:
        await admin.start()
    except KafkaError as e:
        await admin.close()
        raise Mend(
            f"Kafka at {settings.kafka_bootstrap} cannot be reached ({e})",
            "Start it, or check TOCSIN_KAFKA_BOOTSTRAP and the other TOCSIN_KAFKA_* settings.",
        ) from e
    return admin


async def brokers_of(settings: Settings) -> int:
    """How many brokers the cluster has just now; at least 1. Mend where it cannot be reached."""
    admin = await admin_of(settings)
    try:
        return max(1, len((await admin.describe_cluster())["brokers"]))
    finally:
        await admin.close()


async def ensure_topics(settings: Settings, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Creates the topics that are missing and waits until each has its leaders; the names of those it made."""
    admin = await admin_of(settings)
    try:
        there = set(await admin.list_topics())
        missing = [t for t in topics if t.name not in there]
        if missing:
            await _create(admin, settings, missing)
        await _await_leaders(admin, {t.name for t in topics})
        return [t.name for t in missing]
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, settings: Settings, topics: Sequence[Topic]) -> None:
    fresh = [
        NewTopic(
            t.name, partitions_of(t, settings), settings.replicas, topic_configs=t.config(replicas=settings.replicas)
        )
        for t in topics
    ]
    answer = await admin.create_topics(fresh)
    for name, code, *more in answer.topic_errors:
        if code not in (0, _TOPIC_EXISTS):
            why = next((m for m in more if m), for_code(code).__name__)
            raise Mend(
                f"Kafka would not make the topic {name} ({why})",
                "With a cluster of your own: allow this user to create topics, or make them by the table in the docs; "
                f"TOCSIN_REPLICAS ({settings.replicas}) must not be more than its brokers.",
            )


async def _await_leaders(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    until = time.monotonic() + _SECONDS_MAX
    while True:
        described = await admin.describe_topics(sorted(names))
        if all(
            d["error_code"] == 0 and d["partitions"] and all(p["leader"] >= 0 for p in d["partitions"])
            for d in described
        ):
            return
        if time.monotonic() > until:
            raise Mend(
                "Kafka has made the topics but some have no leader", "See whether all its nodes run: `tocsin doctor`."
            )
        await asyncio.sleep(0.05)


async def topic_states(settings: Settings, topics: Sequence[Topic] = TOPICS) -> dict[str, TopicState]:
    """Each topic that exists, with every setting that is not as `tocsin/log/topics.py` has it."""
    admin = await admin_of(settings)
    try:
        there = set(await admin.list_topics())
        known = [t for t in topics if t.name in there]
        if not known:
            return {}
        described: dict[str, Any] = {d["topic"]: d for d in await admin.describe_topics([t.name for t in known])}
        asked = [ConfigResource(ConfigResourceType.TOPIC, t.name) for t in known]
        configs: dict[str, dict[str, str]] = {}
        for answer in await admin.describe_configs(asked):
            for resource in answer.resources:
                configs[resource[3]] = {entry[0]: entry[1] for entry in resource[4]}
        return {t.name: _state(t, settings, described[t.name], configs.get(t.name, {})) for t in known}
    finally:
        await admin.close()


def _state(topic: Topic, settings: Settings, described: dict[str, Any], config: dict[str, str]) -> TopicState:
    partitions = described["partitions"]
    replicas = min((len(p["replicas"]) for p in partitions), default=0)
    wrong = [(k, config.get(k, "?"), v) for k, v in topic.config(replicas=replicas).items() if config.get(k) != v]
    if len(partitions) != partitions_of(topic, settings):
        wrong.append(("partitions", str(len(partitions)), str(partitions_of(topic, settings))))
    if replicas < settings.replicas:
        wrong.append(("replicas", str(replicas), str(settings.replicas)))
    return TopicState(topic.name, len(partitions), replicas, tuple(wrong))


async def last_append_ms(settings: Settings, topic: Topic) -> int | None:
    """When the newest record of a topic was appended (Unix ms, by the broker's clock); None where it is empty."""
    consumer = AIOKafkaConsumer(**client_options(settings), auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic.name, p) for p in range(partitions_of(topic, settings))]
        consumer.assign(parts)
        newest: list[int] = []
        for part, end in (await consumer.end_offsets(parts)).items():
            if end:
                consumer.seek(part, end - 1)
                newest.append((await consumer.getone(part)).timestamp)
        return max(newest, default=None)
    finally:
        await consumer.stop()
