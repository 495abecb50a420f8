"""The router's kernel: enrich → decide → evolve → dispatch orders. A call's pipeline, readable in one place."""

from collections.abc import Callable, Sequence
from typing import Any

from services.router.orders import orders
from services.router.policies import Policies
from tocsin.calls import read_words
from tocsin.enrich import Enricher
from tocsin.envelope import Command, Draft, Event, Ms
from tocsin.incident.commands import ActivatePolicy, RecordCall
from tocsin.incident.decide import decide
from tocsin.incident.digest import digest
from tocsin.incident.evolve import evolve
from tocsin.incident.rescue import rescue
from tocsin.incident.state import Facts, PartitionState, is_exercise
from tocsin.incident.values import CallRecord, Understanding
from tocsin.log.port import Append
from tocsin.log.topics import INCIDENT_EVENTS, ROUTINE, URGENT, Topic
from tocsin.policy.model import Policy
from tocsin.sealing.keyring import Keyring


class RouterKernel:
    """See `Kernel`. `enricher` makes the reader of calls for a policy; both are kept by the policy's hash."""

    name = "router"
    inputs: tuple[Topic, ...] = (URGENT, ROUTINE)
    events = INCIDENT_EVENTS
    evolve = staticmethod(evolve)

    def __init__(self, policies: Policies, keyring: Keyring, enricher: Callable[[Policy], Enricher]) -> None:
        self._policies, self._keyring, self._make = policies, keyring, enricher
        self._enrichers: dict[str, Enricher] = {}
        self._clear: dict[str, str | None] = {}

    def _in_force(self, state: PartitionState, region: str) -> Policy:
        known = state.regions.get(region)
        return self._policies.get(known.policy if known is not None else "")

    def policy(self, state: PartitionState, region: str) -> str:
        """See `Kernel`."""
        return self._in_force(state, region).hash

    def initial(self) -> PartitionState:
        """See `Kernel`."""
        return PartitionState()

    def prepare(self, state: PartitionState, commands: Sequence[tuple[Command[Any], Ms]]) -> list[Facts]:
        """See `Kernel`: unseals each call's words and says what was understood; clear until the next batch comes."""
        self._clear.clear()
        self._keyring.load(c.data.call.private for c, _ in commands if isinstance(c.data, RecordCall))
        return [self._facts(self._in_force(state, c.region), c, at) for c, at in commands]

    def _facts(self, policy: Policy, command: Command[Any], at: Ms) -> Facts:
        if isinstance(command.data, ActivatePolicy):
            return Facts(at, policy, unkept=bool(command.data.policy) and not self._policies.has(command.data.policy))
        call = command.data.call if isinstance(command.data, RecordCall) else None
        return Facts(at, policy, None if call is None else self._understand(policy, call))

    def _understand(self, policy: Policy, call: CallRecord) -> Understanding:
        enricher = self._enrichers.get(policy.hash)
        if enricher is None:
            enricher = self._enrichers[policy.hash] = self._make(policy)
        words = read_words(self._unsealed(call.private)) if call.private else None
        text = words.text if words is not None else ""
        found: Understanding = enricher.understand_call(
            call, text, has_address=bool(words is not None and words.address)
        )
        return found

    def _unsealed(self, token: str) -> str | None:
        """The words, opened once in a batch: for understanding and for the orders alike."""
        if token in self._clear:
            return self._clear[token]
        found = self._clear[token] = self._keyring.unseal(token)
        return found

    def decide(self, state: PartitionState, command: Command[Any], facts: Facts) -> list[Draft[Any]]:
        """See `Kernel`. A policy put in force earlier in the same batch holds: batches of any size decide alike."""
        policy = self._in_force(state, command.region)
        if facts.policy is not policy:
            facts = self._facts(policy, command, facts.recorded_at)
        return decide(state, command, facts)

    def rescue(self, state: PartitionState, command: Command[Any], facts_at: Ms, error: str) -> list[Draft[Any]]:
        """See `Kernel`."""
        return rescue(state, command, facts_at, error, self._in_force(state, command.region))

    def conflicts(self, state: PartitionState, command: Command[Any]) -> bool:
        """See `Kernel`: a call's id with another body than the one recorded under it."""
        if not isinstance(command.data, RecordCall):
            return False
        region = state.regions.get(command.region)
        known = region.calls.get(command.data.call.call_id) if region is not None else None
        return known is not None and known.record.body_hash != command.data.call.body_hash

    def exercise(self, state: PartitionState, draft: Draft[Any]) -> bool | None:
        """See `Kernel`: as its incident is, or as the call that opens it is."""
        return is_exercise(state, draft)

    def version(self, state: PartitionState, subject: str) -> int:
        """See `Kernel`."""
        return state.version(subject)

    def line(self, state: PartitionState, subject: str) -> str:
        """See `Kernel`."""
        region = state.regions.get(subject[:6])
        incident = region.incidents.get(subject) if region is not None else None
        return incident.line if incident is not None else ""

    def outputs(self, state: PartitionState, events: Sequence[Event[Any]]) -> list[Append]:
        """See `Kernel`: the dispatch orders."""
        return orders(state, events, self._policies.get(events[0].policy).kinds, self._unsealed)

    def digest(self, state: PartitionState) -> bytes:
        """See `Kernel`."""
        return digest(state)
