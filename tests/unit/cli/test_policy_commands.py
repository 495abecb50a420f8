"""`policy`, `evaluate-calls` as a user runs them."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from tocsin.cli import build
from tocsin.policy.source import FILES

RUN = CliRunner()


def test_policy_copy_then_check_holds(tmp_path: Path) -> None:
    """The sample can be copied out and checked; a second copy over it is refused."""
    place = str(tmp_path / "mine")
    assert RUN.invoke(build("policy"), ["policy", "copy", place]).exit_code == 0
    assert {f.name for f in (tmp_path / "mine").iterdir()} == {*FILES, "README.md"}
    checked = RUN.invoke(build("policy"), ["policy", "check", place, "--json"])
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["ok"] is True
    assert RUN.invoke(build("policy"), ["policy", "copy", place]).exit_code == 1


def test_policy_check_names_file_line_and_mend(tmp_path: Path) -> None:
    """A fault makes exit code 1 and is told with its place."""
    place = tmp_path / "mine"
    RUN.invoke(build("policy"), ["policy", "copy", str(place)])
    kinds = (place / "kinds.toml").read_text().replace("nanxian-ecology", "nanxian-ecologie")
    (place / "kinds.toml").write_text(kinds)
    checked = RUN.invoke(build("policy"), ["policy", "check", str(place), "--json"])
    assert checked.exit_code == 1
    found = json.loads(checked.stdout)["findings"]
    assert found[0]["file"] == "kinds.toml"
    assert found[0]["line"] > 0
    assert found[0]["mend"]
    told = RUN.invoke(build("policy"), ["policy", "check", str(place)]).stdout.splitlines()
    assert len(told) == len(found) + 1
    assert re.match(r"kinds\.toml:\d+: unknown agency 'nanxian-ecologie'; name one of agencies\.toml; did you", told[0])
    assert told[-1].endswith("refused as a whole")


def test_evaluate_calls_prints_a_row_a_call(tmp_path: Path) -> None:
    """Each call by itself: kind, priority, classes, whether a person must look, whether it left the hotline's queue."""
    file = tmp_path / "calls.ndjson"
    calls = [
        {"call_id": "a", "line": "119", "text": "房子着火了", "location": {"address": "茅草街镇新街口"}},
        {"call_id": "b", "line": "12345", "text": "煤气味很重"},
        {"call_id": "c", "line": "110", "caller": {"number": "13800001234"}},
    ]
    file.write_text("\n".join(json.dumps(c) for c in calls) + "\n")
    ran = RUN.invoke(build("evaluate_calls"), ["evaluate-calls", str(file)])
    assert ran.exit_code == 0
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert rows[0] == {
        "call_id": "a", "kind": "fire.building", "priority": 1, "classes": ["fire", "police", "medical"],
        "human": False, "escalated": False,
    }  # fmt: skip
    assert (rows[1]["kind"], rows[1]["escalated"]) == ("utility.gas", True)
    assert (rows[2]["kind"], rows[2]["human"], rows[2]["classes"]) == ("invalid.silent", True, [])


def test_evaluate_calls_goes_on_after_a_bad_line(tmp_path: Path) -> None:
    """A line intake would refuse is told, the others are judged, exit code 1."""
    file = tmp_path / "calls.ndjson"
    file.write_text('nothing\n{"line": "999"}\n{"call_id": "x", "line": "110", "text": "\\ud800打架"}\n')
    ran = RUN.invoke(build("evaluate_calls"), ["evaluate-calls", str(file)])
    assert ran.exit_code == 1
    assert [json.loads(line)["call_id"] for line in ran.stdout.splitlines() if line.startswith("{")] == ["x"]
