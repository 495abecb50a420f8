"""`evaluate-danger`: recall and precision by the very code of the services; clear words about a row it cannot read."""

import json
from pathlib import Path

import pytest

from tests.support import tocsin
from tests.unit.incident.world import policy
from tocsin.cli.commands.evaluate_danger import read, scored
from tocsin.cli.errors import Mend

ROWS = (
    "# own sentences\nexpect\tpart\ttext\ndanger\tx\t三楼着火了，有人被困\ndanger\tx\t今天天气好\n"
    "near\tx\t有人要跳楼，快来\nsafe\t想咨询消防演练怎么报名\nsafe\t物业乱收费\n"
)
"""A danger that is none and a safe one that is danger: each figure must show it."""


def written(tmp_path: Path, text: str) -> Path:
    """A file of it."""
    file = tmp_path / "danger.tsv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("line", ["12345", "110"])
def test_recall_and_precision_are_counted_on_any_line(tmp_path: Path, line: str) -> None:
    """Half of the dangers heard, half of what was heard danger; what was missed and heard in vain is named."""
    found = scored(policy(), read(written(tmp_path, ROWS)), line)
    assert (found.n, found.recall, found.precision) == (5, 0.5, 0.5)
    assert (found.missed, found.false) == (["今天天气好"], ["有人要跳楼，快来"])


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    """`--json` gives n, recall and precision; `--show` the sentences too."""
    file = str(written(tmp_path, ROWS))
    assert json.loads(tocsin("evaluate-danger", file, "--json").stdout) == {"n": 5, "recall": 0.5, "precision": 0.5}
    shown = tocsin("evaluate-danger", file, "--show").stdout
    assert "recall 0.5000" in shown
    assert "missed\t今天天气好" in shown


@pytest.mark.parametrize(
    "text", ["danger\t着火了\nperhaps\t着火了\n", "danger\n", "safe\t物业乱收费\n", "# nothing\n", "danger\t\n"]
)
def test_a_row_that_says_nothing_is_named(tmp_path: Path, text: str) -> None:
    """Neither danger nor safe, no text, or no danger to recall: one line with its mend."""
    with pytest.raises(Mend):
        read(written(tmp_path, text))


def test_a_line_that_is_none_is_refused(tmp_path: Path) -> None:
    """As intake would refuse it."""
    with pytest.raises(Mend):
        scored(policy(), read(written(tmp_path, ROWS)), "999")
