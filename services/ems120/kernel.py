"""The 120 centre's rules as the partition owner takes them: the pure core with the shell's policy and positions."""

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.envelope import Command, Draft, Event, Ms
from tocsin.log.port import Append
from tocsin.log.topics import EMS_COMMANDS, EMS_EVENTS, Topic
from tocsin.mission import decide as rules
from tocsin.mission.digest import digest
from tocsin.mission.evolve import evolve, version
from tocsin.mission.state import EmsState, Facts
from tocsin.mission.values import Position
from tocsin.policy.model import Policy


class EmsKernel:
    """See `Kernel`. `positions` is the shell's live view: what of it was used stands in the event's candidates."""

    name = "ems120"
    inputs: tuple[Topic, ...] = (EMS_COMMANDS,)
    events: Topic = EMS_EVENTS

    def __init__(self, policy: Policy, positions: Mapping[str, Position]) -> None:
        self._policy, self._positions = policy, positions
        self._next = policy

    def follow(self, policy: Policy) -> None:
        """This policy decides from the next batch on: one policy a batch, its hash in each event."""
        self._next = policy

    def policy(self, state: EmsState, region: str) -> str:
        """The hash of the policy that decides; the same for all regions of a process."""
        assert state is not None and isinstance(region, str)  # noqa: S101, PT018 - both are the owner's to give
        return self._policy.hash

    def initial(self) -> EmsState:
        """An empty partition."""
        return EmsState()

    def prepare(self, _: EmsState, commands: Sequence[tuple[Command[Any], Ms]]) -> list[Facts]:
        """Policy, time and the newest positions, frozen for this batch."""
        self._policy = self._next
        positions = dict(self._positions)
        return [Facts(recorded_at=at, policy=self._policy, positions=positions) for _, at in commands]

    def decide(self, state: EmsState, command: Command[Any], facts: Facts) -> list[Draft[Any]]:
        """See `tocsin.mission.decide`."""
        return rules.decide(state, command, facts)

    def rescue(self, state: EmsState, command: Command[Any], _: Ms, error: str) -> list[Draft[Any]]:
        """A patient waits for a person, anything else is refused; the dead letter is the owner's."""
        return rules.rescue(state, command, error)

    def evolve(self, state: EmsState, event: Event[Any]) -> None:
        """See `tocsin.mission.evolve`."""
        evolve(state, event)

    def conflicts(self, _: EmsState, __: Command[Any]) -> bool:
        """Never: what comes again under a known id here is a repeat by a relay or a retry."""
        return False

    def exercise(self, state: EmsState, draft: Draft[Any]) -> bool | None:
        """As the draft's mission is, or as what opens it says; units and hospitals belong to no matter."""
        mission = state.missions.get(draft.subject)
        found: bool | None = mission.exercise if mission is not None else getattr(draft.data, "exercise", None)
        return found

    def version(self, state: EmsState, subject: str) -> int:
        """Of a mission, unit or hospital."""
        return version(state, subject)

    def line(self, _: EmsState, __: str) -> str:
        """A mission may serve a call of any line: its events name none."""
        return ""

    def outputs(self, _: EmsState, __: Sequence[Event[Any]]) -> list[Append]:
        """Nothing: what missions cause elsewhere is relayed after the commit (invariant 11)."""
        return []

    def digest(self, state: EmsState) -> bytes:
        """See `tocsin.mission.digest`."""
        return digest(state)
