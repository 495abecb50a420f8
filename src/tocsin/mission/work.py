"""A decision in the making: the events stated so far, and the state as it would be after them."""

from collections.abc import Iterator, MutableMapping
from copy import copy
from typing import Any, Generic, TypeVar

from msgspec import Struct

from tocsin.envelope import Command, Draft, Ms
from tocsin.mission.choice import at_exercises
from tocsin.mission.evolve import On, apply
from tocsin.mission.state import EmsState, Facts, Hospital, IncidentMissions, Mission, Unit
from tocsin.outcomes import CommandNoted, CommandRefused

V = TypeVar("V")


def _copied(value: V) -> V:
    """A value of its own, one level of containers deep: what an event's application may change."""
    if not isinstance(value, Struct):
        return value
    fresh = copy(value)
    for name in fresh.__struct_fields__:
        held = getattr(fresh, name)
        if isinstance(held, list | dict):
            setattr(fresh, name, copy(held))
    return fresh


class Overlay(MutableMapping[str, V], Generic[V]):
    """A mapping over another that is never changed: what is looked up is copied first and may be changed here."""

    def __init__(self, base: MutableMapping[str, V]) -> None:
        self._base = base
        self._own: dict[str, V] = {}
        self._gone: set[str] = set()

    def __getitem__(self, key: str) -> V:
        if key not in self._own:
            if key in self._gone:
                raise KeyError(key)
            self._own[key] = _copied(self._base[key])
        return self._own[key]

    def seen(self, key: str) -> V:
        """What is there, to be read only: a queue of thousands is looked through without copying it."""
        if key in self._own:
            return self._own[key]
        if key in self._gone:
            raise KeyError(key)
        return self._base[key]

    def __setitem__(self, key: str, value: V) -> None:
        self._own[key] = value

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._own.pop(key, None)
        self._gone.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._own or (key in self._base and key not in self._gone)

    def __iter__(self) -> Iterator[str]:
        yield from (k for k in self._base if k not in self._gone)
        yield from (k for k in self._own if k not in self._base or k in self._gone)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Refusal(Exception):
    """The command changes nothing; `code` is stable (documented in `tocsin.mission.refusals`)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Work:
    """What `decide` works on. `state(...)` states an event and looks ahead by applying it to this view alone."""

    def __init__(self, state: EmsState, command: Command[Any], facts: Facts) -> None:
        self.command, self.facts = command, facts
        self.region = command.region
        self.at: Ms = facts.recorded_at
        self.drafts: list[Draft[Any]] = []
        self.missions: Overlay[Mission] = Overlay(state.missions)
        self.units: Overlay[Unit] = Overlay(state.units)
        self.hospitals: Overlay[Hospital] = Overlay(state.hospitals)
        self.incidents: Overlay[IncidentMissions] = Overlay(state.incidents)
        self.waiting: Overlay[str] = Overlay(state.waiting)
        self.ended: Overlay[int] = Overlay(state.ended)
        self.seeded: Overlay[str] = Overlay(state.seeded)
        self.policies: Overlay[str] = Overlay(state.policies)
        self.bereft: list[str] = []
        """Exercises whose unit this decision took for a live patient: served last, and told where nobody is left."""

    def state(self, subject: str, data: Any, occurred_at: Ms | None = None) -> None:
        """States an event."""
        self.drafts.append(Draft(subject=subject, data=data, occurred_at=occurred_at))
        apply(self, data, On(subject, self.region, self.at if occurred_at is None else occurred_at, self.at))

    def note(self, subject: str, cause: str) -> None:
        """States that the command was understood and had nothing to change."""
        self.state(subject, CommandNoted(command=type(self.command.data).__name__, cause=cause))

    def refused(self, refusal: Refusal) -> list[Draft[Any]]:
        """The one event of a refused command; nothing else that was stated stands."""
        data = CommandRefused(
            command=type(self.command.data).__name__,
            target=self.command.target,
            code=refusal.code,
            detail=refusal.detail,
        )
        known = self.command.target in self.missions or self.command.target in self.units
        known = known or self.command.target in self.hospitals
        return [Draft(subject=self.command.target if known else "", data=data)]

    def units_here(self) -> list[Unit]:
        """The region's units, by id; to be read only."""
        return [u for u in (self.units.seen(k) for k in sorted(self.units)) if u.region == self.region]

    def at_exercises(self) -> frozenset[str]:
        """The region's units that an exercise has: a live patient may take them from it."""
        return at_exercises(self.units_here(), self._drills)

    def _drills(self, mission_id: str) -> bool:
        return mission_id in self.missions and self.missions.seen(mission_id).exercise

    def hospitals_here(self) -> list[Hospital]:
        """The region's hospitals, by id; to be read only."""
        return [h for h in (self.hospitals.seen(k) for k in sorted(self.hospitals)) if h.region == self.region]
