"""A complaint never goes to the agency complained of: by no plan, no link, no outcome that flows back."""

import pytest

from tests.unit.incident.world import MIN, World, east, of, person
from tocsin.incident import commands as cmd
from tocsin.incident.state import Incident

POLICE, INSPECTION, COMMAND = "nanxian-police", "nanxian-inspection", "nanxian-command"
OFFICE = "nanxian-civil-affairs"


def has(incident: Incident) -> dict[str, str]:
    """Who has a task, and which part."""
    return {t.held_by: t.role for t in incident.tasks.values()}


@pytest.mark.parametrize(
    ("kind", "line", "against", "who"),
    [
        ("service.civil", "12345", [OFFICE], {INSPECTION: "lead"}),
        ("order.dispute", "110", [POLICE], {INSPECTION: "lead"}),
        ("service.justice", "110", [POLICE], {INSPECTION: "lead"}),
        ("service.discipline", "12345", [INSPECTION], {COMMAND: "lead"}),
        ("utility.power", "12345", ["nanxian-power"], {INSPECTION: "lead"}),
        ("unknown", "110", [POLICE], {COMMAND: "lead", INSPECTION: "joint"}),
        ("unknown", "12345", [COMMAND], {INSPECTION: "lead", "nanxian-hotline": "joint"}),
    ],
)
def test_who_is_complained_of_gets_no_task(
    world: World, kind: str, line: str, against: list[str], who: dict[str, str]
) -> None:
    """Given words that complain of an agency, the inspection stands in for it, about that one the command centre."""
    i = world.call(kind, line=line, against=against)
    assert has(i) == who
    assert "complaint" in i.flags
    assert i.first_receiver not in against


def test_a_plan_that_was_changed_is_looked_at(world: World) -> None:
    """The rule may have misheard, and what was complained of may need doing: a person looks, within the limit."""
    i = world.call("service.civil", line="12345", against=[OFFICE])
    assert i.review == ["complaint"]
    assert "review" in {c.clock for c in i.clocks.values()}
    assert not world.call("service.justice", line="12345", against=[POLICE], point=None).review


@pytest.mark.parametrize(
    ("kind", "more"),
    [("fire.building", {}), ("order.dispute", {"raises": ["injured"]}), ("unknown", {"escalated": True})],
)
def test_in_danger_everybody_helps(world: World, kind: str, more: dict) -> None:
    """Given danger to life, whom the caller complains of is called like anyone: life first."""
    i = world.call(kind, line="110", against=[POLICE, "nanxian-fire"], **more)
    assert POLICE in has(i)
    assert INSPECTION not in has(i)


def test_no_later_plan_brings_them_in(world: World) -> None:
    """Reclassified, moved or raised by a person, the plan still leaves them out; a person may route them by name."""
    i = world.call("unknown", line="110", against=[POLICE])
    world.do(cmd.Reclassify(kind="order.noise", reason="~r"), i.incident_id).accepted("Reclassified")
    world.do(cmd.SetPriority(priority=1, reason="~r"), i.incident_id).accepted("PriorityChanged")
    world.do(cmd.CorrectLocation(location=cmd.GivenLocation(point=east(900)), reason="~r"), i.incident_id)
    assert POLICE not in has(i)
    assert has(i)[INSPECTION] == "lead"
    world.do(cmd.Route(agency=POLICE, reason="~misheard"), i.incident_id).accepted("TaskRouted")
    assert POLICE in has(i)


def test_it_is_not_laid_before_them_in_another_incident(world: World) -> None:
    """The same caller at the same place a minute later, complaining of who came: neither linked nor suggested."""
    row = world.call("order.noise", line="110", caller="k")
    complaint = world.call("order.noise", line="110", caller="k", against=[POLICE], after=MIN)
    assert complaint is not row
    assert world.said("LinkSuggested") == []
    further = world.call("order.noise", line="110", caller="k", after=MIN)
    assert POLICE not in has(complaint)
    assert further in (row, complaint)


def test_what_came_of_it_does_not_flow_back_to_them(world: World) -> None:
    """Taken on 110 about the police: the result goes to nobody there, and 110 neither settles it nor rules on it."""
    i = world.call("service.justice", line="110", against=[POLICE])
    task = f"{i.incident_id}-T1"
    world.do(cmd.Note(text="~t"), i.incident_id, of(POLICE)).refused("not_your_task")
    world.do(cmd.Return(code="function"), task, of(INSPECTION)).accepted("ReturnRequested")
    world.do(cmd.RefuseReturn(reason="~r"), task, of(POLICE)).refused("not_your_task")
    world.do(cmd.RefuseReturn(reason="~r"), task, person("commander")).accepted("ReturnRefused")
    world.do(cmd.Complete(result="~r"), task, of(INSPECTION)).accepted("TaskCompleted")
    assert world.said("OutcomeReturned") == []


def test_an_unclear_complaint_joins_no_side(world: World) -> None:
    """Readings of 110 and of 12345, about the police: there is no three-way with whom it is about."""
    i = world.call("unknown", line="12345", against=[POLICE], alternatives={"order.dispute": 0.4, "service.civil": 0.4})
    assert world.said("ThreeWayOpened") == []
    assert POLICE not in has(i)
