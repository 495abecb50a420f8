"""Invariants of the domain over random histories in which acts cross, with supervision and the agencies beside.

Each step is one act of a person, an agency, a crew or a caller; then supervision fires what is due, as it holds it. The
acts lean to what crosses: merges and splits of what is under offer, raised, paused, late, asked for or done.
"""

import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.router.orders import orders
from tests.unit.incident.test_replay import act, check
from tests.unit.incident.world import MIN, REGION, World, of, person, policy
from tocsin.codec.wire import decode_value
from tocsin.envelope import Event
from tocsin.incident import commands as cmd
from tocsin.incident import events as ev
from tocsin.incident.clocks import LIVE
from tocsin.incident.fold_tasks import ENDED, RANK
from tocsin.incident.state import Incident, Task
from tocsin.incident.view import Dispatch
from tocsin.supervision.clocks import ClockBook, Firing
from tocsin.supervision.facts import is_fact

AGENCIES = ("nanxian-fire", "nanxian-police", "nanxian-urban", "nanxian-water", "nanxian-hotline", "nanxian-command")
KINDS = ("fire.building", "service.urban", "traffic.damage", "crime.reported")
HOUR, DAY = 60 * MIN, 24 * 60 * MIN
ONCE = (ev.ClockMet, ev.CardRaised, ev.TaskRouted, ev.TaskCompleted, ev.TaskCancelled, ev.TaskReturned)
"""What happens to a limit or a task once at most; a miss that only moved is none."""


class County:
    """An incident's rules with whoever hangs on them: supervision's book, and what each agency was last told."""

    def __init__(self, seed: int) -> None:
        self.world, self.pick = World(), random.Random(seed)
        self.book = ClockBook()
        self.told: dict[str, str] = {}
        self.once: Counter[tuple[str, str]] = Counter()
        self.names: set[str] = set()

    def step(self) -> None:
        """One act, and what falls due by it."""
        self._heard(self._act)
        for f in self.book.due(self.world.now, monotonic_s=len(self.world.events) * 1e6):
            self._heard(lambda f=f: self._fire(f))
        for i in self.world.state.regions[REGION].incidents.values():
            self._holds(i)

    def _fire(self, f: Firing) -> None:
        self.world.do(
            cmd.FireClock(
                incident_id=f.held.incident_id, clock=f.held.clock, clock_id=f.held.clock_id, level=f.level,
                due_at=f.held.due_at,
            )
        )  # fmt: skip
        assert self.world.types() != ["CommandRefused"], f"{f.held.clock_id} is watched and cannot fire"

    def _heard(self, do: Any) -> None:
        before = len(self.world.events)
        do()
        said = self.world.events[before:]
        for e in said:
            if is_fact(e.type, e.command_id):
                self.book.apply(e)
            self._count(e)
        for order in orders(self.world.state, said, policy().kinds, lambda _: None):
            told = decode_value(Dispatch, order.value or b"")
            self.told[told.task_id] = told.action

    def _count(self, e: Event[Any]) -> None:
        d = e.data
        if isinstance(d, ONCE) or (isinstance(d, ev.ClockMissed) and not d.moved):
            name = (e.type, getattr(d, "clock_id", "") or d.task_id)
            self.once[name] += 1
            assert self.once[name] == 1, f"twice: {name}"
        if isinstance(d, ev.ClockStarted) and d.source not in ("merged", "split", "carried over"):
            assert d.clock_id not in self.names, f"a limit's name given twice: {d.clock_id}"
            self.names.add(d.clock_id)

    def _holds(self, i: Incident) -> None:
        for c in i.clocks.values():
            held = self.book.held.get(c.clock_id)
            if c.state in ("running", "paused"):
                assert i.state == "open", f"{c.clock_id} runs in an incident that is {i.state}"
                assert held is not None, f"nobody watches {c.clock_id}"
                assert held.state == c.state, f"{c.clock_id} is {c.state}, and {held.state} to supervision"
                assert c.state == "paused" or held.due_at == c.due_at, f"{c.clock_id} is due at two moments"
        at_work = Counter(t.held_by for t in i.tasks.values() if t.state not in ENDED and t.agency_class != "medical")
        assert not [a for a, n in at_work.items() if n > 1], f"one agency works twice on {i.incident_id}"
        for t in i.tasks.values():
            self._task(i, t)

    def _task(self, i: Incident, t: Task) -> None:
        told = self.told.get(t.task_id)
        limits = [c.clock for c in i.clocks.values() if c.task_id == t.task_id and c.state in LIVE]
        assert len(limits) == len(set(limits)), f"{t.task_id} has two limits for one step: {limits}"
        if t.state in ENDED:
            assert t.state == "completed" or told == "withdraw", f"{t.task_id} is {t.state}, its agency heard {told}"
            assert not t.offered_to or t.state == "completed", f"{t.task_id} is {t.state} and on offer"
            return
        assert told in ("route", "update"), f"{t.task_id} runs, its agency heard {told}"
        assert t.held_by == t.agency, f"{t.task_id} runs with another than it was given to"
        assert (t.state == "routed") == ("acknowledge" in limits), f"{t.task_id} is {t.state} with {limits}"
        assert RANK[t.state] < RANK["dispatched"] or "dispatch" not in limits, f"{t.task_id} is out and has to go out"

    def _act(self) -> None:
        world, pick = self.world, self.pick
        region = world.state.regions.get(REGION)
        if region is None or pick.random() < 0.6:  # the plain acts, and calls, are the larger half
            act(world, pick, REGION)
            return
        still = [i for i in region.incidents.values() if i.state == "open"] or list(region.incidents.values())
        i, other = pick.choice(still), pick.choice(still)
        tasks = [t for t in i.tasks.values() if t.state not in ENDED]
        if tasks and pick.random() < 0.4:
            self._on_task(pick.choice(tasks))
            return
        came: dict[str, list[str]] = {}
        for name, link in i.links.items():
            came.setdefault(link.former, []).append(name)
        acts: list[Any] = [
            cmd.Merge(into=other.incident_id, reason="~r"), cmd.Merge(into=other.incident_id, reason="~r"),
            cmd.Split(call_ids=pick.choice(list(came.values()) or [["x"]])),
            cmd.SetPriority(priority=max(1, i.priority - 1), reason="~r"), cmd.ThreeWay(),
            cmd.Settle(agency=pick.choice(AGENCIES)), cmd.RequestInformation(missing=["x"]), cmd.ProvideInformation(),
            cmd.InformCaller(result="told"), cmd.Close(),
            cmd.Reclassify(kind=pick.choice(KINDS), reason="~r"), cmd.FollowUp(solved=pick.random() < 0.5),
        ]  # fmt: skip
        world.do(pick.choice(acts), i.incident_id, after=pick.choice((0, MIN)))

    def _on_task(self, t: Task) -> None:
        world, pick = self.world, self.pick
        to = pick.choice(AGENCIES)
        acts: list[Any] = [
            cmd.Accept(), cmd.DispatchUnit(unit_ids=[pick.choice("abc")]), cmd.Arrive(), cmd.Complete(result="~r"),
            cmd.Return(code="area"), cmd.GrantReturn(to=pick.choice(("", to))), cmd.RefuseReturn(reason="~r"),
            cmd.Transfer(to=to), cmd.Transfer(to=to), cmd.Decline(reason="~r"), cmd.Pause(reason="~r"), cmd.Resume(),
            cmd.ExtendDeadline(until=world.now + pick.choice((HOUR, 30 * DAY)), reason="~r"), cmd.Cancel(reason="~r"),
        ]  # fmt: skip
        by = pick.choice([person(), of(t.held_by), of(t.offered_to or t.held_by)])
        world.do(pick.choice(acts), t.task_id, by, after=pick.choice((0, 1000, MIN, DAY)))


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_crossing_of_acts_breaks_what_the_domain_promises(seed: int) -> None:
    """After every act: each limit watched as it stands and fired once, each holder told, one task for each."""
    county = County(seed)
    for _ in range(60):
        county.step()
    check(county.world)
