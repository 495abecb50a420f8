"""The form of every table: which fields there must be and of what type; and what all checks share."""

import difflib
import json
import re
from collections.abc import Collection
from typing import Any

from tocsin.policy.source import Files, Finding

_HOURS = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")
_TEXT, _WHOLE, _NUMBER, _BOOL, _TEXTS, _TABLE = (
    "text",
    "a whole number",
    "a number",
    "true or false",
    "a list of texts",
    "a table",
)
_WHOLES = "a list of whole numbers"
_LISTS: dict[str, type] = {_TEXTS: str, _WHOLES: int}

_MAIN = {
    "name": _TEXT, "version": _TEXT, "default_region": _TEXT, "command_region": _TEXT, "command_agency": _TEXT,
    "inspection_agency": _TEXT, "return_urgent_s": _WHOLE, "return_routine_working_days": _WHOLE,
    "transfers_before_command": _WHOLE, "known_id_days?": _WHOLE, "archive_after_days?": _WHOLE,
    "confidence_min?": _NUMBER, "dropped_within_s?": _NUMBER,
    "complaint_verbs?": _TEXTS, "complaint_reports?": _TEXTS, "complaint_blame?": _TEXTS,
    "complaint_between?": _TEXTS, "complaint_places?": _TEXTS, "complaint_feigned?": _TEXTS,
    "complaint_deeds?": _TEXTS, "complaint_blows?": _TEXTS, "complaint_still?": _TEXTS, "complaint_kind?": _TEXT,
    "first_receivers": _TABLE, "seat_roles": _TABLE,
}  # fmt: skip
_PLACED = {"id": _TEXT, "label": _TEXT, "lon": _NUMBER, "lat": _NUMBER}
# Fields by file and table; "" is the file itself, "?" after a name means it may be absent.
FORMS: dict[str, dict[str, dict[str, str]]] = {
    "policy.toml": {
        "": _MAIN,
        "region": {
            "id": _TEXT, "label": _TEXT, "label_en": _TEXT, "own": _BOOL, "neighbours?": _TEXTS, "served_by?": _TEXT,
        },
    },
    "agencies.toml": {
        "agency": {
            "id": _TEXT, "label": _TEXT, "label_en": _TEXT, "agency_class": "police|fire|traffic|medical|department",
            "type": "government|utility|social|township", "regions": _TEXTS, "duty?": _TEXT, "roster?": "tables",
            "external_ids?": _TABLE, "said?": _TEXTS, "capabilities?": _TEXTS,
        },
    },
    "kinds.toml": {
        "kind": {
            "code": _TEXT, "label": _TEXT, "label_en": _TEXT, "priority": _WHOLE, "lead?": _TEXT, "joint?": _TEXTS,
            "review?": _BOOL, "group?": _TEXT, "limit?": _TEXT, "urn?": _TEXT, "cap_category?": _TEXT, "eido?": _TEXT,
            "confidential?": _BOOL, "needs?": _TABLE,
        },
    },
    "raises.toml": {
        "raise": {"name": _TEXT, "kinds": _TEXTS, "agencies": _TEXTS, "priority": _WHOLE, "source?": _TEXT,
                  "needs?": _TABLE},
    },
    "limits.toml": {
        "limit": {
            "clock": "answer|dispatch|acknowledge|arrive|feedback|complete|callback|review", "source": _TEXT,
            "seconds?": _WHOLE, "night_seconds?": _WHOLE, "working_days?": _WHOLE, "same_day?": _BOOL,
            "lines?": _TEXTS, "kinds?": _TEXTS,
            "limits?": _TEXTS, "priorities?": _WHOLES, "agency_classes?": _TEXTS, "settings?": _TEXTS,
            "asks?": _BOOL, "warn_share?": _NUMBER, "warn_working_days?": _WHOLE, "red_factor?": _NUMBER,
            "red_working_days?": _WHOLE,
        },
    },
    "linking.toml": {
        "": {
            "link_at": _NUMBER, "suggest_at": _NUMBER, "distance_half_m": _NUMBER, "distance_max_m": _NUMBER,
            "gap_half_s": _NUMBER, "gap_max_s": _NUMBER, "weights": _TABLE, "kinds": _TABLE, "reopen_within_s": _WHOLE,
            "border_m": _NUMBER, "source?": _TEXT, "gap_factors?": _TABLE, "distance_factors?": _TABLE,
            "joined_within_s?": _TABLE, "joined_within_m?": _TABLE, "own_matters?": _TEXTS, "asking?": _TEXT,
            "asking_factor?": _NUMBER, "apart?": _TABLE,
        },
    },
    "calendar.toml": {
        "": {
            "opens?": _TEXT, "closes?": _TEXT, "night_from?": _TEXT, "night_to?": _TEXT, "holidays?": "days",
            "workdays?": "days", "years?": _WHOLES,
        },
    },
    "lexicon.toml": {
        "": {
            "topic?": _TEXTS, "unreal?": _TEXTS, "real?": _TEXTS, "supposed?": _TEXTS, "now?": _TEXTS, "live?": _TEXTS,
            "separators?": _TEXTS, "consult": _TEXTS, "complain?": _TEXTS, "past": _TEXTS, "ended?": _TEXTS,
            "negations": _TEXTS,
            "masks?": _TEXTS, "fold": _TABLE, "letter?": _TEXTS, "slots?": _TABLE, "sounds?": _TEXTS,
            "misheard?": _TEXTS, "spared?": _TEXTS, "denied?": _TABLE,
        },
        "term": {
            "words": _TEXTS, "kind?": _TEXT, "weight?": _NUMBER, "danger?": _BOOL, "raises?": _TEXTS, "hazard?": _TEXT,
            "lines?": _TEXTS,
        },
        "refine?": {"kind": _TEXT, "raises": _TEXT, "to": _TEXT},
        "absorb?": {"kinds": _TEXTS, "into": _TEXTS},
        "nearer?": {"kinds": _TEXTS, "to": _TEXTS},
    },
    "ems.toml": {
        "": {
            "acknowledge_s": _WHOLE, "road_speed_kmh": _NUMBER, "road_factor": _NUMBER, "mass_casualty_at": _WHOLE,
            "position_age_max_s": _WHOLE, "triage": _TABLE, "arrival_s": _TABLE, "als_for": _TEXTS,
            "hospital_for": _TABLE, "source?": _TEXT,
        },
        "unit?": {**_PLACED, "type": "ALS|BLS", "station": _TEXT},
        "hospital?": {**_PLACED, "capabilities": _TEXTS, "beds": _WHOLE},
    },
}  # fmt: skip
_WORDS = {_TEXT: "a text", "tables": "a list of { … } rows", "days": "a list of days"}
_EXAMPLES = {
    _TEXT: '"…"', _WHOLE: "1, a whole number without quotes", _NUMBER: "0.5, without quotes", _BOOL: "true (or false)",
    _TEXTS: '["…", "…"]', _WHOLES: "[1, 2]", _TABLE: "{ … = … }", "tables": "[{ … }]", "days": '["2026-10-01"]',
}  # fmt: skip
_SHOWN_MAX = 40
_SHIFT = {"name": _TEXT, "days": _WHOLES, "from_time": _TEXT, "to_time": _TEXT}


class Judge:
    """Gathers findings; knows which agencies, kinds and regions there are."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.findings: list[Finding] = []
        self._rows: dict[tuple[str, str], list[int]] = {}

    def toml(self, file: str) -> dict[str, Any]:
        """A file as parsed."""
        return self.files.toml[file]

    def say(self, file: str, line: int, what: str, mend: str) -> None:
        """Adds a finding."""
        self.findings.append(Finding(file, line, what, mend))

    def faulty(self) -> set[str]:
        """Files with something wrong so far: what builds on them cannot be judged yet."""
        return {f.file for f in (*self.files.findings, *self.findings)}

    def at(self, file: str, needle: str) -> int:
        """The line where this stands."""
        return self.files.line(file, needle)

    def header(self, file: str, name: str) -> int:
        """The line where a name of the file itself stands: `name =`, `[name]` or `[[name]]`; 1 where none does."""
        found = (self.files.line(file, n) for n in (f"{name} =", f"[{name}]", name))
        return next((n for n in found if n), 1)

    def row(self, file: str, table: str, index: int) -> int:
        """The line of a row of `[[table]]`."""
        if (file, table) not in self._rows:
            self._rows[file, table] = self.files.tables(file, table)
        found = self._rows[file, table]
        return found[index] if index < len(found) else 0

    def names(self, file: str, table: str, field: str) -> set[str]:
        """All values of a field."""
        return {str(r[field]) for r in self.toml(file).get(table, [])}

    def field(self, file: str, row: int, name: str) -> int:
        """The line of a field of the table that begins at line `row`."""
        spaced = self.files.within(file, row, f"{name} =")
        return spaced if spaced != row else self.files.within(file, row, f"{name}=")

    def unique(self, file: str, table: str, field: str) -> set[str]:
        """The same; a value that stands twice, or is blank, is a finding."""
        seen: dict[str, int] = {}
        for i, r in enumerate(self.toml(file).get(table, [])):
            value, row = str(r[field]), self.row(file, table, i)
            if not value.strip():
                self.say(file, self.field(file, row, field), f"{table} without {field}", "give it one of its own")
            elif value in seen:
                what = f"{table} {field} {value!r} stands twice, first in line {seen[value]}"
                self.say(file, self.field(file, row, field), what, "give each its own")
            seen.setdefault(value, row)
        return set(seen)

    def named(self, file: str, line: int, what: str, value: str, known: Collection[str], where: str) -> None:
        """A finding for a name that is none of those known: at the line where it stands, with the nearest of them."""
        close = difflib.get_close_matches(value, known, 1)
        mend = f"name one of {where}" + (f"; did you mean {close[0]!r}?" if close else "")
        self.say(file, self.files.within(file, line, f'"{value}"'), f"unknown {what} {value!r}", mend)

    def agency(self, file: str, line: int, agency: str) -> None:
        """An agency that must exist."""
        known = self.names("agencies.toml", "agency", "id")
        if agency not in known:
            self.named(file, line, "agency", agency, known, "agencies.toml")

    def region(self, file: str, line: int, region: str) -> None:
        """A region that must exist."""
        known = self.names("policy.toml", "region", "id")
        if region not in known:
            self.named(file, line, "region", region, known, "policy.toml")

    def kind(self, file: str, line: int, pattern: str) -> None:
        """A kind (or `group.*`) that must exist."""
        codes = self.names("kinds.toml", "kind", "code")
        if pattern not in codes and not (pattern.endswith(".*") and any(c.startswith(pattern[:-1]) for c in codes)):
            groups = {f"{c.split('.')[0]}.*" for c in codes if "." in c}
            known = groups if pattern.endswith(".*") else codes
            self.named(file, line, "kind", pattern, known, "kinds.toml, or group.*")

    def hours(self, file: str, line: int, what: str, value: str) -> None:
        """A time of day."""
        if not _HOURS.match(value):
            at = self.files.within(file, line, f'"{value}"')
            self.say(file, at, f"{what} {value!r} is no time", "write HH:MM, 00:00 to 23:59")


def check_forms(judge: Judge) -> None:
    """Every table has its fields, of their types, and no others. Files that could not be parsed are left out."""
    for file in (f for f in FORMS if f in judge.files.toml and f not in judge.faulty()):
        tables, held = FORMS[file], judge.toml(file)
        named = {t.rstrip("?") for t in tables if t}
        _fields(judge, file, 1, held, tables.get("", {}), known=named)
        for table, fields in ((t.rstrip("?"), f) for t, f in tables.items() if t):
            rows = held.get(table, [])
            if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
                judge.say(file, judge.at(file, table), f"{table} must be a list of tables", f"write [[{table}]]")
                continue
            if not rows and f"{table}?" not in tables:
                judge.say(file, 1, f"there is no [[{table}]]", "add at least one")
            for i, row in enumerate(rows):
                at = judge.row(file, table, i)
                _fields(judge, file, at, row, fields, known=set())
                _check_shifts(judge, file, at, row if table == "agency" else {})


def _check_shifts(judge: Judge, file: str, at: int, agency: dict[str, Any]) -> None:
    roster = agency.get("roster", [])
    for shift in roster if isinstance(roster, list) else []:
        if isinstance(shift, dict):
            _fields(judge, file, at, shift, _SHIFT, known=set())


def _fields(
    judge: Judge, file: str, line: int, row: dict[str, Any], fields: dict[str, str], *, known: set[str]
) -> None:
    for field, form in fields.items():
        name = field.rstrip("?")
        if name not in row:
            if not field.endswith("?"):
                judge.say(file, line, f"{name} is missing", f"add it: {_example(name, form)}")
        elif not _is(row[name], form):
            what = f"{name} must be {_said(form)}, not {_shown(row[name])}"
            judge.say(file, judge.field(file, line, name), what, f"write {_example(name, form, row[name])}")
    allowed = {f.rstrip("?") for f in fields} | known
    for name in (n for n in row if n not in allowed):
        close = difflib.get_close_matches(name, allowed, 1)
        mend = f"did you mean {close[0]!r}? else take it out" if close else "take it out"
        at = judge.field(file, line, name) if line > 1 else judge.header(file, name)
        judge.say(file, at, f"unknown field {name!r}", mend)


def _said(form: str) -> str:
    return f"one of {form.replace('|', ', ')}" if "|" in form else _WORDS.get(form, form)


def _shown(value: Any) -> str:
    """As the file has it, on one line and not too long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _example(name: str, form: str, instead_of: Any = "") -> str:
    """A line as it should be; of several words the one nearest to what stands there."""
    words = form.split("|")
    if len(words) == 1:
        return f"{name} = {_EXAMPLES[form]}"
    return f'{name} = "{(difflib.get_close_matches(str(instead_of), words, 1) or words)[0]}"'


def _is(value: Any, form: str) -> bool:  # noqa: PLR0911 - one answer a form
    if form == _TEXT:
        return isinstance(value, str)
    if form == _BOOL:
        return isinstance(value, bool)
    if form == _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if form == _NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12  # noqa: PLR2004 - no NaN, no infinity
    if form == _TABLE:
        return isinstance(value, dict)
    if form == "tables":
        return isinstance(value, list) and all(isinstance(v, dict) for v in value)
    if form == "days":
        return isinstance(value, list)
    if form in _LISTS:
        return isinstance(value, list) and all(isinstance(v, _LISTS[form]) for v in value)
    return value in form.split("|")
