"""The worst single decision of a storm, with everything on: words understood, linked, routed, stamped, ordered."""

import tempfile
import time
from pathlib import Path

import msgspec

from services.router.kernel import RouterKernel
from services.router.policies import Policies
from tocsin.bench.calls import keyring_in
from tocsin.bench.figure import Figure, figure
from tocsin.calls import parse_call, to_record
from tocsin.calls.record import subjects_of, usable_point
from tocsin.codec.wire import encode_command
from tocsin.day.generate import county_day
from tocsin.day.ring import Ring, posted
from tocsin.enrich import Enricher
from tocsin.envelope import Command
from tocsin.incident.commands import RecordCall
from tocsin.incident.state import PartitionState
from tocsin.log.decider import Decider
from tocsin.log.fold import Fold
from tocsin.log.partition import partition_of
from tocsin.log.port import Record
from tocsin.log.topics import URGENT
from tocsin.policy.model import Policy
from tocsin.runtime.lifecycle import quiet_collector
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring

_MATTERS = 1_000
"""Gives about 3,500 calls, half of them within the storm's hours."""
_DAY_START_MS = 1_775_318_400_000
_WORST_MS = 20.0
"""The issue's bound for one decision, whatever stands around it."""


def storm_figures(policy: Policy) -> list[Figure]:
    """The longest of all single decisions of a storm day, decoded to encoded, the collector set as in the service."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = keyring_in(Path(folder))
        enricher = Enricher(policy, tokens=keyring.token)
        policies = Policies(Path(folder) / "policies", Settings().policy_path)
        rings = county_day(policy, seed=7, scenario="storm", matters=_MATTERS)
        records = [r for n, ring in enumerate(rings) if (r := _record(n, ring, policy, enricher, keyring)) is not None]
        kernel = RouterKernel(policies, keyring, lambda _: enricher)
        took, spent = _each(Decider(kernel, Fold(kernel, 0), partitions=1, trust_clock=False, poisoned={}), records)
    took.sort()
    worst, middle, rare = took[-1], took[len(took) // 2], took[int(len(took) * 0.999)]
    note = f"{len(took):,} decisions of a storm day; p50 {middle:.2f} ms, p99.9 {rare:.2f} ms; "
    note += f"worst by processor time {max(spent):.2f} ms"
    return [
        figure(
            "worst single decision", "ms", worst, peer=_WORST_MS, peer_name="limit", at_most=_WORST_MS, note=note
        )
    ]  # fmt: skip


def _each(decider: Decider[PartitionState], records: list[Record]) -> tuple[list[float], list[float]]:
    """Milliseconds of each record by itself: as they passed, and as this thread worked."""
    quiet_collector()  # as the router's process does
    took, spent = [], []
    for record in records:
        began, worked = time.perf_counter(), time.thread_time()
        decider.decide([record])
        took.append((time.perf_counter() - began) * 1000)
        spent.append((time.thread_time() - worked) * 1000)
    return took, spent


def _record(n: int, ring: Ring, policy: Policy, enricher: Enricher, keyring: Keyring) -> Record | None:
    """A call as intake writes it; None for one that is another region's."""
    parsed = parse_call(msgspec.json.encode(posted(ring, day_start_ms=_DAY_START_MS, truth=False)))
    call, where, at = parsed.call, parsed.call.location, _DAY_START_MS + int(ring.at_s * 1000)
    subjects = subjects_of(call, ring.call_id, keyring)
    keyring.ensure_now(subjects.all)
    home, text = policy.default_region, call.text or ""
    address, accuracy = ((where.address or "") if where else "", where.accuracy_m if where else None)
    place, flags = enricher.locate(usable_point(call), accuracy, address, text, "", home)
    if place.region != home:
        return None
    record = to_record(
        parsed, call_id=ring.call_id, subjects=subjects, place=place, seat_region=home, flags=flags,
        danger=enricher.danger(text), now=at, keyring=keyring,
    )  # fmt: skip
    command = Command(command_id=f"call:{ring.call_id}", region=home, data=RecordCall(call=record), issued_at=at)
    return Record(URGENT.name, partition_of(home, 1), n, home.encode(), encode_command(command), (), at)
