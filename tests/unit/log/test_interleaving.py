"""Linking does not depend on how records are cut into batches, nor on how partitions take turns (property tests)."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.router.kernel import RouterKernel
from services.router.policies import Policies
from tocsin.calls.read import parse_call
from tocsin.calls.record import subjects_of, to_record, usable_point
from tocsin.codec.wire import decode_event, encode_command
from tocsin.day.generate import county_day
from tocsin.day.ring import Ring, posted
from tocsin.enrich import Enricher
from tocsin.envelope import Command
from tocsin.incident.commands import ActivatePolicy, RecordCall
from tocsin.log.decider import Decider
from tocsin.log.fold import Fold
from tocsin.log.partition import partition_of
from tocsin.log.port import Record
from tocsin.log.topics import INCIDENT_EVENTS, URGENT
from tocsin.policy.activate import keep_policy
from tocsin.policy.load import load_policy
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring

NOON, PARTITIONS, REGION = 1_775_361_600_000, 7, "430921"


class Border:
    """A border day's calls as records of their partitions; halfway another policy is put in force at home."""

    def __init__(self, folder: Path) -> None:
        given_ = Settings(data_dir=folder)
        self.policies = Policies(folder / "policies", given_.policy_path)
        self.second = folder / "second"
        self.second.mkdir()
        for f in given_.policy_path.iterdir():
            (self.second / f.name).write_bytes(f.read_bytes())
        linking = self.second / "linking.toml"
        linking.write_text(linking.read_text().replace("link_at = 0.72", "link_at = 0.99"))
        other = load_policy(self.second)
        keep_policy(self.second, other, folder)
        self.keyring = Keyring.open(given_)
        self.enricher = Enricher(self.policies.present, tokens=self.keyring.token)
        self.records: dict[int, list[Record]] = {p: [] for p in range(PARTITIONS)}
        rings = county_day(self.policies.present, seed=3, scenario="border", matters=30)
        rings += county_day(self.policies.present, seed=4, scenario="rush", matters=12)
        for n, ring in enumerate(rings):
            if n == len(rings) // 2:
                self._add(Command(command_id="policy:1", region=REGION, data=ActivatePolicy(policy=other.hash)), NOON)
            call = self._call(ring)
            at = NOON + int(ring.at_s * 1000)
            self._add(Command(command_id=f"call:{ring.call_id}", region=call.call.region, data=call), at)
        self.alone = self.played([1] * 400, [])

    def _call(self, ring: Ring) -> RecordCall:
        parsed = parse_call(msgspec.json.encode(posted(ring, day_start_ms=NOON, truth=False)))
        call, where = parsed.call, parsed.call.location
        subjects = subjects_of(call, ring.call_id, self.keyring)
        self.keyring.ensure_now(subjects.all)
        place, flags = self.enricher.locate(
            usable_point(call), where.accuracy_m if where else None, (where.address or "") if where else "",
            call.text or "", "", REGION,
        )  # fmt: skip
        return RecordCall(
            call=to_record(
                parsed, call_id=ring.call_id, subjects=subjects, place=place, seat_region=REGION, flags=flags,
                danger=self.enricher.danger(call.text or ""), now=NOON + int(ring.at_s * 1000), keyring=self.keyring,
            )
        )  # fmt: skip

    def _add(self, command: Command, at: int) -> None:
        p = partition_of(command.region, PARTITIONS)
        value, key = encode_command(command), command.region.encode()
        self.records[p].append(Record(URGENT.name, p, len(self.records[p]), key, value, (), at))

    def played(self, cuts: list[int], turns: list[int]) -> dict[int, list[bytes]]:
        """The events of each partition: `turns` says whose batch is next, `cuts` how many records it takes."""
        kernel = RouterKernel(self.policies, self.keyring, lambda p: Enricher(p, tokens=self.keyring.token))
        kernel._enrichers = dict.fromkeys([self.policies.present.hash], self.enricher)
        folds = {p: Fold(kernel, p) for p in self.records}
        deciders = {
            p: Decider(kernel, f, partitions=PARTITIONS, trust_clock=False, poisoned={}) for p, f in folds.items()
        }
        made: dict[int, list[bytes]] = {p: [] for p in self.records}
        done = dict.fromkeys(self.records, 0)
        step = 0
        while any(done[p] < len(r) for p, r in self.records.items()):
            left = [p for p, r in self.records.items() if done[p] < len(r)]
            p = left[(turns[step % len(turns)] if turns else step) % len(left)]
            size = cuts[step % len(cuts)]
            out = deciders[p].decide(self.records[p][done[p] : done[p] + size])
            assert not out.stages
            done[p] += out.taken
            step += 1
            made[p] += [a.value or b"" for a in out.appends if a.topic == INCIDENT_EVENTS.name]
        return made


@pytest.fixture(scope="module")
def border(tmp_path_factory: pytest.TempPathFactory) -> Border:
    """Made once: sealing a day of calls takes a while."""
    return Border(tmp_path_factory.mktemp("border"))


def test_the_day_holds_what_the_property_is_about(border: Border) -> None:
    """Calls in several partitions, links by rule and suggestions, and two policies in the home region."""
    events = [decode_event(v) for values in border.alone.values() for v in values]
    assert sum(bool(v) for v in border.alone.values()) >= 3
    assert {"CallLinked", "LinkSuggested", "PolicyActivated"} <= {e.type for e in events}
    assert len({e.policy for e in events if e.region == REGION}) == 2


@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=8), turns=st.lists(st.integers(0, 7), max_size=12))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_invariant_5_linking_is_independent_of_batches_and_of_turns(
    border: Border, cuts: list[int], turns: list[int]
) -> None:
    """Any cut into batches, any order of the partitions: the same events to the byte, links and policies with them."""
    assert border.played(cuts, turns) == border.alone
