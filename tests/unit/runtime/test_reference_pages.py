"""The reference pages say what the code does: topics, metrics and settings (docs held to the code)."""

import pytest

from scripts import reference


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_reference_page_is_what_the_code_gives(name: str) -> None:
    """A topic, metric or setting added without its line in the docs fails here."""
    assert (reference.ROOT / "docs" / name).read_text() == reference.PAGES[name](), "run scripts/reference.py"


CONTRACT = {
    "tocsin_calls_received_total": ("line", "channel", "durability"),
    "tocsin_decisions_total": ("line", "outcome"),
    "tocsin_stage_seconds": ("stage",),
    "tocsin_answer_seconds": ("line",),
    "tocsin_seconds_since_last_call": ("line",),
    "tocsin_tasks_open": ("agency_class", "state"),
    "tocsin_clocks_missed_total": ("clock", "agency_class"),
    "tocsin_oldest_unacknowledged_seconds": ("agency_class",),
    "tocsin_consumer_lag": ("topic", "partition"),
    "tocsin_stable_offset_lag": ("topic", "partition"),
    "tocsin_spool_depth": (),
    "tocsin_deadletters_total": ("stage",),
    "tocsin_stream_clients": (),
    "tocsin_unit_state": ("state",),
    "tocsin_replay_mismatches_total": (),
    "tocsin_build_info": ("version", "policy"),
}


def test_every_metric_of_the_contract_is_there_with_its_labels() -> None:
    """Names and labels are the contract's; one renamed breaks dashboards outside."""
    known = {name: tuple(m._labelnames) for name, m in reference.known_metrics().items()}
    assert {name: known.get(name) for name in CONTRACT} == CONTRACT


def test_no_label_can_hold_a_person_a_call_or_an_incident() -> None:
    """Labels are few and bounded: none names a call, incident, task, unit, caller or number."""
    labels = {label for m in reference.known_metrics().values() for label in m._labelnames}
    assert not {label for label in labels if label.endswith("_id") or label in {"number", "caller", "subject", "name"}}
