"""What `up` was asked to do, worked out once: directories, ports, the environment of every service."""

import os
import re
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from tocsin.broker.node import CONTROLLER_OFFSET
from tocsin.cli.deployment import BROKER_PORT_OFFSET, PORT_OFFSETS
from tocsin.cli.errors import Mend, Misused
from tocsin.runtime.settings import Settings

PORT_BASE_MAX = 65_535 - BROKER_PORT_OFFSET - CONTROLLER_OFFSET - 3


COPIES = 3
"""Of each topic, where there are as many brokers (design, "On disk")."""
PARTITIONS_FILE = "partitions"
"""In the data directory: with how many region partitions the deployment was made."""


class UpPlan(Struct, frozen=True, kw_only=True):
    """The options of `up`. `bootstrap` is empty where a broker is to be started."""

    data_dir: Path
    port_base: int = 19000
    policy: Path | None = None
    model: Path | None = None
    clock: str = "real"
    clock_start: str = ""
    nodes: int = 1
    partitions: int = 6
    bootstrap: str = ""
    brokers: int = COPIES
    """Of an outside cluster, once it has been asked."""

    def to_text(self) -> str:
        """For the command line of the detached process."""
        return msgspec.json.encode(self, enc_hook=str).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The same, read again."""
        return msgspec.json.decode(text, type=cls, dec_hook=lambda _, value: Path(value))

    @property
    def owns_broker(self) -> bool:
        """Whether this deployment starts its own Kafka."""
        return not self.bootstrap

    @property
    def replicas(self) -> int:
        """Copies of each topic: one a node; on an outside cluster TOCSIN_REPLICAS, or three, or as many as it has."""
        if self.owns_broker:
            return self.nodes
        return int(os.environ.get("TOCSIN_REPLICAS", min(COPIES, self.brokers)))

    def port(self, service: str) -> int:
        """Where a service listens."""
        return self.port_base + PORT_OFFSETS[service]

    @property
    def broker_port(self) -> int:
        """Where the first broker listens."""
        return self.port_base + BROKER_PORT_OFFSET

    def env(self, bootstrap: str) -> dict[str, str]:
        """The environment of every service: this one's, with what the plan settles."""
        settled = {
            "TOCSIN_KAFKA_BOOTSTRAP": bootstrap,
            "TOCSIN_PARTITIONS": str(self.partitions),
            "TOCSIN_REPLICAS": str(self.replicas),
            "TOCSIN_DATA_DIR": str(self.data_dir),
            "TOCSIN_CLOCK": self.clock,
            "TOCSIN_HOST": "127.0.0.1",
            "TOCSIN_SLOT": "0",
            "TOCSIN_EMS_URL": f"http://127.0.0.1:{self.port('ems120')}",
            "TOCSIN_INTAKE_URL": f"http://127.0.0.1:{self.port('intake')}",
            "TOCSIN_LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
        }
        if self.policy is not None:
            settled["TOCSIN_POLICY_DIR"] = str(self.policy)
        if self.model is not None:
            settled["TOCSIN_MODEL_DIR"] = str(self.model)
        return dict(os.environ) | settled

    def settings(self, bootstrap: str) -> Settings:
        """The same as an object, for what `up` does itself."""
        return Settings(
            kafka_bootstrap=bootstrap, partitions=self.partitions, replicas=self.replicas, data_dir=self.data_dir,
            policy_dir=self.policy, model_dir=self.model, clock=self.clock,
        )  # fmt: skip


def plan_up(
    *,
    data_dir: Path,
    port_base: int,
    policy: Path | None,
    clock: str,
    nodes: int,
    partitions: int | None,
    clock_start: str = "",
    model: Path | None = None,
) -> UpPlan:
    """Checks the options and fills in what the environment says; Mend where something cannot be."""
    if not re.fullmatch(r"real|manual|scaled:\d+(\.\d+)?", clock):
        raise Misused(
            f"--clock {clock} is not known", "Use real, manual, or scaled:N (N times as fast), such as scaled:60."
        )
    if clock.startswith("scaled:") and float(clock.partition(":")[2]) <= 0:
        raise Misused("A clock scaled by 0 stands still", "Use --clock manual for that.")
    if not 1024 <= port_base <= PORT_BASE_MAX:  # noqa: PLR2004 - below are the system's own
        raise Misused(f"--port-base {port_base} leaves no room", f"Choose one from 1024 to {PORT_BASE_MAX}.")
    if nodes not in (1, 3):
        raise Misused(f"A cluster of {nodes} nodes is not offered", "Use --nodes 1 or --nodes 3.")
    if policy is not None and not policy.is_dir():
        raise Mend(
            f"The policy directory {policy} is not there", "Name another, or make one: `tocsin policy copy DIR`."
        )
    said = Settings()
    chosen = policy or said.policy_dir
    trained = model or said.model_dir
    return UpPlan(
        data_dir=data_dir.resolve(),
        port_base=port_base,
        policy=None if chosen is None else chosen.resolve(),
        model=None if trained is None else trained.resolve(),
        clock=clock,
        clock_start=clock_start,
        nodes=nodes,
        partitions=_partitions(data_dir, partitions, said.partitions),
        bootstrap=os.environ.get("TOCSIN_KAFKA_BOOTSTRAP", ""),
    )


def _partitions(data_dir: Path, asked: int | None, default: int) -> int:
    """Region partitions: as asked for a new deployment, as it was made for an old one."""
    file = data_dir / PARTITIONS_FILE
    made = int(file.read_text()) if file.exists() else None
    if made is not None and asked not in (None, made):
        raise Mend(
            f"The data in {data_dir} has {made} region partitions, not {asked}",
            "Start it without --partitions, or use another --data-dir: partitions are never raised in place.",
        )
    return made or asked or default
