"""The embedded Kafka, for real."""

from pathlib import Path

import pytest

from tests.support import free_ports
from tocsin.broker import EmbeddedKafka
from tocsin.broker.topics import ensure_topics, topic_states
from tocsin.log.topics import TOPICS
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
