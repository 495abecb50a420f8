"""Linking by rule: many calls, one incident; two matters stay two."""

from tests.unit.incident.world import HERE, MIN, REGION, World, east, finish
from tocsin.incident import commands as cmd
from tocsin.place import Place


def test_further_callers_of_one_fire_are_linked_and_everyone_hears(world: World) -> None:
    """A second call 40 m away a minute later: linked with its parts, every holder alerted anew."""
    i = world.call()
    assert world.call(point=east(40), line="110", after=MIN) is i
    world.accepted("CallRecorded", "CallLinked", "TaskAlerted")
    linked = world.said("CallLinked")[0]
    assert linked.decided_by == "rule"
    assert {"kind", "distance", "time"} <= set(linked.reasons)
    assert len(world.said("TaskAlerted")) == 3


def test_cross_service_calls_of_one_crash_are_one_incident(world: World) -> None:
    """122 reports the crash, 120 the injured, 110 the quarrel's injured: one incident; medical is added once."""
    i = world.call("traffic.damage", line="122")
    assert {t.agency for t in i.tasks.values()} == {"nanxian-traffic"}
    assert world.call("medical.trauma", line="120", point=east(30), after=MIN) is i
    assert "nanxian-120" in {t.agency for t in i.tasks.values()}
    world.accepted("PriorityChanged", "TaskRouted")
    assert world.call("traffic.injury", line="110", point=east(20), after=MIN) is i
    assert [t.agency for t in i.tasks.values()].count("nanxian-120") == 1


def test_two_neighbouring_fires_ten_minutes_apart_stay_two(world: World) -> None:
    """150 m and ten minutes: suggested to a person, never joined by rule."""
    i = world.call()
    other = world.call(point=east(150), after=10 * MIN)
    assert other is not i
    world.accepted("IncidentOpened", "TaskRouted", "LinkSuggested")
    assert list(i.suggestions) == ["c2"]


def test_far_or_late_or_other_matters_are_not_linked(world: World) -> None:
    """Another kind at the same place, the same kind far away, the same place next day: three incidents more."""
    i = world.call("fire.building")
    assert world.call("service.labour", line="12345", after=MIN) is not i
    assert world.call("fire.building", point=east(5000), after=MIN) is not i
    assert world.call("fire.building", after=24 * 60 * MIN) is not i


def test_the_same_caller_is_not_automatically_the_same_matter(world: World) -> None:
    """One caller, a scrape and then a burst water pipe: two incidents."""
    i = world.call("traffic.damage", line="122", caller="k")
    assert world.call("utility.water", line="12345", caller="k", after=25 * MIN) is not i


def test_repeats_of_a_hotline_matter_are_follow_ups_of_the_same_order(world: World) -> None:
    """The same caller about the same matter days later, even without a place: the same work order."""
    i = world.call("service.urban", line="12345", caller="k")
    nowhere = Place(region=REGION, source="seat")
    assert world.call("service.urban", line="12345", caller="k", place=nowhere, after=2 * 24 * 60 * MIN) is i
    assert world.call("service.urban", line="12345", caller="other", place=nowhere, after=MIN) is not i


def test_two_patients_are_not_joined_by_rule(world: World) -> None:
    """A heart attack and a birth in one building at one minute: suggested, not linked; two missions."""
    i = world.call("medical.cardiac", line="120")
    other = world.call("medical.birth", line="120", after=MIN)
    assert other is not i
    assert [t.agency for t in other.tasks.values()] == ["nanxian-120"]


def test_invariant_10_exercises_never_link_with_live(world: World) -> None:
    """Same place, kind and minute: the exercise and the alarm stay apart, either way round."""
    drill = world.call(exercise=True)
    alarm = world.call(after=MIN)
    assert alarm is not drill
    assert world.call(exercise=True, after=MIN) is drill
    assert world.call(after=MIN) is alarm
    assert (drill.exercise, alarm.exercise) == (True, False)
    assert not world.said("LinkSuggested")


def test_a_further_call_only_ever_adds(world: World) -> None:
    """Victims and hazards rise, the priority rises; a milder call lowers nothing."""
    i = world.call("traffic.damage", line="122", victims=2)
    world.call(
        "traffic.trapped", line="119", point=east(10), after=MIN, victims=4, hazards=["fuel"], raises=["trapped"]
    )
    assert (i.victims, i.hazards, i.priority) == (4, ["fuel"], 1)
    agencies = {t.agency for t in i.tasks.values()}
    assert {"nanxian-fire", "nanxian-120", "nanxian-police"} <= agencies
    world.call("traffic.damage", line="122", point=east(10), after=MIN, victims=1)
    assert (i.victims, i.priority) == (4, 1)
    assert {t.agency for t in i.tasks.values()} == agencies


def test_an_exact_place_corrects_one_only_named(world: World) -> None:
    """First call names a village, the second brings a point in it: the place is corrected, work goes on."""
    village = Place(region=REGION, point=HERE, accuracy_m=800, source="gazetteer", entry="v1", setting="village")
    i = world.call(place=village)
    exact = Place(region=REGION, point=east(60), accuracy_m=10, source="point", entry="v1", setting="village")
    assert world.call(place=exact, after=MIN) is i
    world.accepted("LocationCorrected")
    assert i.place.point == east(60)


def test_a_late_call_reopens_a_closed_incident_within_the_window(world: World) -> None:
    """Soon after closing: reopened, with agencies sent anew. Later than reopen_within_s: an incident of its own."""
    i = world.call()
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    assert world.call(after=5 * MIN) is i
    world.accepted("CallLinked", "IncidentReopened", "TaskRouted")
    assert i.state == "open"
    finish(world, i)
    world.do(cmd.Close(), i.incident_id)
    assert world.call(after=world.policy.linking.reopen_within_s * 1000 + MIN) is not i


def test_what_another_centre_says_of_its_own_alarm_goes_to_that_alarm(world: World) -> None:
    """An update names the call it is about: linked by rule, however far its place or late, and everyone hears of it."""
    i = world.call(line="119", channel="relay")
    holders = {t.held_by for t in i.tasks.values()}
    again = world.call(point=None, channel="relay", about=["c1"], victims=3, after=6 * 60 * MIN)
    assert again is i
    (link,) = world.said("CallLinked")
    assert (link.decided_by, link.score, link.reasons) == ("rule", 1.0, {"reference": 1.0})
    assert {a.agency for a in world.said("TaskAlerted")} == holders
    assert i.victims == 3
    other = world.call(point=east(9000), channel="relay", after=MIN)
    world.do(cmd.Merge(into=other.incident_id), i.incident_id)
    assert world.call(point=None, channel="relay", about=["c1"]) is other, "wherever it has gone"


def test_what_an_update_names_is_not_always_what_it_joins(world: World) -> None:
    """Not an exercise's, nor a matter that was closed too long ago; of a call nobody knows it is one of its own."""
    i = world.call(channel="relay")
    assert world.call(channel="relay", about=["c1"], exercise=True, point=None) is not i
    assert world.call(channel="relay", about=["nobody"], point=None) is not i
    finish(world, i)
    world.do(cmd.Close(), i.incident_id).accepted("IncidentClosed")
    late = int(world.policy.linking.reopen_within_s + 1) * 1000
    assert world.call(channel="relay", about=["c1"], point=None, after=late) is not i


def test_a_dismissed_call_is_not_suggested_again(world: World) -> None:
    """A person said no: the suggestion goes and does not come back."""
    i = world.call()
    world.call(point=east(150), after=10 * MIN)
    world.do(cmd.DismissSuggestion(call_id="c2"), i.incident_id).accepted("LinkDismissed")
    assert not i.suggestions
    world.do(cmd.DismissSuggestion(call_id="c2"), i.incident_id).refused("illegal_step")
