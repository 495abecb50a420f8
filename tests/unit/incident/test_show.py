"""An incident as readers see it: the contract's fields, numbers masked, confidential callers and lost keys."""

import json
from collections.abc import Callable

from msgspec.structs import replace

from tests.unit.incident.world import MIN, REGION, World, east, policy
from tocsin.codec.text import plain
from tocsin.incident.show import FORGOTTEN, MEDICAL_HIDDEN, contactable, incident_view, masked
from tocsin.incident.values import CallRecord

CLEAR = json.dumps({"caller": {"number": "13800001234", "name": "某某"}, "text": "着火了", "address": "新街口"})


def words(clear: str | None = CLEAR) -> Callable[[str], str | None]:
    """Keys that open everything to these words."""
    return lambda _: clear


def records(world: World, **changed: object) -> dict[str, CallRecord]:
    """The calls of the region, with sealed words."""
    return {n: replace(c.record, private="~x", **changed) for n, c in world.state.regions[REGION].calls.items()}


def test_the_view_has_the_contracts_fields(world: World) -> None:
    """State, kind with label, location with WGS84 point, calls with links, tasks, clocks, suggestions."""
    i = world.call()
    world.call(point=east(30), after=MIN)
    world.call(point=east(150), after=10 * MIN)
    view = plain(incident_view(i, records(world), policy().kinds, words()))
    assert view["kind"] == {"code": "fire.building", "label": policy().kinds["fire.building"].label}
    assert (view["state"], view["merged_into"], view["version"], view["region"]) == ("open", None, i.version, REGION)
    assert view["location"]["address"] == "新街口"
    assert view["location"]["point"]["crs"] == "WGS84"
    first, second = view["calls"]
    assert (first["line"], first["text"], first["caller"]["number"]) == ("119", "着火了", "138****1234")
    assert (second["link"]["decided_by"], second["link"]["score"] > 0.7) == ("rule", True)
    assert view["tasks"][0] | {"task_id": "", "duty": ""} == {
        "task_id": "", "agency": "nanxian-fire", "agency_class": "fire", "role": "lead", "state": "routed", "units": [],
        "held_by": "nanxian-fire", "offered_to": "", "return_code": "", "round": 1, "duty": "", "cause": "plan",
        "capabilities": ["firefighting", "breathing_apparatus"],
    }  # fmt: skip
    assert {"clock", "task_id", "agency", "due_at", "state", "card"} <= set(view["clocks"][0])
    assert [s["call_id"] for s in view["suggestions"]] == ["c3"]
    assert view["opened_at"].endswith("+08:00")


def test_numbers_are_masked_unless_revealed(world: World) -> None:
    """138****1234; the whole only where `clear`."""
    i = world.call()
    shown = incident_view(i, records(world), policy().kinds, words(), clear=True)
    assert shown.calls[0].caller.number == "13800001234"
    assert (masked(""), masked("110"), masked("13800001234")) == ("", "****10", "138****1234")


def test_a_confidential_caller_is_unseen_but_by_the_first_receiver(world: World) -> None:
    """Marked by the caller, or by the kind (reports of wrongdoing)."""
    i = world.call()
    kinds = policy().kinds
    assert incident_view(i, records(world, confidential=True), kinds, words()).calls[0].caller.number == ""
    seen = incident_view(i, records(world, confidential=True), kinds, words(), confidential=True)
    assert seen.calls[0].caller.number == "138****1234"
    report = world.call("service.discipline", line="12345", point=east(9000))
    assert kinds["service.discipline"].confidential
    assert incident_view(report, records(world), kinds, words()).calls[0].caller.number == ""


def test_words_of_patients_are_hidden_outside_120_roles(world: World) -> None:
    """A 120 call on a crash: what goes to others than 120 says that it is there, not what was said."""
    i = world.call("traffic.injury", line="122")
    patient = world.call("medical.trauma", line="120", after=MIN)
    assert patient is i
    told = incident_view(i, records(world), policy().kinds, words(), medical=False)
    assert [c.text for c in told.calls] == ["着火了", MEDICAL_HIDDEN]
    assert [c.text for c in incident_view(i, records(world), policy().kinds, words()).calls] == ["着火了"] * 2


def test_words_whose_key_is_destroyed_are_shown_as_forgotten(world: World) -> None:
    """No key, or garbage behind it: a mark, no error."""
    i = world.call()
    for lost in (None, "not json"):
        view = incident_view(i, records(world), policy().kinds, words(lost))
        assert (view.calls[0].text, view.calls[0].caller.number) == (FORGOTTEN, "")
    bare = incident_view(i, {}, {}, words())
    assert (bare.calls[0].call_id, bare.calls[0].line, bare.kind.label) == ("c1", "", "fire.building")


def test_domestic_violence_is_not_safe_to_contact_by_itself(world: World) -> None:
    """The default is no for that kind, yes for others; what the caller said goes before."""
    world.call()
    record = next(iter(records(world).values()))
    assert contactable(record, "fire.building")
    assert not contactable(record, "crime.domestic")
    assert contactable(replace(record, safe_to_contact=True), "crime.domestic")
    assert not contactable(replace(record, safe_to_contact=False), "fire.building")
