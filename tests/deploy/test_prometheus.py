"""The alert rules, judged by Prometheus' own tool: valid, each firing when it should, over metrics that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.reference import known_metrics

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
CASES = Path(__file__).with_name("alerts_test.yml")
_OWN_SERIES = re.compile(r"tocsin_[a-z0-9_]+")


@pytest.fixture(scope="module")
def promtool() -> str:
    """Debian's promtool (package prometheus)."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on this machine: install the package prometheus")
    return found


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a tool; its output is in the failure."""
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, check=False)


def test_configuration_and_rules_are_valid(promtool: str) -> None:
    """Promtool finds no fault with prometheus.yml and the rules it names."""
    checked = run(promtool, "check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_when_it_should_and_not_beside_it(promtool: str) -> None:
    """Promtool's rule tests pass."""
    checked = run(promtool, "test", "rules", CASES)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def alerts() -> list[dict[str, str]]:
    """All rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_every_alert_has_a_case_and_a_mend() -> None:
    """An alert nobody tested, or one that does not say what to do, is not let in."""
    tested = {t["alertname"] for case in yaml.safe_load(CASES.read_text())["tests"] for t in case["alert_rule_test"]}
    assert {a["alert"] for a in alerts()} == tested
    assert all(a["annotations"]["mend"] for a in alerts())


def test_alerts_read_metrics_that_exist() -> None:
    """A renamed metric would make an alert silent for ever."""
    histograms = {f"{name}_bucket" for name, m in known_metrics().items() if m._type == "histogram"}
    known = set(known_metrics()) | histograms
    assert {s for a in alerts() for s in _OWN_SERIES.findall(a["expr"])} <= known
