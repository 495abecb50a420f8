"""Every topic with its settings: created by `up`, compared by `doctor`, tabled in the docs."""

from typing import Literal, NamedTuple

DAY_MS = 86_400_000
FOREVER = -1
RECORD_MAX = 900 * 1024
"""Largest record (contract, section 4), in bytes."""


class Topic(NamedTuple):
    """A topic. `partitions` "regions": the deployment's region partition count; `retention_ms` -1: for ever."""

    name: str
    retention_ms: int
    append_time: bool = False
    flush_each: bool = False
    partitions: Literal["regions"] | int = "regions"
    meaning: str = ""

    def config(self, *, replicas: int) -> dict[str, str]:
        """The topic's settings as Kafka names them; `flush.messages=1` on one node only (design, "On disk")."""
        settings = {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "message.timestamp.type": "LogAppendTime" if self.append_time else "CreateTime",
            "min.insync.replicas": str(min(2, max(1, replicas - 1))),
            "max.message.bytes": str(1024 * 1024),
            "unclean.leader.election.enable": "false",
        }
        if self.flush_each and replicas == 1:
            settings["flush.messages"] = "1"
        return settings


URGENT = Topic("tocsin.commands.urgent.v1", FOREVER, append_time=True, flush_each=True, meaning="urgent calls and acts")
ROUTINE = Topic(
    "tocsin.commands.routine.v1", FOREVER, append_time=True, flush_each=True, meaning="12345 calls and acts"
)
INCIDENT_EVENTS = Topic("tocsin.incident.events.v1", FOREVER, append_time=True, flush_each=True, meaning="the truth")
DISPATCH = {
    c: Topic(f"tocsin.dispatch.{c}.v1", 30 * DAY_MS, append_time=True, meaning=f"orders to {c}")
    for c in ("police", "fire", "traffic", "medical", "department")
}
EMS_COMMANDS = Topic(
    "tocsin.ems.commands.v1", FOREVER, append_time=True, flush_each=True, meaning="acts of the 120 centre"
)
EMS_EVENTS = Topic(
    "tocsin.ems.events.v1", FOREVER, append_time=True, flush_each=True, meaning="missions, units, hospitals"
)
EMS_POSITIONS = Topic("tocsin.ems.positions.v1", 2 * DAY_MS, meaning="vehicle positions")
SUPERVISION_FACTS = Topic("tocsin.supervision.facts.v1", FOREVER, meaning="events supervision needs, relayed")
SUPERVISION_EVENTS = Topic("tocsin.supervision.events.v1", FOREVER, append_time=True, meaning="cards, cases, scores")
DELIVERIES = Topic("tocsin.deliveries.v1", FOREVER, append_time=True, meaning="what was sent to whom")
DEADLETTER = Topic("tocsin.deadletter.v1", FOREVER, append_time=True, meaning="what could not be read")

TOPICS: tuple[Topic, ...] = (
    URGENT, ROUTINE, INCIDENT_EVENTS, *DISPATCH.values(), EMS_COMMANDS, EMS_EVENTS, EMS_POSITIONS, SUPERVISION_FACTS,
    SUPERVISION_EVENTS, DELIVERIES, DEADLETTER,
)  # fmt: skip
