"""The parts of deciding without a log: enrich, decide with evolve and stamping, and what open incidents weigh."""

import gc
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from services.router.kernel import RouterKernel
from services.router.policies import Policies
from tocsin.bench.calls import Made, keyring_in, made_calls
from tocsin.bench.figure import Figure, figure
from tocsin.bench.peers import Bare
from tocsin.enrich import Enricher
from tocsin.envelope import Event
from tocsin.incident.state import PartitionState
from tocsin.incident.values import CallRecord, Understanding
from tocsin.log.decider import Decider
from tocsin.log.fold import Fold
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, Record
from tocsin.log.topics import URGENT
from tocsin.policy.model import Policy
from tocsin.runtime.lifecycle import quiet_collector
from tocsin.sealing import Keyring

_CALLS = 20_000
_BATCH = 500
_OPEN = 100_000


def _records(made: Made) -> list[Record]:
    """As the log has them on an ordinary day: each appended when it was received."""
    partition = partition_of(made.commands[0].region, 1)
    return [
        Record(URGENT.name, partition, n, None, v, (), c.data.call.received_at or c.issued_at)
        for n, (c, v) in enumerate(zip(made.commands, made.values, strict=True))
        if c.region == made.commands[0].region
    ]


class _Enriched(RouterKernel):
    """Fed enriched calls: what was understood is there before the clock starts. Deciding alone, no dispatch orders."""

    def __init__(self, policies: Policies, keyring: Keyring, known: dict[str, Understanding]) -> None:
        super().__init__(policies, keyring, Enricher)
        self._known = known

    def _understand(self, policy: Policy, call: CallRecord) -> Understanding:  # noqa: ARG002 - the kernel's signature
        return self._known[call.call_id]

    def outputs(self, state: PartitionState, events: Sequence[Event[Any]]) -> list[Append]:  # noqa: ARG002 - see above
        """None."""
        return []


def _decided(kernel: RouterKernel, fold: Fold[PartitionState], records: list[Record]) -> tuple[float, int, float]:
    """Seconds, events and the slowest batch's mean seconds a call."""
    quiet_collector()  # as the router's process does
    decider = Decider(kernel, fold, partitions=1, trust_clock=False, poisoned={})
    events, worst = 0, 0.0
    began = time.perf_counter()
    for i in range(0, len(records), _BATCH):
        batch = records[i : i + _BATCH]
        at = time.perf_counter()
        while batch:
            out = decider.decide(batch)
            events += len(out.events)
            batch = batch[out.taken :]
        worst = max(worst, (time.perf_counter() - at) / _BATCH)
    return time.perf_counter() - began, events, worst


def enrich_figures(policy: Policy) -> list[Figure]:
    """Microseconds to understand and place one call of the made-up mix (about 20 characters) and of 60 characters."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = keyring_in(Path(folder))
        made = made_calls(policy, keyring, count=4_000, prefix="enrich", spread=False)
    enricher = Enricher(policy)
    long = [
        (t + "，麻烦你们快点派人过来看一下，我在路边等着，旁边还有几个邻居也看到了，电话不要挂")[:60]
        for t in made.texts
    ]
    figures: list[Figure] = []
    for name, texts in (("", made.texts), (", 60 characters", long)):
        began = time.perf_counter()
        for line, text in zip(made.lines, texts, strict=True):
            enricher.understand(line, "voice", text)
            enricher.locate(None, None, "", text, "", policy.default_region)
        micros = (time.perf_counter() - began) / len(texts) * 1e6
        figures.append(
            figure(
                f"enrich a call{name}", "us", micros, peer=150, peer_name="limit", at_most=150, note="words and place"
            )
        )
    return figures


def decider_figures(policy: Policy, *, bare: Bare) -> list[Figure]:
    """Calls a second through decode, decide, evolve, stamp and encode; `bare` is the pass-through of the same run."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = keyring_in(Path(folder))
        made = made_calls(policy, keyring, count=_CALLS, prefix="decide")
        enricher = Enricher(policy)
        known = {
            c.data.call.call_id: enricher.understand(c.data.call.line, "voice", t)
            for c, t in zip(made.commands, made.texts, strict=True)
        }
        kernel = _Enriched(Policies(Path(folder) / "policies", _directory()), keyring, known)
        records = _records(made)
        seconds, events, worst = _decided(kernel, Fold(kernel, records[0].partition), records)
    rate = len(records) / seconds
    each = f"{events / len(records):.1f} events a call, {events / seconds:,.0f} events/s"
    note = f"{each}; worst batch {worst * 1e6:,.0f} us a call"
    return [
        figure(
            "decider alone", "calls/s", rate, peer=bare.by_send, peer_name="bare transactional pass-through",
            at_least=10_000, ratio_at_least=0.4, note=f"{note}; {bare.note}",
        )
    ]  # fmt: skip


def memory_figures(policy: Policy) -> list[Figure]:
    """What 100,000 open incidents weigh in an owner, and how long one more decision takes among them."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = keyring_in(Path(folder))
        made = made_calls(policy, keyring, count=10_000, prefix="weigh")
        kernel = RouterKernel(Policies(Path(folder) / "policies", _directory()), keyring, Enricher)
        fold = Fold(kernel, 0)
        process = psutil.Process()
        gc.collect()
        before = process.memory_info().rss
        seconds, _, _ = _decided(kernel, fold, _records(made))
        first = seconds / len(made.commands)
        opened = sum(len(r.incidents) for r in fold.state.regions.values())
        gc.collect()
        each = (process.memory_info().rss - before) / max(opened, 1)
    gib = each * _OPEN / 2**30
    note = f"{each / 1024:.1f} KiB each, by {opened} opened; {first * 1e6:,.0f} us a decision with orders"
    return [figure("100,000 open incidents", "GiB", gib, peer=1.0, peer_name="limit", at_most=1.0, note=note)]


def _directory() -> Path:
    from tocsin.runtime.settings import Settings  # noqa: PLC0415 - the one place that needs where the policy stood

    return Settings().policy_path
