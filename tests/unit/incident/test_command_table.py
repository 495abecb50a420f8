"""The contract's table of commands, row by row: given, when, then; and that no cell of it is left out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.unit.incident.world import MIN, World, east, finish, of, person
from tocsin.envelope import Actor
from tocsin.incident import commands as cmd
from tocsin.incident.state import Incident

TABLE = {
    "link_call": ("CallLinked", "cross_region"), "unlink_call": ("CallUnlinked IncidentOpened", "not_linked"),
    "dismiss_suggestion": ("LinkDismissed", "illegal_step"), "merge": ("IncidentMerged", "cross_region"),
    "split": ("IncidentSplit", "cross_region"), "relate": ("IncidentsRelated", ""),
    "reclassify": ("Reclassified TaskRouted", "reason_required"),
    "set_priority": ("PriorityChanged", "reason_required"),
    "correct_location": ("LocationCorrected", "reason_required"), "route": ("TaskRouted", "illegal_step"),
    "request_information": ("InformationRequested ClockPaused", "already_asked"), "note": ("NoteAdded", ""),
    "supervise": ("SupervisionOrdered", ""), "inform_caller": ("CallerInformed", ""),
    "follow_up": ("FollowedUp TaskRouted", "illegal_step"),
    "close": ("IncidentClosed", "task_open caller_not_told reason_required"),
    "reopen": ("IncidentReopened", "reason_required"), "close_call": ("CallClosed", "callback_required not_allowed"),
    "acknowledge": ("TaskAcknowledged ClockMet", "illegal_step not_your_task"),
    "accept": ("TaskAcknowledged TaskAccepted TaskTransferred", "illegal_step not_your_task"),
    "dispatch_unit": ("UnitsDispatched", "illegal_step not_your_task"),
    "arrive": ("TaskArrived", "illegal_step not_your_task"), "feedback": ("TaskFeedback", "illegal_step not_your_task"),
    "complete": ("TaskCompleted", "illegal_step not_your_task result_required"),
    "return": ("ReturnRequested", "too_late reason_required"), "grant_return": ("TaskReturned", "not_your_task"),
    "refuse_return": ("ReturnRefused", "reason_required"), "transfer": ("TransferOffered TaskTransferred", ""),
    "decline": ("TransferDeclined", "not_your_task"), "cancel": ("TaskCancelled", "too_late reason_required"),
    "pause": ("ClockPaused", "too_late reason_required"), "resume": ("ClockResumed", ""),
    "extend_deadline": ("DeadlineExtended", "too_late reason_required"),
}  # fmt: skip
"""Command: the events it leaves, the codes it is refused with."""
FIRE, URBAN, WATER = of("nanxian-fire"), of("nanxian-urban"), of("nanxian-water")
DAY = 24 * 60 * MIN
A_REASON: dict[str, Any] = {"reason": "~r"}


class Given(NamedTuple):
    """What a command acts on after its story, and who sends it."""

    target: str
    by: Actor = person()


Story = Callable[[World], Given]


def blaze(by: Actor = FIRE, *steps: cmd.Act, then: int = 0, task: bool = True) -> Story:
    """A fire, and what its task or itself went through already."""

    def told(w: World) -> Given:
        i = w.call()
        target = f"{i.incident_id}-T1" if task else i.incident_id
        for step in steps:
            w.do(step, target)
        w.now += then
        return Given(target, by)

    return told


def order(by: Actor = URBAN, *steps: cmd.Act, then: int = 0, task: bool = True) -> Story:
    """A 12345 work order, likewise."""

    def told(w: World) -> Given:
        i = w.call("service.urban", line="12345")
        target = f"{i.incident_id}-T1" if task else i.incident_id
        for step in steps:
            w.do(step, target, URBAN)
        w.now += then
        return Given(target, by)

    return told


def two(w: World) -> Given:
    """Fires 150 m and ten minutes apart: `c2` is suggested to the first."""
    first = w.call()
    w.call(point=east(150), after=10 * MIN)
    return Given(first.incident_id)


def linked(w: World) -> Given:
    """One fire with two calls, `c1` and `c2`."""
    i: Incident = w.call()
    assert w.call(point=east(20), after=MIN) is i
    return Given(i.incident_id)


def ended(w: World) -> Given:
    """Everything done, the caller told."""
    i = w.call("service.urban", line="12345")
    finish(w, i)
    return Given(i.incident_id)


def closed(w: World) -> Given:
    """And closed."""
    given = ended(w)
    w.do(cmd.Close(), given.target).accepted("IncidentClosed")
    return given


def silent(*steps: cmd.Act, by: Actor | None = None) -> Story:
    """A silent call, and what was done about it."""

    def told(w: World) -> Given:
        w.call("invalid.silent", line="110")
        for step in steps:
            w.do(step, "c1")
        return Given("c1", by or person("call_taker"))

    return told


def passed(w: World) -> Given:
    """A work order whose promise has run out."""
    given = order()(w)
    w.now = next(c.due_at for c in w.incident(given.target[:-3]).clocks.values() if c.clock == "complete") + 1
    return given


def twice_transferred(w: World) -> Given:
    """Urban, water, urban."""
    i = w.call("service.urban", line="12345")
    for n, (giver, taker) in enumerate(((URBAN, WATER), (WATER, URBAN)), 1):
        w.do(cmd.Transfer(to=taker.agency), f"{i.incident_id}-T{n}", giver)
        w.do(cmd.Accept(), f"{i.incident_id}-T{n}", taker).accepted("TaskTransferred")
    return Given(f"{i.incident_id}-T3", URBAN)


OFFERED = cmd.Transfer(to="nanxian-water")
RETURNED = cmd.Return(code="function", reason="~r")
DONE = cmd.Complete(result="~done")
FURTHER = cmd.GivenLocation(point=east(900))
LATER = 1_800_000_000_000
CASES: list[tuple[Story, cmd.Act, str]] = [
    (two, cmd.LinkCall(call_id="c2"), "CallLinked IncidentMerged"),
    (two, cmd.LinkCall(call_id="elsewhere"), "!cross_region"),
    (linked, cmd.UnlinkCall(call_id="c2"), "CallUnlinked IncidentOpened"),
    (two, cmd.UnlinkCall(call_id="c2"), "!not_linked"), (two, cmd.DismissSuggestion(call_id="c2"), "LinkDismissed"),
    (linked, cmd.DismissSuggestion(call_id="c2"), "!illegal_step"),
    (two, cmd.Merge(into="430921-20260408-000002"), "CallLinked IncidentMerged"),
    (two, cmd.Merge(into="430623-20260408-000001"), "!cross_region"),
    (linked, cmd.Split(call_ids=["c2"]), "IncidentSplit IncidentOpened"),
    (linked, cmd.Split(call_ids=["elsewhere"]), "!cross_region"),
    (two, cmd.Relate(to="430623-20260408-000001"), "IncidentsRelated"),
    (linked, cmd.Reclassify(kind="traffic.trapped", **A_REASON), "Reclassified TaskRouted"),
    (linked, cmd.Reclassify(kind="traffic.trapped"), "!reason_required"),
    (linked, cmd.SetPriority(priority=3, **A_REASON), "PriorityChanged"),
    (linked, cmd.SetPriority(priority=3), "!reason_required"),
    (linked, cmd.CorrectLocation(location=FURTHER, **A_REASON), "LocationCorrected TaskAlerted"),
    (linked, cmd.CorrectLocation(location=FURTHER), "!reason_required"),
    (linked, cmd.Route(agency="nanxian-gas"), "TaskRouted ClockStarted"),
    (linked, cmd.Route(agency="nanxian-fire"), "!illegal_step"),
    (order(URBAN, task=False), cmd.RequestInformation(missing=["photo"]), "InformationRequested ClockPaused"),
    (order(URBAN, cmd.RequestInformation(missing=["photo"]), task=False), cmd.RequestInformation(missing=["id"]),
     "!already_asked"),
    (linked, cmd.Note(text="~t"), "NoteAdded"), (linked, cmd.Supervise(reason="~r"), "SupervisionOrdered"),
    *[(linked, cmd.InformCaller(result=r), "CallerInformed")  # type: ignore[arg-type]  # the five the contract has
      for r in ("told", "unreachable", "anonymous", "declined", "unsafe")],
    (ended, cmd.FollowUp(solved=False), "FollowedUp TaskRouted"), (linked, cmd.FollowUp(solved=True), "!illegal_step"),
    (ended, cmd.Close(), "IncidentClosed"), (linked, cmd.Close(), "!task_open"),
    (closed, cmd.Reopen(**A_REASON), "IncidentReopened"), (closed, cmd.Reopen(), "!reason_required"),
    (silent(), cmd.CloseCall(reason="silent"), "!callback_required"),
    (silent(), cmd.CloseCall(reason="nuisance"), "!callback_required"),
    (silent(cmd.CallBack(result="no_answer")), cmd.CloseCall(reason="silent"), "CallClosed IncidentClosed"),
    (silent(cmd.CallBack(result="no_answer"), by=Actor()), cmd.CloseCall(reason="silent"), "!not_allowed"),
    (blaze(), cmd.Acknowledge(), "TaskAcknowledged ClockMet"),
    (blaze(), cmd.Accept(), "TaskAcknowledged TaskAccepted"),
    (order(WATER, OFFERED), cmd.Accept(), "TaskTransferred TaskRouted TaskAccepted"),
    (blaze(), cmd.DispatchUnit(unit_ids=["u"]), "TaskAccepted UnitsDispatched ClockMet"),
    (blaze(), cmd.Arrive(), "TaskAccepted TaskArrived ClockMet ClockStarted"),
    (blaze(), cmd.Feedback(stage="progress", text="~t"), "TaskAcknowledged TaskFeedback"),
    (blaze(), DONE, "TaskAccepted TaskCompleted"), (blaze(), cmd.Complete(), "!result_required"),
    *[(blaze(FIRE, cmd.Arrive()), back, "!illegal_step")
      for back in (cmd.Acknowledge(), cmd.Accept(), cmd.DispatchUnit(), cmd.Arrive())],
    *[(blaze(FIRE, DONE), step, "!illegal_step") for step in (cmd.Feedback(text="~t"), DONE)],
    *[(blaze(WATER), step, "!not_your_task")
      for step in (cmd.Acknowledge(), cmd.Accept(), cmd.DispatchUnit(), cmd.Arrive(), cmd.Feedback(text="~t"), DONE)],
    (order(), RETURNED, "ReturnRequested"), (order(), cmd.Return(code="other"), "!reason_required"),
    (order(then=9 * DAY), RETURNED, "!too_late"), (blaze(then=61_000), RETURNED, "!too_late"),
    (order(person("hotline"), RETURNED), cmd.GrantReturn(to="nanxian-water"), "TaskReturned TaskRouted"),
    (order(URBAN, RETURNED), cmd.GrantReturn(), "!not_your_task"),
    (order(person("hotline"), RETURNED), cmd.RefuseReturn(reason="~r"), "ReturnRefused"),
    (order(person("hotline"), RETURNED), cmd.RefuseReturn(), "!reason_required"), (order(), OFFERED, "TransferOffered"),
    (twice_transferred, cmd.Transfer(to="nanxian-gas"), "TransferOffered TaskTransferred TaskRouted"),
    (order(WATER, OFFERED), cmd.Decline(reason="~r"), "TransferDeclined"),
    (order(URBAN, OFFERED), cmd.Decline(reason="~r"), "!not_your_task"),
    (blaze(), cmd.Cancel(**A_REASON), "TaskCancelled ClockStopped"), (blaze(), cmd.Cancel(), "!reason_required"),
    (blaze(FIRE, DONE), cmd.Cancel(**A_REASON), "!too_late"), (order(), cmd.Pause(**A_REASON), "ClockPaused"),
    (order(), cmd.Pause(), "!reason_required"), (passed, cmd.Pause(**A_REASON), "!too_late"),
    (order(URBAN, cmd.Pause(**A_REASON)), cmd.Resume(), "ClockResumed"),
    (order(), cmd.ExtendDeadline(until=LATER, **A_REASON), "DeadlineExtended"),
    (order(), cmd.ExtendDeadline(until=LATER), "!reason_required"),
    (passed, cmd.ExtendDeadline(until=LATER, **A_REASON), "!too_late"),
]  # fmt: skip


def name_of(act: cmd.Act) -> str:
    """A command as the wire calls it."""
    return str(act.__struct_config__.tag)


@pytest.mark.parametrize(("story", "act", "then"), CASES, ids=[f"{name_of(a)}-{t.split()[0]}" for _, a, t in CASES])
def test_a_cell_of_the_table(world: World, story: Story, act: cmd.Act, then: str) -> None:
    """Given its story, a command leaves just the events it names, in order, or one refusal with that very code."""
    given = story(world)
    world.do(act, given.target, given.by)
    if then.startswith("!"):
        world.refused(then[1:])
    else:
        world.accepted(*then.split())


def test_an_untold_caller_and_an_empty_end_keep_an_incident_open(world: World) -> None:
    """caller_not_told before anybody was told; reason_required where nobody did any work and it was not handled."""
    i = world.call("service.urban", line="12345")
    world.do(cmd.Cancel(reason="~r"), f"{i.incident_id}-T1").accepted("TaskCancelled")
    world.do(cmd.Close(disposition="unfounded"), i.incident_id).refused("caller_not_told")
    world.do(cmd.InformCaller(result="told"), i.incident_id)
    world.do(cmd.Close(disposition="unfounded"), i.incident_id).refused("reason_required")
    world.do(cmd.Close(disposition="unfounded", reason="~r"), i.incident_id).accepted("IncidentClosed")


def test_no_cell_of_the_table_is_left_out() -> None:
    """Each event and each code that the contract names for a command stands in a case of that command."""
    told = {(name_of(a), word) for _, a, then in CASES for word in then.split()}
    told |= {("close", "!caller_not_told"), ("close", "!reason_required")}  # the test above
    wanted = {
        (name, word)
        for name, (events, codes) in TABLE.items()
        for word in [*events.split(), *(f"!{c}" for c in codes.split())]
    }
    assert not wanted - told
    ours = {"call_back", "provide_information", "three_way", "settle", "reveal_number", "rate"}
    """Beside the contract's table; each has tests of its own."""
    every = {name_of(c) for c in (*cmd.CALL_COMMANDS, *cmd.INCIDENT_COMMANDS, *cmd.TASK_COMMANDS)}  # type: ignore[arg-type]  # classes carry the tag too
    assert every == set(TABLE) | ours
