"""The command line as a whole: what it says when it is misused."""

import ast
import json
import os
from pathlib import Path

import psutil
import pytest

from tests.support import tocsin
from tocsin.cli import accounts, stopping
from tocsin.cli.checks import check_disk
from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nonsense"], "See `tocsin --help`"),
        (["up", "--nope"], "See `tocsin up --help`"),
        (["tail"], "See `tocsin tail --help`"),
        (["status", "--data-dir", "/nowhere/at/all"], "tocsin up"),
        (["replay", "--until", "yesterday", "--data-dir", "/nowhere/at/all"], "RFC 3339"),
        (["clock", "--advance", "xyz", "--data-dir", "/nowhere/at/all"], "tocsin"),
    ],
)
def test_an_error_is_one_line_with_its_mend(args: list[str], said: str) -> None:
    """Nothing on standard output, one line on standard error that says what to do, and not exit code 0."""
    done = tocsin(*args, ok=False)
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["audit", "repair"], "audit verify"),
        (["deadletter", "drop"], "deadletter replay"),
        (["day", "--scenario", "flood"], "storm"),
        (["explain", "430921-20260405-000017", "--lang", "fr"], "zh or en"),
        (["up", "--clock", "fast"], "manual"),
        (["up", "--nodes", "2"], "--nodes 3"),
        (["up", "--port-base", "80"], "1024"),
        (["replay", "--until", "yesterday"], "RFC 3339"),
        (["clock", "--advance", "30"], "PT30S"),
        (["clock", "--advance", "PT1S", "--set", "2026-04-05T08:00:00+08:00"], "Use one of them"),
        (["tail", "no.such.topic"], "incident.events"),
    ],
)
def test_a_value_that_cannot_be_is_misuse_wherever_it_runs(args: list[str], said: str, tmp_path: Path) -> None:
    """Exit code 2, as for an option that is unknown: it is said before any deployment is looked for."""
    done = tocsin(*args, "--data-dir", str(tmp_path / "none"), ok=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_status_of_nothing_is_an_object_too(tmp_path: Path) -> None:
    """A script that asks whether all is ready is told that it is not, beside the line for people; exit code 1."""
    done = tocsin("status", "--data-dir", str(tmp_path), "--json", ok=False)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"ready": False, "data_dir": str(tmp_path), "services": []}
    assert "tocsin up" in done.stderr


def test_what_cannot_be_undone_asks_nobody_who_is_not_there(tmp_path: Path) -> None:
    """`forget` without a terminal and without --yes is refused, and nothing but an object ever comes with --json."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "keys.db").touch()
    done = tocsin("forget", "13800001234", "--data-dir", str(tmp_path), "--json", ok=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--yes" in done.stderr


ROOT = Path(__file__).resolve().parents[3]


def _file(directory: Path, name: str, text: str) -> str:
    (directory / name).write_text(text)
    return str(directory / name)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["up", "--detach", "--data-dir", "FILE"], "FILE"),
        (["up", "--data-dir", "/proc/none"], "/proc/none"),
        (["evaluate-links", "EMPTY"], "holds no calls"),
        (["evaluate-links", "CALLS", "--policy", "/nowhere"], "/nowhere is no directory"),
        (["evaluate-calls", "CALLS", "--policy", "EMPTYDIR"], "does not hold, 11 findings, the first: policy.toml"),
        (["evaluate-danger", "CALLS", "--policy", "/nowhere"], "/nowhere is no directory"),
        (["day", "--policy", "/nowhere"], "/nowhere is no directory"),
        (["evaluate-calls", "CALLS"], "line: expected one of 110, 119, 122, 120, 12345"),
        (["down", "--data-dir", "/dev/null"], "/dev/null"),
    ],
)
def test_what_a_user_named_wrongly_is_one_line_without_a_traceback(args: list[str], said: str, tmp_path: Path) -> None:
    """A path that cannot be used, a policy that is none, a file without calls: said, with the mend, never as a bug."""
    (tmp_path / "dir").mkdir()
    names = {
        "FILE": _file(tmp_path, "file", "x"), "EMPTY": _file(tmp_path, "empty", ""), "EMPTYDIR": str(tmp_path / "dir"),
        "CALLS": _file(tmp_path, "calls", '{"line": "911", "text": "x", "truth_incident": "a"}'),
    }  # fmt: skip
    done = tocsin(*(names.get(a, a) for a in args), ok=False)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert names.get(said, said) in done.stderr
    assert "error of the program" not in done.stderr


def test_a_broken_run_file_does_not_stop_the_stopping(tmp_path: Path) -> None:
    """Every command says to run `down` where run.json cannot be read, so `down` itself takes it away."""
    _file(tmp_path, "run.json", '{"ready": true}')
    refused = tocsin("status", "--data-dir", str(tmp_path), ok=False)
    assert refused.returncode == 1
    assert "`tocsin down" in refused.stderr
    assert json.loads(tocsin("down", "--data-dir", str(tmp_path), "--json").stdout) == {"stopped": False}
    assert not (tmp_path / "run.json").exists()


def test_anothers_deployment_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run.json that only its owner may read asks for that account; stopping what one may not see is no mend."""

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(Mend, match="Run this as the account that started it") as told:
        Deployment.read(tmp_path)
    assert "tocsin down" not in str(told.value)


@pytest.mark.parametrize("where", ["lock", "process", "run.json"])
def test_stopping_anothers_deployment_says_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Neither its lock, nor its process, nor its run.json is this account's: one line, and which account may."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    def denied(*_: object) -> None:
        raise psutil.AccessDenied(1)

    if where == "process":
        monkeypatch.setattr(stopping, "holder", lambda _: os.getpid())
        monkeypatch.setattr(psutil.Process, "terminate", denied)
    elif where == "lock":
        _file(tmp_path, "up.lock", "1")
        monkeypatch.setattr(os, "open", refused)
    else:
        monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(accounts, "account_of", lambda _: "bell")
    with pytest.raises(Mend, match="is not this account's to stop") as told:
        stopping.stop_deployment(tmp_path)
    assert "run this as bell" in str(told.value)


def test_down_where_there_is_nothing_says_so(tmp_path: Path) -> None:
    """A directory that is not there is told apart from one where nothing runs; neither is an error."""
    assert "there is no such directory" in tocsin("down", "--data-dir", str(tmp_path / "typo")).stdout
    assert not (tmp_path / "typo").exists()
    assert tocsin("down", "--data-dir", str(tmp_path)).stdout == f"nothing ran on {tmp_path}\n"


def test_doctor_says_where_it_may_not_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room alone is not enough: a directory of another account's would stop `up` at its first step."""
    assert [c.state for c in check_disk(tmp_path / "data")] == ["ok"]
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused = next(iter(check_disk(tmp_path / "data")))
    assert (refused.name, refused.state) == ("data directory", "failure")
    assert str(tmp_path) in refused.found
    assert "--data-dir" in refused.mend


def test_the_tests_too_answer_in_json() -> None:
    """Like every command: one object on standard output; what pytest says goes to standard error."""
    args = ("test", "--json", "--", "-q", "-p", "no:cacheprovider", "tests/unit/test_console_words.py")
    done = tocsin(*args)
    assert json.loads(done.stdout) == {"passed": True, "exit_codes": [0]}
    assert "passed" in done.stderr
    failed = tocsin("test", "--json", "--", "-q", "tests/no_such_test.py", ok=False)
    assert failed.returncode != 0
    assert json.loads(failed.stdout)["passed"] is False


def test_every_mend_is_a_sentence() -> None:
    """What to do begins with a capital, a name in backquotes or a value: it stands behind a full stop."""
    small = []
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Mend"):
                continue
            mend = node.args[1] if len(node.args) > 1 else None
            first = mend.values[0] if isinstance(mend, ast.JoinedStr) else mend
            if isinstance(first, ast.Constant) and str(first.value)[:1].islower():
                small.append(f"{file.name}:{node.lineno}: {first.value}")
    assert small == []
