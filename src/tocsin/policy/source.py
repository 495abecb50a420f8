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

    def tables(self, file: str, name: str) -> list[int]:
        """The line of each `[[name]]`, in order."""
        lines = enumerate(self.text.get(file, "").split("\n"), 1)
        return [n for n, t in lines if t.lstrip().startswith("[[") and re.sub(r"\s|#.*", "", t) == f"[[{name}]]"]

    def within(self, file: str, row: int, needle: str) -> int:
        """The line that holds `needle` in the table that begins at line `row`; `row` itself where none does."""
        lines = self.text.get(file, "").split("\n")
        for n in range(max(row, 1), len(lines) + 1):
            if n > row and lines[n - 1].startswith("["):
                break
            if needle in lines[n - 1]:
                return n
        return row


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
        except UnicodeDecodeError as e:
            line = e.object[: e.start].count(b"\n") + 1
            findings.append(Finding(name, line, "the line is not UTF-8 (perhaps GBK)", "save the file as UTF-8"))
        except FileNotFoundError:
            if name in OPTIONAL:
                continue
            findings.append(Finding(name, 0, "the file is missing", "copy it from the sample (tocsin policy copy)"))
        except OSError as e:
            why = (e.strerror or type(e).__name__).lower()
            findings.append(Finding(name, 0, f"the file cannot be read: {why}", "let this account read it"))
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
        findings.append(_no_toml(name, text, str(e)))
        return {}


def _no_toml(name: str, text: str, said: str) -> Finding:
    """The parser's own words, without its place, which is the finding's; and what most often mends them."""
    lines = text.split("\n")
    at = re.search(r"line (\d+)", said)
    line = int(at.group(1)) if at else len(lines)
    if "Unclosed array" in said:  # told where the parser gave up: the list began further up
        opened = (n for n in range(min(line, len(lines)), 0, -1) if re.search(r"=\s*\[[^\]]*$", lines[n - 1]))
        line = next(opened, line)
    here = lines[line - 1] if line <= len(lines) else ""
    what = re.sub(r"\s*\(at [^()]*\)", "", said)
    mends = {
        "Invalid value": 'write text in "quotes", numbers bare, true or false in small letters',
        "Cannot overwrite": "the name stands twice here: keep one",
        "Cannot declare": "the table stands twice: keep one",
        "Unclosed array": "close the list that begins here with ]",
        "Expected '='": "write name = value",
        "Illegal character": 'close the text with a " on its own line',
        "Unterminated": 'close the text with a "',
    }
    wide = sorted(set("“”‘’，：＝［］｛｝＂") & set(re.sub(r'"[^"]*"', "", here)))
    mend = next((m for words, m in mends.items() if words in said), "see that quotes, brackets and commas are closed")
    if wide:
        mend = f"write half-width signs instead of {' '.join(wide)}"
    return Finding(name, line, f"not TOML: {what}", mend)


def _gazetteer(text: str | None, findings: list[Finding]) -> list[Row]:
    rows: list[Row] = []
    header: list[str] | None = None
    reader = csv.reader(io.StringIO(text or ""))
    began = 1
    try:
        for cells in reader:
            line, began = began, reader.line_num + 1
            if not cells or cells[0].startswith("#"):
                continue
            if header is None:
                header = cells
                if header != _COLUMNS:
                    mend = f"write them as {','.join(_COLUMNS)}"
                    findings.append(Finding(GAZETTEER, reader.line_num, "the columns are not the expected ones", mend))
                    return []
            elif len(cells) != len(header):
                what, mend = f"{len(cells)} cells where {len(header)} belong", "give the line all its cells"
                if began - line > 1:
                    what, mend = "a quotation mark that is not closed on its line", "close it, or take it out"
                findings.append(Finding(GAZETTEER, line, what, mend))
            else:
                rows.append(Row(reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=True))))
    except csv.Error as e:
        findings.append(Finding(GAZETTEER, reader.line_num, f"not CSV: {e}", "mend the line's form"))
        return rows
    if header is None and text is not None:
        findings.append(Finding(GAZETTEER, 1, "there are no columns", f"begin with {','.join(_COLUMNS)}"))
    return rows


_SYSTEMS = ("CRS84", "4326", "4490")
"""WGS84 by its two names; CGCS2000, which lies within centimetres of it."""


def _systems(text: str, found: Any) -> list[Finding]:
    """A `crs` that names another system: read as WGS84, every outline would lie elsewhere."""
    if not isinstance(found, dict) or found.get("crs") is None:
        return []
    crs = found["crs"]
    name = str(crs.get("properties", {}).get("name", "")) if isinstance(crs, dict) else str(crs)
    if name.rsplit(":", 1)[-1].upper() in _SYSTEMS:
        return []
    line = next((n for n, t in enumerate(text.split("\n"), 1) if '"crs"' in t), 1)
    what = f"the outlines are in another system ({name or 'one without a name'})"
    return [Finding(BOUNDARIES, line, what, "convert them to WGS84 (EPSG:4326) and take crs out")]


def _features(text: str, findings: list[Finding]) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
        features = found.get("features", []) if isinstance(found, dict) else None
    except (ValueError, RecursionError) as e:
        where = e.lineno if isinstance(e, json.JSONDecodeError) else 1
        what = f"{e.msg.lower()}, at column {e.colno}" if isinstance(e, json.JSONDecodeError) else "nested too deep"
        mend = "look there for a comma, a quotation mark or a bracket too many or too few"
        findings.append(Finding(BOUNDARIES, where, f"not JSON: {what}", mend))
        return []
    findings += _systems(text, found)
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        findings.append(Finding(BOUNDARIES, 1, "not a GeoJSON FeatureCollection", "give it a list of features"))
        return []
    return features
