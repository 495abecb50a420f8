"""The command line as a whole: what it says when it is misused."""

from pathlib import Path

import pytest

from tests.support import tocsin


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


def test_what_cannot_be_undone_asks_nobody_who_is_not_there(tmp_path: Path) -> None:
    """`forget` without a terminal and without --yes is refused, and nothing but an object ever comes with --json."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "keys.db").touch()
    done = tocsin("forget", "13800001234", "--data-dir", str(tmp_path), "--json", ok=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--yes" in done.stderr
