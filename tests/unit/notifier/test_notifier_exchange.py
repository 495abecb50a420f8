"""CAP 1.2 and EIDO, held against their published structure."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from services.notifier import cap, eido
from tocsin.incident.values import TaskState
from tocsin.incident.view import CallerView, CallView, IncidentView, KindView, LocationView, TaskView
from tocsin.place import Point
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.runtime.settings import Settings

ALERT = [
    "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code", "note",
    "references", "incidents", "info",
]  # fmt: skip
INFO = [
    "language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience", "eventCode",
    "effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web", "contact",
    "parameter", "resource", "area",
]  # fmt: skip
CATEGORIES = {
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
}
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d$")


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


def names(node: ET.Element) -> list[str]:
    """The local names of a node's children."""
    return [child.tag.removeprefix(f"{{{cap.NAMESPACE}}}") for child in node]


def in_order(found: list[str], order: list[str]) -> bool:
    """Whether elements stand in the schema's sequence."""
    places = [order.index(n) for n in found]
    return places == sorted(places)


@pytest.mark.parametrize(
    ("state", "kind"), [("open", "fire.building"), ("closed", "unknown"), ("merged", "service.urban")]
)
def test_an_alert_has_the_structure_of_cap_1_2(policy: Policy, state: str, kind: str) -> None:
    """Namespace, required elements in the schema's order, allowed values, whole-second times with an offset."""
    root = ET.fromstring(cap.alert(view(state=state, kind=KindView(code=kind, label="事")), policy))  # noqa: S314 - our own output
    assert root.tag == f"{{{cap.NAMESPACE}}}alert"
    assert in_order(names(root), ALERT)
    held = {n: root.findtext(f"{{{cap.NAMESPACE}}}{n}") for n in names(root)}
    assert MOMENT.match(held["sent"] or "")
    assert held["msgType"] == ("Alert" if state == "open" else "Cancel")
    assert ("references" in held) == (state != "open")
    for info in root.findall(f"{{{cap.NAMESPACE}}}info"):
        assert in_order(names(info), INFO)
        assert info.findtext(f"{{{cap.NAMESPACE}}}category") in CATEGORIES
        assert {"category", "event", "urgency", "severity", "certainty", "area"} <= set(names(info))


def test_an_exercise_is_marked_in_both(policy: Policy) -> None:
    """Invariant 10: an exercise never looks like a live alarm to another centre."""
    root = ET.fromstring(cap.alert(view(exercise=True), policy))  # noqa: S314 - our own output
    assert root.findtext(f"{{{cap.NAMESPACE}}}status") == "Exercise"
    assert "'isTestIncidentBoolean': True" in str(eido.document(view(exercise=True), policy))


def test_an_alert_tells_nobody_who_rang(policy: Policy) -> None:
    """CAP goes far: neither number nor words of a caller are in it."""
    out = cap.alert(view(), policy).decode()
    assert "138" not in out
    assert "起火" not in out


@pytest.mark.parametrize("state", TaskState.__args__)  # type: ignore[attr-defined]  # a Literal
def test_every_task_state_has_an_eido_word(policy: Policy, state: TaskState) -> None:
    """No state of a task breaks the document."""
    task = TaskView(task_id="t", agency="nanxian-fire", agency_class="fire", role="lead", state=state)
    assert "dispatchStatusCommonRegistryText" in str(eido.document(view(tasks=[task]), policy))
