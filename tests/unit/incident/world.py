"""Given / when / then for the rules of incidents: real policy, real decide, real fold, no log."""

from functools import cache
from pathlib import Path
from typing import Any

from tocsin.envelope import Actor, Command, Draft, Event
from tocsin.incident import commands as cmd
from tocsin.incident.decide import decide
from tocsin.incident.digest import digest
from tocsin.incident.evolve import evolve
from tocsin.incident.ledger import stamp
from tocsin.incident.state import Facts, Incident, PartitionState, Task
from tocsin.incident.values import CallRecord, Understanding
from tocsin.outcomes import CommandRefused
from tocsin.place import Place, Point
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy

REGION = "430921"
NOON = 1_775_361_600_000
"""2026-04-05 12:00 in Asia/Shanghai, a Sunday at Qingming: a holiday."""
WORKDAY = 1_775_613_600_000
"""2026-04-08 10:00 in Asia/Shanghai, a Wednesday."""
MIN = 60_000
HERE = Point(lon=112.4010, lat=29.3620)


@cache
def policy() -> Policy:
    """The sample county."""
    return load_policy(Path(__file__).parents[3] / "policy" / "nanxian")


def east(metres: float, north: float = 0.0) -> Point:
    """A point this far from HERE."""
    return Point(lon=HERE.lon + metres / 97_000, lat=HERE.lat + north / 111_320)


def person(role: str = "commander", agency: str = "") -> Actor:
    """Someone at a desk."""
    return Actor(subject=f"{role}-1", role=role, agency=agency)


def of(agency: str) -> Actor:
    """An agency's dispatcher."""
    return person("dispatcher", agency)


class World:
    """A partition in memory; each step checks what must hold of every decision."""

    def __init__(self) -> None:
        self.state = PartitionState()
        self.events: list[Event[Any]] = []
        self.last: list[Event[Any]] = []
        self.now = WORKDAY
        self._count = 0

    def call(
        self,
        kind: str = "fire.building",
        *,
        call_id: str = "",
        line: str = "119",
        point: Point | None = HERE,
        caller: str = "",
        anonymous: bool = False,
        region: str = REGION,
        after: int = 0,
        place: Place | None = None,
        exercise: bool = False,
        body: str = "",
        **understood: Any,
    ) -> Incident:
        """A call comes in, `after` milliseconds later; the incident it came to."""
        self.now += after
        self._count += 1
        call_id = call_id or f"c{self._count}"
        where = place or Place(
            region=region, point=point, accuracy_m=20, source="point" if point else "seat", setting="town"
        )
        record = CallRecord(
            call_id=call_id, line=line, region=region, place=where, exercise=exercise,
            caller_token="" if anonymous else caller or f"k{self._count}",
            body_hash=body or call_id, rang_at=understood.pop("rang_at", None),
            answered_at=understood.pop("answered_at", None),
            flags=understood.pop("flags", []), danger=understood.pop("danger", False),
            channel=understood.pop("channel", "voice"), about=understood.pop("about", []),
        )  # fmt: skip
        row = self.policy.kinds.get(kind)
        u = Understanding(kind=kind, **({"priority": row.priority if row else 2, "confidence": 0.9} | understood))
        self.do(
            cmd.RecordCall(call=record), lane="routine" if line == "12345" else "urgent", understanding=u, region=region
        )
        return self.incident(self.last[0].subject)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return policy()

    def do(
        self,
        data: Any,
        target: str = "",
        by: Actor | None = None,
        *,
        after: int = 0,
        region: str = REGION,
        expected: int | None = None,
        understanding: Understanding | None = None,
        lane: Any = "urgent",
    ) -> "World":
        """A command, by the commander where nobody is named; its events are in `last`."""
        self.now += after
        actor = by or (Actor() if isinstance(data, cmd.SYSTEM_COMMANDS) else person())
        command = Command(
            command_id=f"x{len(self.events)}", region=region, data=data, target=target, actor=actor,
            lane=lane, expected_version=expected
        )  # fmt: skip
        facts = Facts(self.now, self.policy, understanding)
        before = digest(self.state)
        drafts: list[Draft[Any]] = decide(self.state, command, facts)
        assert digest(self.state) == before, "decide changed the state"
        assert drafts, "a command left nothing"
        assert drafts == decide(self.state, command, facts), "deciding twice gave two answers"
        self.last = stamp(self.state, command, drafts, self.now, len(self.events) + 1)
        for event in self.last:
            evolve(self.state, event)
        self.events += self.last
        return self

    def incident(self, incident_id: str) -> Incident:
        """An incident as it stands."""
        return self.state.regions[incident_id[:6]].incidents[incident_id]

    def task(self, task_id: str) -> Task:
        """A task as it stands, in whichever incident holds it."""
        incident = self.incident(task_id.rpartition("-T")[0])
        while incident.state == "merged":
            incident = self.incident(incident.merged_into)
        return incident.tasks[task_id]

    def said(self, name: str) -> list[Any]:
        """The contents of the last command's events of this type."""
        return [e.data for e in self.last if e.type == name]

    def types(self) -> list[str]:
        """The last command's events by name."""
        return [e.type for e in self.last]

    def accepted(self, *names: str) -> None:
        """The last command was accepted with at least these events, in this order."""
        types = self.types()
        assert "CommandRefused" not in types, self.last[0].data
        at = iter(types)
        assert all(name in at for name in names), f"wanted {names}, got {types}"

    def refused(self, code: str) -> None:
        """The last command left one refusal with this very code and nothing else."""
        assert len(self.last) == 1, self.types()
        refusal = self.last[0].data
        assert isinstance(refusal, CommandRefused), self.types()
        assert refusal.code == code, refusal

    def refold(self) -> PartitionState:
        """The state folded anew from all events."""
        fresh = PartitionState()
        for event in self.events:
            evolve(fresh, event)
        return fresh


def finish(world: World, incident: Incident) -> None:
    """Completes every open task and tells the caller."""
    for task in list(incident.tasks.values()):
        if task.state not in ("completed", "returned", "transferred", "cancelled"):
            world.do(cmd.Complete(result="~done"), task.task_id).accepted("TaskCompleted")
    world.do(cmd.InformCaller(result="told"), incident.incident_id).accepted("CallerInformed")
