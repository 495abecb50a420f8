"""A place is found by its point, its words or the seat; never guessed, always flagged."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.enrich import Enricher
from tocsin.enrich.crs import wgs84_to_bd09
from tocsin.place import HOUSE, Place, Point, spoken

Found = tuple[Place, list[str]]


def at(enricher: Enricher, lon: float, lat: float, **more: str) -> Found:
    """Located by a point."""
    return enricher.locate(Point(lon=lon, lat=lat), 30, more.get("address", ""), "", more.get("given", ""), "430921")


def said(enricher: Enricher, address: str, text: str = "", given_region: str = "") -> Found:
    """Located by words."""
    return enricher.locate(None, None, address, text, given_region, "430921")


@pytest.mark.parametrize(
    ("lon", "lat", "region"),
    [
        (112.37, 28.98, "430921"), (112.396, 29.362, "430921"), (112.54, 29.53, "430623"), (112.17, 29.41, "430721"),
        (112.36, 28.84, "430981"),
    ],
)  # fmt: skip
def test_a_point_lies_in_its_region(enricher: Enricher, lon: float, lat: float, region: str) -> None:
    """Towns of the county and the neighbours' seats fall into their outlines; a neighbour is flagged."""
    place, flags = at(enricher, lon, lat)
    assert (place.region, place.source) == (region, "point")
    assert flags == ([] if region == "430921" else ["out_of_area"])


def test_a_point_in_another_system_is_the_same_place(enricher: Enricher) -> None:
    """BD-09 is turned into WGS84 before the outline is asked."""
    lon, lat = wgs84_to_bd09(112.37, 28.98)
    place, _ = enricher.locate(Point(lon=lon, lat=lat, crs="BD09"), 30, "", "", "", "430921")
    assert place.point is not None
    assert abs(place.point.lon - 112.37) < 1e-6
    assert place.label == "新街口"


def test_the_border_strip_names_the_neighbour(enricher: Enricher) -> None:
    """Within 500 m of an outline the neighbour is named, a kilometre inside not."""
    near, _ = at(enricher, 112.70 - 0.003, 29.27)
    assert near.region == "430921"
    assert {"430623", "430981"} & set(near.neighbours)
    inside, _ = at(enricher, 112.45, 29.30)
    assert inside.neighbours == []


@given(st.floats(111.9, 112.8), st.floats(28.9, 29.7))
def test_a_cell_far_from_every_border_answers_as_its_points_do(enricher: Enricher, lon: float, lat: float) -> None:
    """What is known of a whole cell is what the outlines say of each point in it, its edges among them."""
    locator, cell = enricher._locator, 0.002
    edge = Point(lon=lon // cell * cell, lat=lat // cell * cell)
    for point in (Point(lon=lon, lat=lat), edge, Point(lon=edge.lon + cell, lat=edge.lat + cell)):
        assert locator.regions_at(point) == locator.regions_exactly(point)


def test_swapped_coordinates_are_flagged_and_read_the_other_way(enricher: Enricher) -> None:
    """A pair that fits the country only when turned round is used so, with less accuracy and a flag."""
    place, flags = at(enricher, 28.98, 112.37)
    assert flags == ["point_invalid"]
    assert place.region == "430921"
    assert (place.accuracy_m or 0) >= 500


@pytest.mark.parametrize("pair", [(999.0, 5.0), (0.0, 0.0), (math.nan, 29.0), (math.inf, 29.0)])
def test_an_impossible_point_leaves_the_words_to_decide(enricher: Enricher, pair: tuple[float, float]) -> None:
    """The point is flagged, the address is used instead."""
    place, flags = at(enricher, *pair, address="茅草街镇新街口")
    assert "point_invalid" in flags
    assert (place.source, place.label) == ("gazetteer", "新街口")


def test_a_point_outside_all_outlines_stays_with_the_seat(enricher: Enricher) -> None:
    """A far point is kept (linking needs it), the region is the seat's, flagged."""
    place, flags = at(enricher, -75.5, 40.2)
    assert (place.region, flags) == ("430921", ["point_outside"])
    assert place.point == Point(lon=-75.5, lat=40.2)


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("茅草街镇新街口", "新街口"), ("毛草街新街口", "新街口"), ("兴盛大道88号", "兴盛大道"),
        ("桂花元路和五一路路口", "桂花园路五一路路口"),
        ("南县人民衣院门口", "南县人民医院"), ("张公堂村3组", "张公塘村"),
        ("南洲镇班嘴村12号", "班嘴村"), ("德昌公圆旁边", "德昌公园"), ("罗文涂鸦艺术村停车场", "罗文涂鸦艺术村"),
        ("烂拔湖镇政府", "浪拔湖镇人民政府"), ("厂教镇卫生院", "厂窖镇卫生院"), ("藕池河大提", "藕池河大堤"),
        ("明山头镇", "明山头镇"), ("三仙胡镇", "三仙湖镇"), ("浪把湖镇街上", "浪拔湖镇"),
        ("中渔口镇卫生院", "中鱼口镇卫生院"),
    ],
)  # fmt: skip
def test_an_address_is_found_as_people_say_it(enricher: Enricher, address: str, label: str) -> None:
    """Exact names, crossings of two roads, house numbers and slips of the ear find their entry."""
    place, _ = said(enricher, address)
    assert (place.source, place.label, place.region) == ("gazetteer", label, "430921")
    assert place.accuracy_m


def test_words_of_the_call_name_the_place_too(enricher: Enricher) -> None:
    """Without an address the text is searched; a bare seat is flagged."""
    assert said(enricher, "", "茅草街大桥上两车相撞")[0].label == "茅草街大桥"
    place, flags = said(enricher, "", "两车相撞")
    assert (place.region, place.source, flags) == ("430921", "seat", ["place_unknown"])


def test_a_neighbour_is_never_guessed(enricher: Enricher) -> None:
    """A neighbour's place counts only as it is written; what merely sounds like it does not move a call."""
    assert said(enricher, "梅田湖镇街上")[0].region == "430623"
    assert said(enricher, "没田胡")[0].region == "430921"
    assert said(enricher, "草伟镇")[0].region == "430921"


def test_an_unknown_region_without_a_place_is_the_command_centres(enricher: Enricher) -> None:
    """Region 000000, flagged; a known neighbour given is kept; a place found overrules."""
    place, flags = said(enricher, "", given_region="999999")
    assert (place.region, place.source) == ("000000", "none")
    assert flags == ["region_unknown"]
    assert said(enricher, "", given_region="430623")[0].region == "430623"
    place, flags = said(enricher, "茅草街镇", given_region="999999")
    assert (place.region, flags) == ("430921", ["region_unknown"])


def test_tokens_compare_addresses_without_their_words(enricher: Enricher) -> None:
    """The same address with a slip shares its tokens; another does not."""
    one, two = said(enricher, "茅草街镇新街口12号")[0], said(enricher, "毛草街镇新街口12号")[0]
    other = said(enricher, "南洲镇人民路7号")[0]
    assert one.tokens == two.tokens != []
    assert not set(one.tokens) & set(other.tokens)


@given(lon=st.floats(), lat=st.floats(), address=st.text(), text=st.text(), given_region=st.text(max_size=8))
def test_locating_never_raises(
    enricher: Enricher, lon: float, lat: float, address: str, text: str, given_region: str
) -> None:
    """Whatever is given, there is a place in a region of the policy."""
    place, _ = enricher.locate(Point(lon=lon, lat=lat), None, address, text, given_region, "430921")
    assert place.region in enricher.policy.regions


def test_a_house_number_is_marked_as_one(enricher: Enricher) -> None:
    """Two houses of one road can be told apart without their words; a road's number is none of a house."""
    tokens = said(enricher, "茅草街大道18号")[0].tokens
    assert [t for t in tokens if t.startswith(HOUSE)] == [f"{HOUSE}address:18号"]
    assert not [t for t in said(enricher, "G55出口")[0].tokens if t.startswith(HOUSE)]


def test_a_point_keeps_the_name_it_was_called_by(enricher: Enricher) -> None:
    """Where a telephone stands and what its caller calls the place are two things; a town's name is no place."""
    there = Point(lon=112.4, lat=29.361)
    place, _ = enricher.locate(there, 20, "", "公园路两车相撞", "", "430921")
    assert (place.source, spoken(place)) == ("point", entry_of(enricher, "公园路"))
    assert spoken(enricher.locate(there, 20, "公园路", "", "", "430921")[0]) == spoken(place)
    assert spoken(enricher.locate(there, 20, "", "茅草街镇两车相撞", "", "430921")[0]) == ""
    assert spoken(enricher.locate(None, None, "", "公园路两车相撞", "", "430921")[0]) == spoken(place)


def entry_of(enricher: Enricher, name: str) -> str:
    """The id of the gazetteer's entry of this name."""
    return next(e.id for e in enricher.policy.gazetteer if name in e.names)
