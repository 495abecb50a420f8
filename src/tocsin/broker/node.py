"""One Kafka process: its files, its command line, its life."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tocsin.broker.java import find_java
from tocsin.runtime.mend import Mend
from tocsin.runtime.tied import Tied

HOST = "127.0.0.1"
CONTROLLER_OFFSET = 5
"""A node's controller listens this far above its broker port; so a cluster of three has brokers at +0 to +2."""
STOP_SECONDS_MAX = 30.0
_ORPHAN_GRACE_S = 20
"""For a clean stop where the process that started it was killed."""
_LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n%throwable
rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""
_JVM = (
    "-Xmx512m", "-Xms128m", "-XX:TieredStopAtLevel=1", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
    "-XX:+ExplicitGCInvokesConcurrent", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
)  # fmt: skip
"""The first compiler alone: the second took a fifth of a core for the first ten thousand calls, beside services that
share two; a call reached its subscriber in 130 ms (99 of 100, at 200 a second) instead of 200."""


class Shape(NamedTuple):
    """What all nodes of a cluster agree on. `advertised` replaces the brokers' ports for clients (a proxy in front)."""

    port: int
    nodes: int
    cluster_id: str
    advertised: tuple[int, ...] = ()

    def voters(self) -> str:
        """`controller.quorum.voters`: fixed, so that a node whose disk was lost may come back empty."""
        return ",".join(f"{i + 1}@{HOST}:{self.port + CONTROLLER_OFFSET + i}" for i in range(self.nodes))


class Node:
    """A combined broker and controller. `index` counts from 0; Kafka's node id is one more."""

    def __init__(self, folder: Path, index: int, shape: Shape) -> None:
        self.folder, self.index, self._shape = folder, index, shape
        self.port = shape.port + index
        self._process: subprocess.Popen[bytes] | None = None
        self._tied: Tied | None = None

    @property
    def pid(self) -> int | None:
        """The process, or None where it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def logs(self) -> Path:
        """What the process printed."""
        return self.folder / "broker.log"

    def settings(self) -> dict[str, str]:
        """`server.properties`. Small internal topics start quickly; nothing makes a topic by itself."""
        shape, replicas = self._shape, min(self._shape.nodes, 3)
        in_sync = "2" if replicas == 3 else "1"  # noqa: PLR2004 - three copies, of which two must have it
        outside = shape.advertised[self.index] if shape.advertised else self.port
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.index + 1),
            "controller.quorum.voters": shape.voters(),
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.port + CONTROLLER_OFFSET}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{outside}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": str(replicas),
            "min.insync.replicas": in_sync,
            "unclean.leader.election.enable": "false",
            "offsets.topic.replication.factor": str(replicas),
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": "8",
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": "2",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "2000",
            "message.max.bytes": str(1024 * 1024),
            "num.network.threads": "2",
            "num.io.threads": "4",
            "num.recovery.threads.per.data.dir": "2",
            "broker.session.timeout.ms": "6000",
            "broker.heartbeat.interval.ms": "1000",
            "controller.quorum.election.timeout.ms": "700",
            "controller.quorum.fetch.timeout.ms": "1500",
        }

    def start(self, jars: Sequence[Path]) -> None:
        """Formats the data directory where it is new, and starts the process. Does not wait for it to answer."""
        if self.pid is not None:
            return
        self._release()
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in self.settings().items()))
        log4j = self.folder / "log4j2.properties"
        log4j.write_text(_LOG4J)
        java, _ = find_java()
        path = os.pathsep.join(map(str, jars))
        base = [str(java), *_JVM, f"-Dlog4j2.configurationFile={log4j}", "-cp", path]
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(base, properties)
        with self.logs.open("ab") as out:
            # In a session of its own: Ctrl-C at the terminal is for `up`, which stops the broker after the services.
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [*base, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd=self.folder,
            )  # fmt: skip
        self._tied = Tied(self._process.pid, grace_s=_ORPHAN_GRACE_S)

    def _format(self, base: list[str], properties: Path) -> None:
        command = [*base, "kafka.tools.StorageTool", "format", "-t", self._shape.cluster_id, "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as above
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()
            raise Mend(
                f"Kafka could not prepare {self.folder / 'data'} ({said[-1] if said else 'no message'})",
                "Check that the directory can be written and the disk has room, or name another with --data-dir.",
            )

    def said(self, lines: int = 3) -> str:
        """The last lines the process printed, for an error's text."""
        try:
            return " | ".join(self.logs.read_text(errors="replace").strip().splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def signal(self, what: signal.Signals) -> None:
        """SIGSTOP, SIGCONT, SIGKILL…: nothing where the process does not run."""
        if self.pid is not None:
            os.kill(self.pid, what)

    def kill(self) -> None:
        """As a power cut would: no clean stop. Waits until the process is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._release()

    def _release(self) -> None:
        if self._tied is not None:
            self._tied.release()
            self._tied = None

    def ask_to_stop(self) -> None:
        """SIGTERM, and SIGCONT in case it was paused."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)

    def wait_stopped(self, seconds: float = STOP_SECONDS_MAX) -> None:
        """Until it is gone; killed where it takes longer than that."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._release()
