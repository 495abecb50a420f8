"""The real rules behind the owner: batches, replay, orders to agencies, and what is relayed elsewhere."""

from pathlib import Path

import msgspec
import pytest

from services.router.causes import Causes
from services.router.kernel import RouterKernel
from services.router.orders import fitting
from services.router.policies import Policies
from tocsin.calls.read import parse_call
from tocsin.calls.record import subjects_of, to_record, usable_point
from tocsin.codec.peek import EventHead
from tocsin.codec.wire import decode_command, decode_event, decode_value, encode_command
from tocsin.day.generate import county_day
from tocsin.day.ring import Ring, posted
from tocsin.enrich import Enricher
from tocsin.envelope import Command
from tocsin.incident.commands import RecordCall
from tocsin.incident.events import CallRecorded, OutcomeReturned
from tocsin.incident.view import CallerView, CallView, Dispatch, IncidentView, KindView, LinkView, LocationView
from tocsin.log.decider import EVENT_ROOM, Decided, Decider
from tocsin.log.fold import Fold
from tocsin.log.partition import partition_of
from tocsin.log.port import Record
from tocsin.log.topics import DISPATCH, EMS_COMMANDS, INCIDENT_EVENTS, RECORD_MAX, SUPERVISION_FACTS, URGENT
from tocsin.mission.commands import OpenMission
from tocsin.replay import IncidentFold
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring

NOON = 1_775_361_600_000
REGION = "430921"
HOME = partition_of(REGION, 6)


class County:
    """The sample county's rules and calls of a seeded day, as records of one partition."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder)
        self.policies = Policies(folder / "policies", settings.policy_path)
        self.keyring = Keyring.open(settings)
        self.enricher = Enricher(self.policies.present, tokens=self.keyring.token)
        self.kernel = RouterKernel(self.policies, self.keyring, lambda _: self.enricher)
        rings = county_day(self.policies.present, seed=5, matters=60)
        found = [self._record(i, ring) for i, ring in enumerate(rings)]
        self.records = [r for r in found if r.key == REGION.encode()]

    def _record(self, offset: int, ring: Ring) -> Record:
        parsed = parse_call(msgspec.json.encode(posted(ring, day_start_ms=NOON, truth=False)))
        call, where = parsed.call, parsed.call.location
        subjects = subjects_of(call, ring.call_id, self.keyring)
        self.keyring.ensure_now(subjects.all)
        address = (where.address or "") if where else ""
        accuracy = where.accuracy_m if where else None
        place, flags = self.enricher.locate(usable_point(call), accuracy, address, call.text or "", "", REGION)
        record = to_record(
            parsed, call_id=ring.call_id, subjects=subjects, place=place, seat_region=REGION, flags=flags,
            danger=self.enricher.danger(call.text or ""), now=NOON + int(ring.at_s * 1000), keyring=self.keyring,
        )  # fmt: skip
        command = Command(command_id=f"call:{ring.call_id}", region=record.region, data=RecordCall(call=record))
        value = encode_command(command)
        return Record(URGENT.name, HOME, offset, record.region.encode(), value, (), NOON + int(ring.at_s * 1000))

    def decide(self, batch: int) -> tuple[Fold, list[Decided]]:
        """All records, so many at a time."""
        fold = Fold(self.kernel, HOME)
        decider = Decider(self.kernel, fold, partitions=6, trust_clock=False, poisoned={})
        return fold, [decider.decide(self.records[i : i + batch]) for i in range(0, len(self.records), batch)]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    """Made once: sealing a day of calls takes a while."""
    return County(tmp_path_factory.mktemp("county"))


def values(decided: list[Decided], topic: str) -> list[bytes]:
    """Record values for a topic, in order."""
    return [a.value or b"" for out in decided for a in out.appends if a.topic == topic]


def test_invariant_5_the_batch_size_changes_no_byte_of_the_log(county: County) -> None:
    """One call at a time or all at once: the same events to the byte, hence the same ids, versions, chain and state."""
    one, ones = county.decide(1)
    many, manies = county.decide(100)
    assert values(ones, INCIDENT_EVENTS.name) == values(manies, INCIDENT_EVENTS.name)
    assert one.standing() == many.standing()
    assert not [s for out in ones for s in out.stages]


def test_invariant_5_replay_needs_neither_policy_nor_keys(county: County) -> None:
    """The fold of the bytes alone has the hash of the state that decided."""
    live, decided = county.decide(20)
    again = Fold(IncidentFold(), HOME)
    for value in values(decided, INCIDENT_EVENTS.name):
        again.take(decode_event(value), value)
    assert again.standing() == live.standing()


def test_every_task_is_ordered_on_the_topic_of_its_class_in_the_regions_partition(county: County) -> None:
    """One route order for each TaskRouted, keyed by agency, with the incident as the agency sees it."""
    _, decided = county.decide(20)
    routed = {
        e.data.task_id: e for out in decided for e in out.events if e.type == "TaskRouted"
    }  # fmt: skip
    ordered: dict[str, Dispatch] = {}
    for agency_class, topic in DISPATCH.items():
        for out in decided:
            for a in out.appends:
                if a.topic != topic.name:
                    continue
                order: Dispatch = decode_value(Dispatch, a.value or b"")
                assert a.partition == HOME
                assert a.key == order.agency.encode()
                if order.action == "route":
                    assert order.task_id not in ordered
                    assert routed[order.task_id].data.agency_class == agency_class
                    ordered[order.task_id] = order
    assert set(ordered) == set(routed)
    assert all(o.incident.incident_id == o.incident_id for o in ordered.values())


def test_medical_tasks_open_missions_and_facts_keep_their_bytes(county: County) -> None:
    """A relay's ids follow from the event's, so relaying twice sends the same command; facts are copied unchanged."""
    fold, decided = county.decide(20)
    causes = Causes(6, lambda: county.policies.present, Clock())
    opened: set[str] = set()
    for i, value in enumerate(values(decided, INCIDENT_EVENTS.name)):
        event, record = EventHead(value), Record(INCIDENT_EVENTS.name, HOME, i, None, value, (), NOON)
        sent = [a for cause in causes.all() for a in cause(fold.state, event, record)]
        assert sent == [a for cause in causes.all() for a in cause(fold.state, event, record)]
        for a in sent:
            if a.topic == EMS_COMMANDS.name and isinstance(command := decode_command(a.value or b"").data, OpenMission):
                opened.add(command.task_id)
            assert a.topic != SUPERVISION_FACTS.name or a.value == value
    medical = {
        e.data.task_id for out in decided for e in out.events
        if e.type == "TaskRouted" and e.data.agency_class == "medical"
    }  # fmt: skip
    assert medical
    assert opened == medical


def test_every_event_of_an_incident_names_its_line(county: County) -> None:
    """`tocsin_line` parts the lines for a consumer that reads headers alone: no event of an incident lacks it."""
    fold, decided = county.decide(20)
    for out in decided:
        found = [a for a in out.appends if a.topic == INCIDENT_EVENTS.name]
        for event, append in zip(out.events, found, strict=True):
            said = dict(append.headers).get("tocsin_line", b"").decode()
            own = (
                event.data.call.line
                if isinstance(event.data, CallRecorded)
                else county.kernel.line(fold.state, event.subject)
            )
            assert said == own, event.type
            assert said or not event.subject


def test_an_outcome_is_sent_to_the_first_receiver(county: County) -> None:
    """On the topic of its class, keyed by it, although it holds no task: the task that ended, as it stands."""
    fold, decided = county.decide(20)
    routed = next(
        e for out in decided for e in out.events
        if e.type == "TaskRouted" and e.data.agency not in ("nanxian-hotline", "nanxian-120")
    )  # fmt: skip
    event = msgspec.structs.replace(
        routed,
        data=OutcomeReturned(
            to="nanxian-hotline", to_class="department", task_id=routed.data.task_id, agency=routed.data.agency,
            disposition="handled",
        ),
    )  # fmt: skip
    sent = [a for a in county.kernel.outputs(fold.state, [event]) if a.key == b"nanxian-hotline"]
    [order] = [decode_value(Dispatch, a.value or b"") for a in sent]
    assert (sent[0].topic, order.task_id, order.action) == (DISPATCH["department"].name, routed.data.task_id, "update")
    assert order.incident.incident_id == event.subject


@pytest.mark.parametrize(("count", "words"), [(20, "火" * 21_000), (12_000, "停电了"), (1, "火" * 21_000)])
def test_an_order_always_fits_a_record(count: int, words: str) -> None:
    """A storm's thousands of callers, or long words of many: the agency is still sent its task, and told of the cut."""
    calls = [
        CallView(call_id=f"storm-{n}", line="119", text=words, caller=CallerView(number="138****1234", name="王某"),
                 link=LinkView(score=0.9, decided_by="rule", reasons={"distance": 0.98, "time": 0.5}))
        for n in range(count)
    ]  # fmt: skip
    view = IncidentView(
        incident_id="430921-20260405-000001", region=REGION, state="open", version=9, calls=calls, priority=1,
        kind=KindView(code="fire.building", label="建筑火灾"), location=LocationView(), opened_at=NOON, updated_at=NOON,
    )  # fmt: skip
    value = fitting(view)
    assert len(value) < RECORD_MAX - EVENT_ROOM
    shown: IncidentView = decode_value(IncidentView, value)
    assert shown.calls[0].call_id == "storm-0"
    assert shown.calls[-1].call_id == f"storm-{count - 1}"
    assert ("calls_shortened" in shown.flags) == (count > 1)
