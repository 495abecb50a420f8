"""Given / when / then for the 120 centre: a fold fed by decisions, with a clock and positions of the test's own."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from tocsin.envelope import Actor, Command, Event, Source
from tocsin.mission.commands import OpenMission, RegisterHospital, RegisterUnit
from tocsin.mission.decide import decide
from tocsin.mission.evolve import evolve, version
from tocsin.mission.state import EmsState, Facts, Mission, Unit
from tocsin.mission.values import Position
from tocsin.outcomes import CommandNoted, CommandRefused
from tocsin.place import Place, Point
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy

REGION = "430921"
NOON = 1_775_361_600_000
INCIDENT = "430921-20260405-000017"
TASK = f"{INCIDENT}-T1"
M1, M2, M3 = (f"{INCIDENT}-M{n}" for n in (1, 2, 3))
CENTRE = Actor(subject="调度员", role="ems_dispatcher", agency="nanxian-120")
SCENE = Point(lon=112.40, lat=29.36)
KM_LAT = 1 / 111.195
"""Degrees of latitude in a kilometre of the mean Earth."""


@cache
def sample_policy() -> Policy:
    """The sample county's."""
    return load_policy(Path(__file__).resolve().parents[3] / "policy" / "nanxian")


def crew(unit: str) -> Actor:
    """A unit's crew."""
    return Actor(subject=f"车组 {unit}", role="crew", unit=unit)


def north(km: float) -> Point:
    """So many kilometres north of the scene."""
    return Point(lon=SCENE.lon, lat=SCENE.lat + km * KM_LAT)


class World:
    """One partition. `act` decides and folds; `log` keeps every event for replay."""

    def __init__(self) -> None:
        self.state = EmsState()
        self.policy = sample_policy()
        self.now = NOON
        self.positions: dict[str, Position] = {}
        self.log: list[Event[Any]] = []
        self.commands = 0

    def act(
        self, data: Any, target: str = "", *, actor: Actor = CENTRE, expected: int | None = None, exercise: bool = False
    ) -> list[Any]:
        """When: a command. The contents of its events."""
        self.commands += 1
        command = Command(
            command_id=f"c{self.commands}", region=REGION, data=data, target=target, actor=actor, issued_at=self.now,
            expected_version=expected, exercise=exercise,
        )  # fmt: skip
        facts = Facts(recorded_at=self.now, policy=self.policy, positions=dict(self.positions))
        drafts = decide(self.state, command, facts)
        assert drafts, "every command leaves at least one event (invariant 2)"
        for i, d in enumerate(drafts):
            event = Event(
                event_id=f"{command.command_id}-{i}", region=REGION, subject=d.subject, seq=len(self.log) + 1,
                version=version(self.state, d.subject) + 1, recorded_at=self.now, command_id=command.command_id,
                occurred_at=self.now if d.occurred_at is None else d.occurred_at, index=i, count=len(drafts),
                source=Source(), data=d.data, actor=actor, exercise=exercise,
            )  # fmt: skip
            evolve(self.state, event)
            self.log.append(event)
        return [d.data for d in drafts]

    def recorded(self, subject: str, data: Any) -> None:
        """Given: an event as it stands on an old log, whatever would be decided today."""
        event = Event(
            event_id=f"old{len(self.log)}", region=REGION, subject=subject, seq=len(self.log) + 1,
            version=version(self.state, subject) + 1, recorded_at=self.now, command_id="old", occurred_at=self.now,
            index=0, count=1, source=Source(), data=data,
        )  # fmt: skip
        evolve(self.state, event)
        self.log.append(event)

    def types(self, data: Any, target: str = "", **more: Any) -> list[str]:
        """The names of a command's events."""
        return [type(d).__name__ for d in self.act(data, target, **more)]

    def refused(self, data: Any, target: str = "", **more: Any) -> str:
        """Then: refused, with nothing changed; the code."""
        before = msgspec.msgpack.encode(self._comparable(target))
        (answer,) = self.act(data, target, **more)
        assert isinstance(answer, CommandRefused), f"not refused: {answer}"
        assert msgspec.msgpack.encode(self._comparable(target)) == before, "a refusal changes nothing"
        return answer.code

    def noted(self, data: Any, target: str = "", **more: Any) -> str:
        """Then: understood, nothing to change; why."""
        (answer,) = self.act(data, target, **more)
        assert isinstance(answer, CommandNoted), f"not a no-op: {answer}"
        return answer.cause

    def _comparable(self, target: str) -> EmsState:
        copy: EmsState = msgspec.convert(msgspec.to_builtins(self.state), EmsState)
        for held in (*copy.missions.values(), *copy.units.values(), *copy.hospitals.values()):
            # The refusal itself is an event of its target: its version and time count, its content does not change.
            held.version = held.act_version = held.updated_at = 0
        assert target is not None
        return copy

    def fleet(self, **units: tuple[str, float]) -> "World":
        """Given: units by name, each (type, km north of the scene), on duty; two hospitals."""
        for name, (unit_type, km) in units.items():
            self.act(RegisterUnit(label=name, unit_type=unit_type, point=north(km), state="available"), name)
        if not self.state.hospitals:
            near, far = ["trauma"], ["trauma", "chest_pain", "children"]
            self.act(RegisterHospital(label="近", capabilities=near, beds=2, point=north(1)), "near")
            self.act(RegisterHospital(label="远", capabilities=far, beds=2, point=north(9)), "far")
        return self

    def open(self, incident: str = INCIDENT, **more: Any) -> list[Any]:
        """When: the relay brings a medical task."""
        data = OpenMission(
            task_id=f"{incident}-T1", incident_id=incident, kind="medical.other", priority=2,
            place=Place(region=REGION, point=SCENE, source="point"),
        )  # fmt: skip
        exercise = more.pop("exercise", False)
        return self.act(msgspec.structs.replace(data, **more), f"{incident}-T1", exercise=exercise)

    def mission(self, mission_id: str = M1) -> Mission:
        """Then: a mission."""
        return self.state.missions[mission_id]

    def unit(self, unit_id: str) -> Unit:
        """Then: a unit."""
        return self.state.units[unit_id]

    def later(self, seconds: float) -> "World":
        """Given: time has passed."""
        self.now += int(seconds * 1000)
        return self
