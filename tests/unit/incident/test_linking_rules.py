"""What a rule may join and what it leaves to a person: the rules of policy/nanxian/linking.toml, each by its name."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.incident.world import HERE, MIN, REGION, World, east, policy
from tocsin.place import HOUSE, SPOKEN, Place

ROAD = next(e for e in policy().gazetteer if e.kind == "road" and e.radius_m > 1000)


def at(metres: float, accuracy_m: float | None = 20, *tokens: str) -> Place:
    """An exact place so far east."""
    return Place(region=REGION, point=east(metres), accuracy_m=accuracy_m, source="point", tokens=list(tokens))


def road(*tokens: str) -> Place:
    """A place known by its road's name alone."""
    return Place(
        region=REGION, point=ROAD.point, accuracy_m=ROAD.radius_m, source="gazetteer", entry=ROAD.id,
        tokens=list(tokens),
    )  # fmt: skip


@given(
    metres=st.floats(50, 150), accuracy_m=st.sampled_from([None, 5.0, 10.0, 20.0, 30.0]), gap_s=st.integers(600, 1500)
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neighbouring_fires_ten_minutes_apart_stay_two(metres: float, accuracy_m: float | None, gap_s: int) -> None:
    """50 to 150 m, told by usual telephones, ten minutes and more: two incidents, each with its own engines."""
    world = World()
    first = world.call(place=at(0, accuracy_m))
    second = world.call(place=at(metres, accuracy_m), after=gap_s * 1000)
    assert second is not first
    assert "nanxian-fire" in {t.agency for t in second.tasks.values()}


@given(metres=st.floats(0, 45), gap_s=st.integers(0, 240))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_callers_around_one_fire_are_linked(metres: float, gap_s: int) -> None:
    """As far apart as two telephones' errors explain, within minutes: one incident."""
    world = World()
    assert world.call(place=at(0)) is world.call(place=at(metres), after=gap_s * 1000)


def test_other_house_numbers_are_other_houses(world: World) -> None:
    """One named place, two house numbers: a person decides. The same number, or one that says no number: linked."""
    i = world.call(place=road("a", HOUSE + "3"))
    assert world.call(place=road("a", HOUSE + "18"), after=MIN) is not i
    assert world.said("LinkSuggested")
    assert world.call(place=road("a", HOUSE + "3"), after=MIN) is i
    alone = World()
    assert alone.call(place=road("a", HOUSE + "3")) is alone.call(place=road("a"), after=MIN)


def test_two_shops_at_one_crossing_are_a_persons_after_ten_minutes(world: World) -> None:
    """Addresses that each say what the other does not: linked within a minute, only suggested after ten."""
    crossing = {"region": REGION, "point": HERE, "accuracy_m": 80, "source": "gazetteer", "entry": "x"}
    i = world.call(place=Place(**crossing, tokens=["crossing", "market"]))
    assert world.call(place=Place(**crossing, tokens=["crossing", "inn"]), after=10 * MIN) is not i
    assert world.said("LinkSuggested")
    other = World()
    first = other.call(place=Place(**crossing, tokens=["crossing", "market"]))
    assert other.call(place=Place(**crossing, tokens=["crossing", "inn"]), after=MIN) is first


@pytest.mark.parametrize("kind", ["medical.other", "medical.trauma", "medical.cardiac"])
def test_two_patients_of_one_home_are_two(world: World, kind: str) -> None:
    """The same illness told from one address minutes later is suggested: two patients never share a mission."""
    i = world.call(kind, line="120")
    other = world.call(kind, line="120", after=3 * MIN)
    assert other is not i
    assert world.said("LinkSuggested")
    assert [t.agency for t in other.tasks.values()] == ["nanxian-120"]


def test_one_home_telephone_with_two_illnesses_is_two_patients(world: World) -> None:
    """The same number tells of another illness: suggested; of the same one again: the same patient."""
    i = world.call("medical.cardiac", line="120", caller="home")
    assert world.call("medical.stroke", line="120", caller="home", after=2 * MIN) is not i
    assert world.call("medical.cardiac", line="120", caller="home", after=2 * MIN) is i


@pytest.mark.parametrize("kind", ["medical.cardiac", "medical.other"])
def test_who_asks_after_the_ambulance_finds_its_patient(world: World, kind: str) -> None:
    """A relative asks where it stays, half an hour later, with or without naming the illness: the running mission."""
    i = world.call("medical.cardiac", line="120")
    assert world.call(kind, line="120", after=30 * MIN, raises=["asked_after"]) is i


def test_another_line_tells_of_the_same_patient(world: World) -> None:
    """A burnt man told to 119 and to 120 in one minute at one place is one patient."""
    i = world.call("medical.trauma", line="119")
    assert world.call("medical.trauma", line="120", after=MIN) is i


@pytest.mark.parametrize("kind", ["service.labour", "crime.fraud", "crime.reported"])
def test_each_callers_own_matter_is_his_own(world: World, kind: str) -> None:
    """Two workers of one site, two stolen bicycles: two orders, two cases; the same caller again is the same one."""
    i = world.call(kind, line="12345", caller="one")
    assert world.call(kind, line="12345", caller="other", after=MIN) is not i
    assert world.said("LinkSuggested")
    assert world.call(kind, line="12345", caller="one", after=MIN) is i


@pytest.mark.parametrize(
    ("metres", "minutes", "joined"), [(200, 3, True), (20, 9, True), (20, 11, False), (260, 1, False)]
)
def test_a_crash_is_joined_within_ten_minutes_and_240_metres(metres: int, minutes: int, *, joined: bool) -> None:
    """Passing cars ring within minutes from up to a few hundred metres; later or farther a person decides."""
    world = World()
    i = world.call("traffic.injury", line="122", place=at(0))
    other = world.call("traffic.injury", line="110", place=at(metres), after=minutes * MIN)
    assert (other is i) is joined
    assert joined or world.said("LinkSuggested")


def test_exact_places_count_before_a_roads_name(world: World) -> None:
    """One caller of a crash named the road alone; a second crash on it, exactly placed 400 m on, is its own."""
    i = world.call("traffic.injury", line="122", place=at(0, 20, SPOKEN + ROAD.id))
    assert world.call("traffic.injury", line="122", place=road(), after=MIN) is i
    assert world.call("traffic.injury", line="122", place=at(400, 20, SPOKEN + ROAD.id), after=MIN) is not i


def test_who_names_a_road_finds_what_lies_far_along_it(world: World) -> None:
    """The road's middle is 1.5 km from the crash: its name, said by both, finds it; another road's does not."""
    far = Place(
        region=REGION, point=east(1500), accuracy_m=20, source="point", tokens=[SPOKEN + ROAD.id]
    )  # fmt: skip
    middle = road().point
    assert middle is not None
    i = world.call("traffic.trapped", line="122", place=far)
    assert world.call("traffic.trapped", line="110", place=road(), after=MIN) is i
    other = World()
    first = other.call("traffic.trapped", line="122", place=road())
    assert other.call("traffic.trapped", line="110", place=far, after=MIN) is first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("crime.reported", "order.noise"), ("fire.building", "utility.power"), ("order.noise", "order.dispute"),
        ("traffic.obstruct", "traffic.damage"), ("traffic.obstruct", "hazmat.leak"),
        ("crime.fraud", "crime.inprogress"),
    ],
)  # fmt: skip
def test_kinds_that_only_happen_near_each_other_are_never_joined(world: World, one: str, other: str) -> None:
    """The same spot and minute: a theft of yesterday beside loud music, a burning house in a street without power."""
    i = world.call(one, line="110")
    assert world.call(other, line="110", after=MIN) is not i


@pytest.mark.parametrize(("first", "then"), [("unhurt", "injured"), ("trapped", "unhurt")])
def test_nobody_hurt_and_somebody_hurt_are_a_persons(world: World, first: str, then: str) -> None:
    """A scrape told with nobody hurt beside a crash with injured, either way round: suggested. Both unhurt: linked."""
    i = world.call("traffic.damage", line="122", raises=[first])
    assert world.call("traffic.damage", line="122", raises=[then], after=MIN) is not i
    assert world.said("LinkSuggested")
    alike = World()
    one = alike.call("traffic.damage", line="122", raises=["unhurt"])
    assert alike.call("traffic.damage", line="110", raises=["unhurt"], after=MIN) is one


@pytest.mark.parametrize(
    ("first", "then"),
    [("trapped", "unprotected"), ("unprotected", "trapped"), ("fell_alone", "collided"), ("collided", "fell_alone")],
)
def test_crashes_told_in_contrary_ways_are_a_persons(world: World, first: str, then: str) -> None:
    """One held fast in a car beside one hit on foot, a rider fallen by himself beside one a car met: suggested.

    Who says neither is linked, and who says the same as the newer of the two goes to that one.
    """
    i = world.call("traffic.injury", line="122", raises=["injured", first])
    assert world.call("traffic.injury", line="110", raises=["injured"], after=MIN) is i
    other = world.call("traffic.injury", line="122", raises=["injured", then], after=MIN)
    assert other is not i
    assert world.said("LinkSuggested")
    assert world.call("traffic.injury", line="120", raises=["injured", then], after=MIN) is other
