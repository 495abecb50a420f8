"""Who may see what."""

from pathlib import Path

import pytest

from services.notifier.filters import Filter, Standing, matches
from services.notifier.fold import Entry, Fold
from services.notifier.hub import View, concerns
from services.notifier.present import Presenter
from services.notifier.read import (
    calls_of,
    entries_since,
    get_incident,
    incident_as_of,
    list_incidents,
    positions,
)
from services.notifier.store import Store
from tests.notifier_stage import NOON, PARTITIONS, Region, person
from tocsin.incident import events as ev
from tocsin.incident.show import MEDICAL_HIDDEN
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring
from tocsin.sight import FORGOTTEN, may_see, sight_of


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The sample county."""
    return load_policy(Settings().policy_path)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Keys of its own."""
    return Keyring.open(Settings(data_dir=tmp_path))


class Held:
    """Some incidents folded into a store."""

    def __init__(self, tmp_path: Path, policy: Policy, keyring: Keyring) -> None:
        self.region = Region(keyring)
        self.store = Store(tmp_path / "notifier.db")
        self.fold, self.presenter, self.policy = Fold(self.store), Presenter(policy, keyring), policy
        self.done = 0

    def take(self) -> None:
        """Folds what was told since."""
        self.fold.take(self.region.records[self.done :])
        self.done = len(self.region.records)

    def ids(self, who: Principal, want: Filter | None = None) -> list[str]:
        """What this person's list holds."""
        self.take()
        page = list_incidents(
            self.store, sight_of(who, self.policy), want or Filter(), order="queue", limit=100, cursor=""
        )
        return [f.incident.incident_id for f in page.items]

    def shown(self, who: Principal, incident_id: str) -> dict:
        """The incident as this person sees it."""
        self.take()
        found = get_incident(self.store, incident_id)
        assert found is not None
        sight = sight_of(who, self.policy)
        assert may_see(sight, found.incident.region, found.keys)
        return self.presenter.incident(found.incident, calls_of(self.store, [found.incident]), sight, found.keys)

    def heard(self, who: Principal, *, live: bool) -> list[str]:
        """What this person's stream told, event by event: as it came, or all at once to whoever resumes now."""
        sight = sight_of(who, self.policy)
        entries: list[Entry] = []
        for record in self.region.records[self.done :] if live else ():
            entries += self.fold.take([record]).entries
            self.done += 1
        if not live:
            self.take()
            ends = positions(self.store, PARTITIONS)
            entries = [e for page in entries_since(self.store, (0,) * PARTITIONS, ends) for e in page]
        return [e.event.type for e in entries if concerns(View(sight, Filter()), e)]


@pytest.fixture
def held(tmp_path: Path, policy: Policy, keyring: Keyring) -> Held:
    """An empty read model."""
    return Held(tmp_path, policy, keyring)


def dispatcher(agency: str) -> Principal:
    """A dispatcher of an agency."""
    return Principal("d", "dispatcher", agency=agency)


def test_a_dispatcher_sees_only_incidents_of_the_own_agency(held: Held) -> None:
    """Given a fire and a noise, fire sees the fire, police both, water neither."""
    r = held.region
    fire = r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire", "nanxian-police"])
    noise = r.open(r.call("b", "110", "噪音"), "order.noise", 4, ["nanxian-police"])
    assert held.ids(dispatcher("nanxian-fire")) == [fire]
    assert held.ids(dispatcher("nanxian-police")) == [fire, noise]
    assert held.ids(dispatcher("nanxian-water")) == []


def test_an_agency_that_once_had_a_task_still_sees_that_task(held: Held) -> None:
    """The taker sees from the offer on; called off, one's own task is left, to account for what one did; no more."""
    r = held.region
    one = r.open(r.call("a", "12345", "三栋路灯坏了"), "service.urban", 4, ["nanxian-urban", "nanxian-water"])
    assert held.ids(dispatcher("nanxian-power")) == []
    r.tell(one, ev.TransferOffered(task_id=f"{one}-T1", agency="nanxian-urban", to="nanxian-power"))
    assert held.ids(dispatcher("nanxian-power")) == [one]
    assert held.shown(dispatcher("nanxian-power"), one)["calls"][0]["text"] == "三栋路灯坏了"
    r.tell(one, ev.TaskCancelled(task_id=f"{one}-T1", agency="nanxian-urban"))
    assert held.ids(dispatcher("nanxian-power")) == [], "the offer ended with the task"
    assert held.ids(dispatcher("nanxian-urban")) == [one]
    shown = held.shown(dispatcher("nanxian-urban"), one)
    assert [(t["agency"], t["state"]) for t in shown["tasks"]] == [("nanxian-urban", "cancelled")]
    assert {c["agency"] for c in shown["clocks"]} == {"nanxian-urban"}
    assert (shown["calls"], shown["suggestions"], shown["related"], shown["location"]["point"]) == ([], [], [], None)
    assert not any(word in str(shown) for word in ("路灯", "138****", "新街口", "nanxian-water"))
    assert held.shown(dispatcher("nanxian-water"), one)["calls"][0]["text"] == "三栋路灯坏了"


def test_who_declined_an_offer_sees_the_matter_no_more(held: Held) -> None:
    """The offer is what showed it; declined, it is gone from lists, and nothing further is told of it."""
    r = held.region
    one = r.open(r.call("a", "12345", "路灯坏了"), "service.urban", 4, ["nanxian-urban"])
    offered = ev.TransferOffered(task_id=f"{one}-T1", agency="nanxian-urban", to="nanxian-power")
    declined = ev.TransferDeclined(task_id=f"{one}-T1", agency="nanxian-urban", by="nanxian-power")
    r.tell(one, offered)
    r.tell(one, ev.NoteAdded(text="~between"))
    r.tell(one, declined)
    r.tell(one, ev.NoteAdded(text="~after"))
    power = dispatcher("nanxian-power")
    assert held.heard(power, live=True) == ["TransferOffered", "NoteAdded", "TransferDeclined"]
    assert held.heard(power, live=False) == ["TransferOffered", "TransferDeclined"], "whoever resumes has no part now"
    assert held.ids(power) == []
    r.tell(one, offered)
    assert held.ids(power) == [one], "offered again, it is seen again"


def test_a_transfer_shows_the_giver_its_own_task_and_the_first_receiver_all(held: Held) -> None:
    """Accepted, the giver has no part; who received the call stays responsible, whoever works on it."""
    r = held.region
    calls = [r.call("a", "12345", "路灯坏了"), r.call("b", "119", "起火")]
    order = r.open(calls[0], "service.urban", 4, ["nanxian-urban"])
    fire = r.open(calls[1], "fire.building", 1, ["nanxian-fire"])
    for one, giver in ((order, "nanxian-urban"), (fire, "nanxian-fire")):
        r.tell(
            one, ev.TaskTransferred(task_id=f"{one}-T1", agency=giver, to="nanxian-power", new_task=f"{one}-T9"),
            ev.TaskRouted(task_id=f"{one}-T9", agency="nanxian-power", agency_class="department", role="lead"),
        )  # fmt: skip
        r.tell(one, ev.NoteAdded(text="~after"))
    assert held.heard(dispatcher("nanxian-urban"), live=True)[-1] == "TaskTransferred"
    assert [len(held.shown(dispatcher("nanxian-urban"), order)[k]) for k in ("tasks", "calls")] == [1, 0]
    assert [len(held.shown(dispatcher("nanxian-fire"), fire)[k]) for k in ("tasks", "calls")] == [2, 1]
    assert held.ids(dispatcher("nanxian-power")) == [fire, order]


@pytest.mark.parametrize("live", [True, False])
def test_a_merge_blinds_nobody_whose_work_goes_on(held: Held, live: bool) -> None:
    """Moved, the task is seen in the survivor; the file that is left stays in sight as it was, however batches fall."""
    r = held.region
    one = r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    two = r.open(r.call("b", "120", "胸痛"), "medical.cardiac", 1, ["nanxian-120"])
    joined = ev.TaskJoined(
        task_id=f"{two}-T1", agency="nanxian-120", agency_class="medical", role="joint", state="routed",
        held_by="nanxian-120", merged_from=two,
    )  # fmt: skip
    r.tell(one, joined)
    r.tell(two, ev.IncidentMerged(into=one, tasks=[f"{two}-T1"]))
    held.heard(dispatcher("nanxian-120"), live=live)
    assert set(held.ids(dispatcher("nanxian-120"))) == {one, two}
    assert held.shown(dispatcher("nanxian-120"), one)["calls"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [("call_taker", 2), ("commander", 2), ("hotline", 1), ("supervisor", 2), ("auditor", 2), ("admin", 2),
     ("ems_dispatcher", 0), ("crew", 0), ("monitor", 0)],
)  # fmt: skip
def test_each_role_sees_its_share(held: Held, role: str, expected: int) -> None:
    """A fire and a 12345 matter: desks see the region, the hotline its own, 120 and monitor nothing."""
    r = held.region
    r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    r.open(r.call("b", "12345", "路灯坏了"), "service.urban", 4, ["nanxian-urban"])
    assert len(held.ids(Principal("x", role, unit="nanxian-amb-01"))) == expected  # type: ignore[arg-type]  # parametrized


def test_a_desk_of_another_region_sees_nothing_of_ours(held: Held) -> None:
    """Whole regions, but one's own."""
    r = held.region
    r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    assert held.ids(Principal("x", "call_taker", region="430721")) == []


def test_numbers_are_masked_and_words_clear(held: Held) -> None:
    """138****1234 for everyone; the words for who may see the incident."""
    r = held.region
    one = r.open(r.call("a", "119", "三楼起火"), "fire.building", 1, ["nanxian-fire"])
    call = held.shown(dispatcher("nanxian-fire"), one)["calls"][0]
    assert call["caller"]["number"] == "138****1234"
    assert call["text"] == "三楼起火"
    assert "13800001234" not in str(held.shown(Principal("x", "commander"), one))


def test_a_confidential_caller_is_unseen_outside_the_first_receiver(held: Held) -> None:
    """The hotline took the call and sees who rang; department and supervisor see neither number nor name."""
    r = held.region
    one = r.open(r.call("a", "12345", "举报占道", confidential=True), "service.urban", 4, ["nanxian-urban"])
    assert held.shown(Principal("h", "hotline"), one)["calls"][0]["caller"]["number"] == "138****1234"
    for who in (dispatcher("nanxian-urban"), Principal("s", "supervisor"), Principal("c", "call_taker")):
        shown = held.shown(who, one)
        assert shown["calls"][0]["caller"] == {"number": "", "name": ""}
        assert "王小明" not in str(shown)


def test_a_kind_that_is_confidential_hides_every_caller_of_it(held: Held) -> None:
    """Domestic violence: the ambulance that goes along sees no caller and reveals none; the first receiver does."""
    r = held.region
    record = r.call("a", "110", "他在打我")
    one = r.open(record, "crime.domestic", 1, ["nanxian-fire", "nanxian-120"])  # this stage's first receiver is fire
    for agency, seen in (("nanxian-fire", True), ("nanxian-120", False)):
        assert bool(held.shown(dispatcher(agency), one)["calls"][0]["caller"]["number"]) is seen
        found = get_incident(held.store, one)
        assert found is not None
        hidden = held.presenter.hides(record, found.incident, sight_of(dispatcher(agency), held.policy))
        assert hidden is not seen


def test_words_of_patients_are_seen_in_120_roles_only(held: Held) -> None:
    """A 120 call linked to a crash: traffic and supervisor see that it is there, not what it says."""
    r = held.region
    one = r.open(r.call("a", "122", "两车相撞"), "traffic.injury", 1, ["nanxian-traffic", "nanxian-120"])
    r.link(one, r.call("b", "120", "伤者有心脏病史"))
    assert held.shown(Principal("e", "ems_dispatcher"), one)["calls"][1]["text"] == "伤者有心脏病史"
    assert held.shown(dispatcher("nanxian-120"), one)["calls"][1]["text"] == "伤者有心脏病史"
    for who in (dispatcher("nanxian-traffic"), Principal("s", "supervisor"), Principal("a", "admin")):
        shown = held.shown(who, one)
        assert shown["calls"][1]["text"] == MEDICAL_HIDDEN
        assert "心脏" not in str(shown)
        events = [held.presenter.data(e, sight_of(who, held.policy), "nanxian-traffic") for e in told(held)]
        assert "心脏" not in str(events)


def told(held: Held) -> list:
    """Everything told so far, decoded."""
    from tocsin.codec.wire import decode_event  # noqa: PLC0415 - only here

    return [decode_event(r.value or b"") for r in held.region.records]


def test_a_destroyed_key_shows_as_forgotten(held: Held, keyring: Keyring) -> None:
    """The incident stays; the words and the caller are gone."""
    r = held.region
    one = r.open(r.call("a", "119", "三楼起火"), "fire.building", 1, ["nanxian-fire"])
    keyring.destroy("a")
    call = held.shown(dispatcher("nanxian-fire"), one)["calls"][0]
    assert call["text"] == FORGOTTEN
    assert call["caller"]["number"] == ""


def test_an_incident_is_shown_as_it_was(held: Held) -> None:
    """`as_of` folds the events recorded until then and no later one."""
    r = held.region
    one = r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    before = r.now - 500
    r.tell(
        one, ev.TaskAcknowledged(task_id=f"{one}-T1", agency="nanxian-fire"), actor=person("dispatcher", "nanxian-fire")
    )
    held.take()
    past = incident_as_of(held.store, one, before)
    assert past is not None
    assert past.tasks[f"{one}-T1"].state == "routed"
    present = get_incident(held.store, one)
    assert present is not None
    assert present.incident.tasks[f"{one}-T1"].state == "acknowledged"
    assert incident_as_of(held.store, one, NOON - 1) is None


def test_filters_choose_and_pages_hold_each_incident_once(held: Held) -> None:
    """Priority, class, exercise; a walk by cursor meets every incident exactly once, in queue order.

    A cursor of the other order is refused: it would end the list in the midst, as if there were no more.
    """
    r = held.region
    for n in range(7):
        call = r.call(f"c{n}", "119", "起火", exercise=n == 6)
        r.open(call, "fire.building" if n % 2 else "fire.vegetation", 1 if n % 2 else 2, ["nanxian-fire"])
    admin = Principal("a", "admin")
    assert len(held.ids(admin, Filter(priority=1))) == 3
    assert len(held.ids(admin, Filter(exercise=True))) == 1
    assert len(held.ids(admin, Filter(agency_class="fire", state="open"))) == 7
    assert held.ids(admin, Filter(agency="nanxian-police")) == []
    sight, seen, cursor = sight_of(admin, held.policy), [], ""
    while True:
        page = list_incidents(held.store, sight, Filter(), order="queue", limit=2, cursor=cursor)
        seen += [(f.incident.priority, f.incident.opened_at) for f in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert len(seen) == 7
    assert seen == sorted(seen)
    for order, other in (("queue", "newest"), ("newest", "queue")):
        first = list_incidents(held.store, sight, Filter(), order=order, limit=2, cursor="")
        with pytest.raises(Problem) as refused:
            list_incidents(held.store, sight, Filter(), order=other, limit=2, cursor=first.next_cursor or "")
        assert (refused.value.status, refused.value.code) == (422, "cursor_invalid")


def test_what_leaves_a_filtered_list_is_still_heard_of() -> None:
    """An event that closes an open incident matches `state=open` by what stood before it."""
    closing = (Standing("open", 1), Standing("closed", 1))
    common = {"region": "430921", "exercise": False, "keys": frozenset({"class:fire"})}
    assert matches(Filter(state="open"), standings=closing, **common)
    assert matches(Filter(state="closed"), standings=closing, **common)
    assert not matches(Filter(state="merged"), standings=closing, **common)
    assert not matches(Filter(priority=2), standings=closing, **common)


def test_a_store_of_another_shape_is_folded_anew(tmp_path: Path, held: Held) -> None:
    """The file of another schema version is thrown away with its positions, so that the log is read from its start."""
    r = held.region
    r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    held.take()
    held.store.writer.execute("UPDATE meta SET value = 'older'")
    held.store.close()
    fresh = Store(tmp_path / "notifier.db")
    assert Fold(fresh).positions() == {}
    assert fresh.writer.execute("SELECT count(*) FROM incidents").fetchone() == (0,)
    fresh.close()


def test_a_repeated_batch_changes_nothing(held: Held) -> None:
    """Rows and positions move together; what a reader is given twice after a crash it may fold only once."""
    r = held.region
    one = r.open(r.call("a", "119", "起火"), "fire.building", 1, ["nanxian-fire"])
    held.take()
    again = held.fold.take(r.records)
    assert again.entries == []
    found = get_incident(held.store, one)
    assert found is not None
    assert found.incident.version == 4
    assert held.fold.positions() == {("tocsin.incident.events.v1", r.records[-1].partition): len(r.records)}
