"""One node, or three that together survive one: started, asked, paused, killed, stopped."""

import asyncio
import base64
import signal
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tocsin.broker.jars import Progress, ensure_jars
from tocsin.broker.node import CONTROLLER_OFFSET, HOST, Node, Shape
from tocsin.broker.ready import brokers_known
from tocsin.runtime.held import Held
from tocsin.runtime.mend import Mend

READY_SECONDS_MAX = 180.0
_POLL_SECONDS = 0.1


class EmbeddedKafka:
    """Apache Kafka in `folder`, brokers on `port`, `port+1`…, controllers on `port+5`…; data is kept between starts.

    Sync (`start`, `stop`) or async (`astart`, `astop`); both context managers work. `nodes` is 1 or 3.
    """

    def __init__(self, folder: Path, port: int, nodes: int = 1, *, advertised: tuple[int, ...] = ()) -> None:
        if nodes not in (1, 3):
            raise Mend(f"A cluster of {nodes} nodes is not offered", "Use --nodes 1 or --nodes 3.")
        self.folder, self.port = folder.resolve(), port
        self._advertised = advertised
        self._held = Held(self.folder / "kafka.lock")
        self._count = nodes
        self.nodes: list[Node] = []

    @property
    def bootstrap(self) -> str:
        """For clients: `127.0.0.1:19010` or three of them."""
        return ",".join(f"{HOST}:{p}" for p in (self._advertised or [self.port + i for i in range(self._count)]))

    @property
    def pids(self) -> list[int]:
        """Of the nodes that run."""
        return [n.pid for n in self.nodes if n.pid is not None]

    def start(self, progress: Progress | None = None, told: Callable[[str], None] | None = None) -> None:
        """Starts all nodes and returns once each knows the whole cluster. Raises Mend."""
        self._held.take(
            f"A Kafka (started by process {{pid}}) already runs on {self.folder}",
            "Stop it with `tocsin down` (with the same --data-dir), or name another --data-dir.",
        )
        try:
            self._free_ports()
            jars = ensure_jars(progress)
            if told is not None:
                told("starting Apache Kafka")
            shape = Shape(self.port, self._count, self._cluster_id(), self._advertised)
            self.nodes = [Node(self.folder / f"node-{i + 1}", i, shape) for i in range(self._count)]
            for node in self.nodes:
                node.start(jars)
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def _free_ports(self) -> None:
        for i in range(self._count):
            for port in (self.port + i, self.port + CONTROLLER_OFFSET + i):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        s.bind((HOST, port))
                    except OSError as e:
                        raise Mend(
                            f"Port {port}, which Kafka needs, cannot be used ({e.strerror})",
                            "Stop what listens there, or choose other ports with --port-base.",
                        ) from None

    def _cluster_id(self) -> str:
        file = self.folder / "cluster.id"
        if not file.exists():
            # Kafka's own form: a UUID in 22 letters of URL-safe base64; one that begins with "-" reads as an option.
            file.write_text("T" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22])
        known = len([p for p in self.folder.glob("node-*") if p.is_dir()])
        if known and known != self._count:
            raise Mend(
                f"The data in {self.folder} is of a cluster of {known}, not {self._count}",
                f"Start it with --nodes {known}, or name another --data-dir.",
            )
        return file.read_text().strip()

    def wait_ready(self, seconds: float = READY_SECONDS_MAX, *, brokers: int | None = None) -> None:
        """Until every running node answers and knows `brokers` (default: all) live ones."""
        wanted = self._count if brokers is None else brokers
        until = time.monotonic() + seconds
        while True:
            running = [n for n in self.nodes if n.pid is not None]
            if len(running) < wanted:
                dead = next(n for n in self.nodes if n.pid is None)
                raise Mend(f"Kafka node {dead.index + 1} ended at once: {dead.said()}", f"See {dead.logs}.")
            if all(brokers_known(HOST, n.port) >= wanted for n in running):
                return
            if time.monotonic() > until:
                raise Mend(
                    f"Kafka did not answer within {seconds:.0f} s: {running[0].said() if running else 'no node runs'}",
                    f"See {running[0].logs if running else self.folder}; too little memory or disk is the usual cause.",
                )
            time.sleep(_POLL_SECONDS)

    def kill(self, node: int) -> None:
        """SIGKILL to a node (from 0), as a power cut."""
        self.nodes[node].kill()

    def pause(self, node: int) -> None:
        """SIGSTOP: alive, but silent."""
        self.nodes[node].signal(signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """SIGCONT."""
        self.nodes[node].signal(signal.SIGCONT)

    def stop_node(self, node: int) -> None:
        """A clean stop of one node."""
        self.nodes[node].ask_to_stop()
        self.nodes[node].wait_stopped()

    def start_node(self, node: int) -> None:
        """Starts a node again that was stopped or killed; does not wait: see `wait_ready`."""
        self.nodes[node].start(ensure_jars())

    def stop(self) -> None:
        """A clean stop of all nodes, one after another, so that the last can still write down that it is the last."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.wait_stopped()
        self._held.release()

    async def astart(self, progress: Progress | None = None) -> None:
        """`start` without blocking the event loop."""
        await asyncio.to_thread(self.start, progress)

    async def astop(self) -> None:
        """`stop` without blocking the event loop."""
        await asyncio.to_thread(self.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await self.astart()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.astop()
