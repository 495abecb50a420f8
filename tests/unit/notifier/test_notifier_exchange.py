"""CAP 1.2 and EIDO, held against their published structure."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from services.notifier import cap, eido
from tests.unit.notifier import eido_structure
from tocsin.exchange import cap_structure
from tocsin.incident.values import TaskState
from tocsin.incident.view import CallerView, CallView, IncidentView, KindView, LocationView, RelatedView, TaskView
from tocsin.place import Point
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.runtime.settings import Settings


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The sample county."""
    return load_policy(Path(Settings().policy_path))


def view(**more: object) -> IncidentView:
    """A fire in a town of the county."""
    held: dict = {
        "incident_id": "430921-20260405-000017",
        "region": "430921",
        "state": "open",
        "merged_into": None,
        "version": 9,
        "kind": KindView(code="fire.building", label="建筑火灾"),
        "priority": 1,
        "opened_at": 1_775_361_600_000,
        "updated_at": 1_775_361_660_000,
        "location": LocationView(
            address="茅草街镇新街口", point=Point(lon=112.37, lat=28.98), accuracy_m=30, label="茅草街镇"
        ),
        "calls": [CallView(call_id="c1", line="119", text="起火\x00了", caller=CallerView(number="138****1234"))],
        "tasks": [TaskView(task_id="t", agency="nanxian-fire", agency_class="fire", role="lead", state="routed")],
    }
    return IncidentView(**(held | more))


@pytest.mark.parametrize(
    ("state", "kind"), [("open", "fire.building"), ("closed", "unknown"), ("merged", "service.urban")]
)
def test_an_alert_has_the_structure_of_cap_1_2(policy: Policy, state: str, kind: str) -> None:
    """Every rule of the published structure holds; what has ended cancels, naming the first message."""
    root = ET.fromstring(cap.alert(view(state=state, kind=KindView(code=kind, label="事")), policy))  # noqa: S314 - our own output
    assert cap_structure.faults(root) == []
    held = {n: root.findtext(f"{{{cap.NAMESPACE}}}{n}") for n in ("msgType", "references")}
    assert held["msgType"] == ("Alert" if state == "open" else "Cancel")
    assert (held["references"] is not None) == (state != "open")


@pytest.mark.parametrize("state", ["open", "closed", "merged"])
def test_an_eido_has_the_structure_of_nena_sta_021(policy: Policy, state: str) -> None:
    """Required members, their types and registries, identifiers named once, references that lead somewhere."""
    units = [
        TaskView(task_id=f"t{n}", agency="nanxian-fire", agency_class="fire", role="joint", state=s, units=[f"u{n}"])
        for n, s in enumerate(TaskState.__args__)  # type: ignore[attr-defined]  # a Literal
    ]
    more = {"merged_into": "430921-20260405-000016"} if state == "merged" else {}
    shown = view(
        state=state, tasks=units, related=[RelatedView(incident_id="430721-20260405-000001")], disposition="handled",
        first_receiver="nanxian-hotline", **more,
    )  # fmt: skip
    document = json.loads(json.dumps(eido.document(shown, policy)))
    assert eido_structure.faults(document) == []
    assert ("mergeComponent" in document) == (state == "merged")
    pidf = ET.fromstring(document["locationComponent"][0]["locationByValue"])  # noqa: S314 - our own output
    assert pidf.findtext(".//{http://www.opengis.net/gml}pos") == "28.980000 112.370000"


def test_the_eido_rules_find_what_is_wrong(policy: Policy) -> None:
    """The checker itself: a missing member, an unknown word, a reference to nothing."""
    document = json.loads(json.dumps(eido.document(view(), policy)))
    del document["callComponent"][0]["direction"]
    document["incidentComponent"]["incidentStatusCommonRegistryText"] = ["Burning"]
    document["dispatchComponent"][0]["agencyReference"]["$ref"] = "nowhere"
    found = eido_structure.faults(document)
    assert [f for f in found if "direction" in f]
    assert [f for f in found if "Burning" in f]
    assert [f for f in found if "nowhere" in f]


def test_every_kind_of_the_sample_has_a_type_of_the_registry(policy: Policy) -> None:
    """Local codes stay; the mapping is to the registry's own words, CAP's categories among them."""
    assert {k.eido for k in policy.kinds.values()} <= eido_structure.TYPES
    assert {k.cap_category for k in policy.kinds.values()} <= set(cap_structure.CATEGORIES)


def test_an_exercise_is_marked_in_both(policy: Policy) -> None:
    """Invariant 10: an exercise never looks like a live alarm to another centre."""
    root = ET.fromstring(cap.alert(view(exercise=True), policy))  # noqa: S314 - our own output
    assert root.findtext(f"{{{cap.NAMESPACE}}}status") == "Exercise"
    document: Any = eido.document(view(exercise=True), policy)
    incident = document["incidentComponent"]
    assert (incident["incidentTypeCommonRegistryText"], incident["incidentCommonPriorityNumber"]) == ("NCRNDE", 0)
    assert "EXERCISE" in str(document["notesComponent"])


def test_an_alert_tells_nobody_who_rang(policy: Policy) -> None:
    """CAP goes far: neither number nor words of a caller are in it."""
    out = cap.alert(view(), policy).decode()
    assert "138" not in out
    assert "起火" not in out


@pytest.mark.parametrize("state", TaskState.__args__)  # type: ignore[attr-defined]  # a Literal
def test_every_task_state_has_an_eido_word(policy: Policy, state: TaskState) -> None:
    """No state of a task breaks the document; what has ended is no dispatch any more."""
    task = TaskView(task_id="t", agency="nanxian-fire", agency_class="fire", role="lead", state=state)
    document: Any = eido.document(view(tasks=[task]), policy)
    assert bool(document["dispatchComponent"]) == (state not in eido.ENDED)
