"""The page of the domain's rules is true: each rule has tests, and each test named is one that runs."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rules.md"
SECTIONS = ["Calls and incidents", "Task chain", "110 and 12345", "Time limits", "Who may see what", "Exchange"]
_ROW = re.compile(r"^\| (?P<rule>.+?) \| (?P<tests>.+) \|$", re.MULTILINE)
_TEST = re.compile(r"[a-z0-9_/]+\.py::test_\w+")


def rules() -> list[tuple[str, str, list[str]]]:
    """Section, rule and its tests."""
    found = []
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        section, _, body = part.partition("\n")
        rows = [r for r in _ROW.finditer(body) if r["rule"] not in ("rule", "---")]
        found += [(section.strip(), r["rule"], [t.strip() for t in r["tests"].split(",")]) for r in rows]
    return found


@cache
def found_in(file: Path) -> dict[str, str]:
    """The tests of a file with what they say they guarantee."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {f.name: ast.get_docstring(f) or "" for f in functions if f.name.startswith("test_")}


def file_of(name: str) -> Path:
    """Where a test stands."""
    unit = ROOT / "tests" / "unit" / name
    return unit if unit.is_file() else ROOT / "tests" / name


def test_the_page_has_the_domains_sections() -> None:
    """All of them, in their order, none empty, no rule twice."""
    assert list(dict.fromkeys(s for s, _, _ in rules())) == SECTIONS
    said = [r for _, r, _ in rules()]
    assert len(said) == len(set(said))


@pytest.mark.parametrize(("section", "rule", "tests"), rules(), ids=[r for _, r, _ in rules()])
def test_a_rule_is_held_by_tests_that_run(section: str, rule: str, tests: list[str]) -> None:
    """Each name is that of a test in its file, which says what it guarantees."""
    assert tests, f"{section}: {rule} has no test"
    for name in tests:
        assert _TEST.fullmatch(name), f"not the name of a test: {name}"
        file, _, function = name.partition("::")
        assert found_in(file_of(file)).get(function), f"no test {name} with a docstring"
