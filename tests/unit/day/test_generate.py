"""The seeded day."""

from collections import Counter

import pytest

from tocsin.day.generate import beginning_at, county_day, speeches
from tocsin.day.report import link_score
from tocsin.day.ring import posted
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.runtime.settings import Settings

SCENARIOS = ("county", "easy", "rush", "storm", "border")


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The sample policy."""
    return load_policy(Settings().policy_path)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_gives_the_same_day(policy: Policy, scenario: str) -> None:
    """A day is named by its seed: a failing figure can be looked at again."""
    one, other = (county_day(policy, seed=3, scenario=scenario, matters=60) for _ in range(2))
    assert one == other
    assert county_day(policy, seed=4, scenario=scenario, matters=60) != one


def test_every_kind_of_the_policy_that_people_ring_about_has_words(policy: Policy) -> None:
    """The generator speaks of every kind the sample policy knows, and of none it does not."""
    unspoken = {"unknown", "invalid.dropped"}
    assert set(policy.kinds) - unspoken == set(speeches())


def test_the_county_day_holds_what_makes_a_day_hard(policy: Policy) -> None:
    """Bursts about one crash, silent calls, an exercise, danger on 12345, a caller with two matters."""
    rings = county_day(policy, seed=1, scenario="county", matters=120)
    per_matter = Counter(r.truth_incident for r in rings if r.truth_kind == "traffic.trapped")
    assert max(per_matter.values()) >= 5
    assert any(r.truth_kind == "invalid.silent" and not r.text for r in rings)
    assert any(r.exercise for r in rings)
    assert any(r.line == "12345" and r.truth_kind == "rescue.suicide" for r in rings)
    callers = Counter((r.number, r.truth_incident) for r in rings)
    numbers = Counter(number for number, _ in callers)
    assert any(n >= 2 for n in numbers.values())


def test_a_day_may_begin_at_any_hour(policy: Policy) -> None:
    """Begun at seven, nothing rings earlier, nothing is left out, and each matter's calls keep their distances."""
    rings = county_day(policy, seed=1, matters=60)
    begun = beginning_at(rings, 7)
    assert {r.call_id for r in begun} == {r.call_id for r in rings}
    assert min(r.at_s for r in begun) >= 7 * 3600
    shift = {r.call_id: b.at_s - r.at_s for r in rings for b in begun if b.call_id == r.call_id}
    per_matter = {
        r.truth_incident: {shift[x.call_id] for x in rings if x.truth_incident == r.truth_incident} for r in rings
    }
    assert all(len(shifts) == 1 for shifts in per_matter.values())


def test_numbers_are_sample_numbers(policy: Policy) -> None:
    """Nobody's telephone rings because of a played day."""
    assert all(r.number.startswith("1380000") for r in county_day(policy, seed=2, matters=80))


def test_a_post_holds_its_truth_only_when_asked(policy: Policy) -> None:
    """What goes to intake does not give the answer away."""
    ring = county_day(policy, seed=1, matters=10)[0]
    assert posted(ring, day_start_ms=0, truth=True).truth_incident == ring.truth_incident
    assert posted(ring, day_start_ms=0, truth=False).truth_incident == ""


def test_link_score_counts_pairs() -> None:
    """Three calls of one matter, one of them put with a stranger: precision, recall and wrong merges by hand."""
    truth = {"a": "1", "b": "1", "c": "1", "d": "2"}
    score = link_score({"a": "x", "b": "x", "c": "y", "d": "y"}, truth)
    assert (score.precision, score.recall, score.wrong_merge_rate) == (0.5, 1 / 3, 0.25)
    perfect = link_score(truth, truth)
    assert (perfect.f1, perfect.wrong_merge_rate) == (1.0, 0.0)
