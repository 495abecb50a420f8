"""The rules a partition's owner decides by: those of the router or of ems120, behind one set of functions."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from tocsin.envelope import Command, Draft, Event, Ms
from tocsin.log.port import Append
from tocsin.log.topics import Topic

S = TypeVar("S")
"""A partition's state (several regions): mutable, touched by its owner alone."""
F = TypeVar("F")
"""What `decide` may know beside state and command."""


class Folding(Protocol[S]):
    """The part of a kernel that a fold needs: what replay has, without policy, keys or words (invariant 5)."""

    def initial(self) -> S:
        """The state of a partition before its first event."""

    def evolve(self, state: S, event: Event[Any]) -> None:
        """Takes one event into the state, in place; every event ever written, no policy."""

    def digest(self, state: S) -> bytes:
        """A canonical hash of the state: equal for equal states, whatever order they came about in."""


class Kernel(Folding[S], Protocol[S, F]):
    """The rules of one owner. `decide` and `evolve` are pure: no clock, no chance, no I/O (invariant 4)."""

    @property
    def name(self) -> str:
        """`router`, `ems120`: part of group and transactional ids."""

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """The command topics, the urgent one first; the group is assigned by the first."""

    @property
    def events(self) -> Topic:
        """The event topic: the truth, written by this kernel's owners alone."""

    def policy(self, state: S, region: str) -> str:
        """The hash of the policy in force for a region; stamped on each event, read by no fold."""

    def prepare(self, state: S, commands: Sequence[tuple[Command[Any], Ms]]) -> list[F]:
        """Facts for each command and its record time: may read keys, model and policy; never changes the state."""

    def decide(self, state: S, command: Command[Any], facts: F) -> list[Draft[Any]]:
        """The events a command leads to; at least one, refusals included."""

    def rescue(self, state: S, command: Command[Any], facts_at: Ms, error: str) -> list[Draft[Any]]:
        """What is left where `prepare` or `decide` failed: a human, urgent incident, or a refusal. Must not fail."""

    def conflicts(self, state: S, command: Command[Any]) -> bool:
        """Whether a command under a known id says something else than the one decided: a person's to look at.

        Where True, `decide` is asked although the id is known; its events then stand beside the first answer.
        """

    def exercise(self, state: S, draft: Draft[Any]) -> bool | None:
        """Whether a draft's matter is an exercise, whatever its command says; None where it belongs to none."""

    def version(self, state: S, subject: str) -> int:
        """The present version of an incident, mission or unit; 0 where there is none."""

    def line(self, state: S, subject: str) -> str:
        """The line an incident came on, which the headers of its events name; "" where there is none."""

    def outputs(self, state: S, events: Sequence[Event[Any]]) -> list[Append]:
        """Records for topics that this owner alone writes, in these events' transaction; deterministic from both."""
