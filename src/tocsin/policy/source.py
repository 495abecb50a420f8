"""The files of a policy directory: read as bytes, hashed, parsed, with the line of every row for findings."""

import csv
import hashlib
import io
import json
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

TOML_FILES = (
    "policy.toml", "agencies.toml", "kinds.toml", "raises.toml", "limits.toml", "linking.toml", "calendar.toml",
    "lexicon.toml", "ems.toml",
)  # fmt: skip
GAZETTEER, BOUNDARIES = "gazetteer.csv", "boundaries.geojson"
HEARING = "hearing.tsv"
"""What was learned from sentences; a policy without it goes by the lexicon alone."""
FILES = (*TOML_FILES, GAZETTEER, BOUNDARIES, HEARING)
OPTIONAL = frozenset({HEARING})
_COLUMNS = ["id", "kind", "names", "region", "town", "lon", "lat", "radius_m", "setting"]
_FILE_MAX = 16 * 1024 * 1024


class Finding(NamedTuple):
    """What is wrong in a policy directory: where (line 1 upwards, 0: the whole file), what, and what to do about it."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"


class PolicyInvalid(Exception):
    """A directory that is no policy: refused as a whole, whatever was in force stays so."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(map(str, findings[:5])) + ("; …" if len(findings) > 5 else ""))  # noqa: PLR2004 - a message's length
        self.findings = findings


class Row(NamedTuple):
    """A line of the gazetteer as text."""

    line: int
    fields: dict[str, str]


class Files(NamedTuple):
    """A directory as parsed. `toml` by file name; `features` of the boundaries; findings of what could not be."""

    hash: str
    text: dict[str, str]
    toml: dict[str, dict[str, Any]]
    gazetteer: list[Row]
    features: list[dict[str, Any]]
    findings: list[Finding]

    def line(self, file: str, needle: str, after: int = 0) -> int:
        """The first line (from 1) after line `after` that holds `needle`; 0 where none does."""
        for n, text in enumerate(self.text.get(file, "").split("\n"), 1):
            if n > after and needle in text:
                return n
        return 0

    def table(self, file: str, name: str, index: int) -> int:
        """The line of the index-th `[[name]]` (from 0)."""
        found = [n for n, t in enumerate(self.text.get(file, "").split("\n"), 1) if t.strip() == f"[[{name}]]"]
        return found[index] if index < len(found) else 0


def policy_hash(directory: Path) -> str:
    """`sha256:` over the policy's files in sorted order: name, length and bytes of each."""
    digest = hashlib.sha256()
    for name in sorted(FILES):
        path = directory / name
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return "sha256:" + digest.hexdigest()


def read_files(directory: Path) -> Files:
    """Reads and parses every file; what cannot be is a finding, not an exception."""
    findings: list[Finding] = []
    text: dict[str, str] = {}
    for name in FILES:
        path = directory / name
        try:
            if path.stat().st_size > _FILE_MAX:
                findings.append(Finding(name, 0, "the file is over 16 MiB", "split or thin it"))
                continue
            text[name] = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            if name in OPTIONAL:
                continue
            findings.append(Finding(name, 0, "the file is missing", "copy it from the sample (tocsin policy copy)"))
        except (OSError, UnicodeDecodeError) as e:
            findings.append(Finding(name, 0, f"cannot be read as UTF-8 text ({type(e).__name__})", "save it as UTF-8"))
    toml = {}
    for name in TOML_FILES:
        if name in text:
            toml[name] = _toml(name, text[name], findings)
    return Files(
        policy_hash(directory) if directory.is_dir() else "", text, toml,
        _gazetteer(text.get(GAZETTEER), findings), _features(text.get(BOUNDARIES, "{}"), findings), findings,
    )  # fmt: skip


def _toml(name: str, text: str, findings: list[Finding]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        at = re.search(r"line (\d+)", str(e))
        last = text.count("\n") + 1 if "end of document" in str(e) else 0
        findings.append(Finding(name, int(at.group(1)) if at else last, f"not TOML: {e}", "mend the line's form"))
        return {}


def _gazetteer(text: str | None, findings: list[Finding]) -> list[Row]:
    rows: list[Row] = []
    header: list[str] | None = None
    reader = csv.reader(io.StringIO(text or ""))
    try:
        for cells in reader:
            if not cells or cells[0].startswith("#"):
                continue
            if header is None:
                header = cells
                if header != _COLUMNS:
                    mend = f"write them as {','.join(_COLUMNS)}"
                    findings.append(Finding(GAZETTEER, reader.line_num, "the columns are not the expected ones", mend))
                    return []
            elif len(cells) != len(header):
                what = f"{len(cells)} cells where {len(header)} belong"
                findings.append(Finding(GAZETTEER, reader.line_num, what, "give the line all its cells"))
            else:
                rows.append(Row(reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=True))))
    except csv.Error as e:
        findings.append(Finding(GAZETTEER, reader.line_num, f"not CSV: {e}", "mend the line's form"))
        return rows
    if header is None and text is not None:
        findings.append(Finding(GAZETTEER, 1, "there are no columns", f"begin with {','.join(_COLUMNS)}"))
    return rows


def _features(text: str, findings: list[Finding]) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
        features = found.get("features", []) if isinstance(found, dict) else None
    except (ValueError, RecursionError) as e:
        at = getattr(e, "lineno", 0)
        findings.append(Finding(BOUNDARIES, at, f"not JSON: {e}", "mend the line's form"))
        return []
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        findings.append(Finding(BOUNDARIES, 1, "not a GeoJSON FeatureCollection", "give it a list of features"))
        return []
    return features
