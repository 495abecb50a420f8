"""The sample policy is what the contract says it is."""

from pathlib import Path

import pytest

from tocsin.policy.load import check_policy, load_policy
from tocsin.policy.model import Policy

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"
N = "nanxian-"
PLANS = {
    "fire.building": ("fire", "police 120", 1), "fire.vehicle": ("fire", "traffic", 1),
    "fire.vegetation": ("fire", "", 2),
    "traffic.trapped": ("traffic", "fire 120 police", 1), "traffic.injury": ("traffic", "120", 1),
    "traffic.damage": ("traffic", "", 3), "traffic.obstruct": ("traffic", "", 4),
    "crime.inprogress": ("police", "", 1), "crime.domestic": ("police", "", 1), "crime.fraud": ("police", "", 2),
    "crime.reported": ("police", "", 3), "order.dispute": ("police", "", 3), "order.noise": ("police", "", 4),
    "medical.cardiac": ("120", "", 1), "medical.stroke": ("120", "", 1), "medical.trauma": ("120", "", 1),
    "medical.birth": ("120", "", 1), "medical.poison": ("120", "", 1), "medical.other": ("120", "", 2),
    "rescue.water": ("fire", "police 120", 1), "rescue.suicide": ("police", "fire 120", 1),
    "rescue.other": ("fire", "", 2),
    "hazmat.leak": ("fire", "police 120 ecology", 1), "utility.gas": ("fire", "gas", 1),
    "utility.water": ("water", "", 3), "utility.power": ("power", "", 3), "flood.dyke": ("command", "fire police", 1),
    "person.missing": ("police", "", 2), "unknown": ("command", "", 2),
}  # fmt: skip
SERVICES = (
    "transport party agriculture labour health commerce land urban justice education civil environment technology "
    "discipline economy"
)
AGENCIES = (
    "command police traffic fire 120 hotline inspection civil-affairs finance housing urban hr education health "
    "ecology transport market agriculture power water gas redcross town-maocaojie town-langbahu"
)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The sample."""
    return load_policy(SAMPLE)


@pytest.mark.parametrize("code", PLANS)
def test_each_kind_has_the_plan_and_priority_of_the_contract(policy: Policy, code: str) -> None:
    """Section 3 of the contract, row by row: lead, joint agencies, priority."""
    lead, joint, priority = PLANS[code]
    kind = policy.kinds[code]
    assert [p.agency for p in kind.plan if p.role == "lead"] == [N + lead]
    assert {p.agency for p in kind.plan if p.role == "joint"} == {N + j for j in joint.split()}
    assert kind.priority == priority


@pytest.mark.parametrize("name", SERVICES.split())
def test_each_hotline_class_goes_to_a_department_at_priority_4(policy: Policy, name: str) -> None:
    """The fifteen hotline classes are work for a department, routine, each with a promise."""
    kind = policy.kinds[f"service.{name}"]
    assert kind.priority == 4
    assert [policy.agencies[p.agency].agency_class for p in kind.plan] == ["department"]
    assert kind.limit in {"consult", "complaint", "complex"}
    assert kind.group


@pytest.mark.parametrize("name", ["silent", "dropped", "nuisance", "test", "misdial"])
def test_invalid_calls_wait_for_a_person_without_tasks(policy: Policy, name: str) -> None:
    """No-incident kinds are suggested only: nobody is sent, a person reviews."""
    kind = policy.kinds[f"invalid.{name}"]
    assert kind.review
    assert not kind.plan


def test_agencies_regions_units_and_hospitals_are_the_contracts(policy: Policy) -> None:
    """Ids others build against: none missing, none added; a roster and a duty officer each."""
    assert set(policy.agencies) == {N + a for a in AGENCIES.split()}
    assert all(a.roster and a.duty for a in policy.agencies.values())
    assert {a.type for a in policy.agencies.values()} == {"government", "utility", "social", "township"}
    assert set(policy.regions) == {"430921", "430623", "430721", "430981", "000000"}
    assert [u.id for u in policy.units] == [f"nanxian-amb-{i:02d}" for i in range(1, 9)]
    assert [u.type for u in policy.units] == ["ALS"] * 3 + ["BLS"] * 5
    assert {h.id for h in policy.hospitals} == {"nanxian-hosp-people", "nanxian-hosp-tcm", "nanxian-hosp-maocaojie"}
    assert policy.default_region == "430921"
    assert len(policy.gazetteer) >= 300


def test_every_limit_says_where_it_comes_from(policy: Policy) -> None:
    """A figure without a source is no rule; every clock has at least one limit."""
    assert all(x.source for x in policy.limits)
    assert {x.clock for x in policy.limits} == {
        "answer", "dispatch", "acknowledge", "arrive", "feedback", "complete", "callback", "review"
    }  # fmt: skip


def test_the_sample_holds_and_its_hash_is_of_its_bytes(tmp_path: Path, policy: Policy) -> None:
    """Nothing is wrong with the sample; the same bytes elsewhere are the same policy, one byte more is another."""
    assert check_policy(SAMPLE) == []
    for f in SAMPLE.iterdir():
        (tmp_path / f.name).write_bytes(f.read_bytes())
    assert load_policy(tmp_path).hash == policy.hash
    with (tmp_path / "kinds.toml").open("a") as f:
        f.write("# changed\n")
    assert load_policy(tmp_path).hash != policy.hash


def test_working_days_follow_the_published_calendar(policy: Policy) -> None:
    """A made-up working Saturday and a public holiday of a known year differ from the plain week."""
    assert "2026-10-01" in policy.calendar.holidays
    assert policy.calendar.workdays
    assert 2026 in policy.calendar.years
