"""The code map of ARCHITECTURE.md is true to the tree: every package stands in it, and nothing that is gone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def _named() -> set[str]:
    """Paths in the first column of the map, `a/{b,c}` written out."""
    rows = PAGE.split("## Code map", 1)[1].split("\n## ", 1)[0].splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    return {path.rstrip("/*") for cell in cells for path in re.findall(r"`([^`]+)`", cell)}


def test_every_package_stands_in_the_code_map() -> None:
    """A reader finds what each part is for; a new package without a row fails here."""
    packages = {f"src/tocsin/{p.parent.name}" for p in (ROOT / "src/tocsin").glob("*/__init__.py")}
    assert len(packages) > 15
    assert packages - _named() == set()


def test_what_the_code_map_names_is_there() -> None:
    """Paths of the tree alone, those of the second line of a cell by their folder."""
    roots = (ROOT, ROOT / "src/tocsin")
    assert [n for n in sorted(_named()) if not any((r / n).exists() for r in roots)] == []
