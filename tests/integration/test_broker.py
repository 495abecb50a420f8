"""The embedded Kafka, for real."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.support import free_ports, stretched
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics, topic_states
from tocsin.log.topics import INCIDENT_EVENTS, TOPICS, URGENT, Topic
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings

pytestmark = pytest.mark.broker


async def test_topics_are_made_with_their_settings_once(broker: EmbeddedKafka) -> None:
    """`ensure_topics` makes every topic exactly as the list says, and a second time makes nothing."""
    settings = Settings(kafka_bootstrap=broker.bootstrap, partitions=3)
    await ensure_topics(settings)
    assert await ensure_topics(settings) == []
    states = await topic_states(settings)
    assert set(states) == {t.name for t in TOPICS}
    assert {name: s.wrong for name, s in states.items() if s.wrong} == {}


async def test_a_topic_that_differs_is_told(broker: EmbeddedKafka) -> None:
    """`topic_states` names the setting, what it is and what it should be."""
    await ensure_topics(Settings(kafka_bootstrap=broker.bootstrap, partitions=3))
    states = await topic_states(Settings(kafka_bootstrap=broker.bootstrap, partitions=5))
    assert ("partitions", "3", "5") in states["tocsin.incident.events.v1"].wrong


def test_a_second_kafka_on_the_same_directory_is_refused(broker: EmbeddedKafka) -> None:
    """The refusal says that it runs already, by which process, and what to do."""
    with pytest.raises(Mend, match=r"already runs .*tocsin down"):
        EmbeddedKafka(broker.folder, free_ports(8)).start()


def test_a_taken_port_is_told_with_the_mend(broker: EmbeddedKafka, tmp_path: Path) -> None:
    """The refusal names the port and the option that chooses another; nothing is left running."""
    other = EmbeddedKafka(tmp_path, broker.port)
    with pytest.raises(Mend, match=rf"Port {broker.port}.*--port-base"):
        other.start()
    assert other.pids == []


async def _written(bootstrap: str, topic: Topic, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic.name, value, partition=0)
    finally:
        await producer.stop()


async def _read(bootstrap: str, topic: Topic, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, 0)])
        async with asyncio.timeout(stretched(60)):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_data_is_kept_between_starts(tmp_path: Path) -> None:
    """What was written before a clean stop, and before a kill, is read after the next start."""
    kafka = EmbeddedKafka(tmp_path, free_ports(8))
    try:
        await kafka.astart()
        await ensure_topics(Settings(kafka_bootstrap=kafka.bootstrap, partitions=1), [URGENT])
        await _written(kafka.bootstrap, URGENT, b"before the stop")
        await kafka.astop()
        await kafka.astart()
        await _written(kafka.bootstrap, URGENT, b"before the kill")
        await asyncio.to_thread(kafka.kill, 0)
        await asyncio.to_thread(kafka.start_node, 0)
        await asyncio.to_thread(kafka.wait_ready)
        assert await _read(kafka.bootstrap, URGENT, 2) == [b"before the stop", b"before the kill"]
    finally:
        await kafka.astop()


def test_the_number_of_nodes_is_part_of_the_data(tmp_path: Path) -> None:
    """Data of one node is not started as three: the refusal says how to start it."""
    (tmp_path / "node-1").mkdir()
    with pytest.raises(Mend, match="Start it with --nodes 1"):
        EmbeddedKafka(tmp_path, free_ports(8), 3).start()


async def test_three_nodes_survive_the_loss_of_one(tmp_path: Path) -> None:
    """With one node killed, acks=all still succeeds and nothing acknowledged is lost, also when another follows it."""
    kafka = EmbeddedKafka(tmp_path, free_ports(8), 3)
    try:
        await kafka.astart()
        settings = Settings(kafka_bootstrap=kafka.bootstrap, partitions=1, replicas=3)
        await ensure_topics(settings, [INCIDENT_EVENTS])
        assert (await topic_states(settings, [INCIDENT_EVENTS]))[INCIDENT_EVENTS.name].replicas == 3
        await asyncio.to_thread(kafka.kill, 0)
        await asyncio.to_thread(kafka.wait_ready, brokers=2)
        await _written(kafka.bootstrap, INCIDENT_EVENTS, b"with one node away")
        await asyncio.to_thread(kafka.start_node, 0)
        await asyncio.to_thread(kafka.wait_ready)
        await asyncio.to_thread(kafka.stop_node, 1)
        assert await _read(kafka.bootstrap, INCIDENT_EVENTS, 1) == [b"with one node away"]
    finally:
        await kafka.astop()
