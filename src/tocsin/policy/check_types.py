"""The form of every table: which fields there must be and of what type; and what all checks share."""

import re
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
_SHIFT = {"name": _TEXT, "days": _WHOLES, "from_time": _TEXT, "to_time": _TEXT}


class Judge:
    """Gathers findings; knows which agencies, kinds and regions there are."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.findings: list[Finding] = []

    def toml(self, file: str) -> dict[str, Any]:
        """A file as parsed."""
        return self.files.toml[file]

    def say(self, file: str, line: int, what: str, mend: str) -> None:
        """Adds a finding."""
        self.findings.append(Finding(file, line, what, mend))

    def at(self, file: str, needle: str) -> int:
        """The line where this stands."""
        return self.files.line(file, needle)

    def row(self, file: str, table: str, index: int) -> int:
        """The line of a row of `[[table]]`."""
        return self.files.table(file, table, index)

    def names(self, file: str, table: str, field: str) -> set[str]:
        """All values of a field."""
        return {str(r[field]) for r in self.toml(file).get(table, [])}

    def unique(self, file: str, table: str, field: str) -> set[str]:
        """The same; a value that stands twice, or is blank, is a finding."""
        seen: set[str] = set()
        for i, r in enumerate(self.toml(file).get(table, [])):
            value = str(r[field])
            if value in seen or not value.strip():
                what = f"{table} {field} {value!r} stands twice" if value in seen else f"{table} without {field}"
                self.say(file, self.row(file, table, i), what, "give each its own")
            seen.add(value)
        return seen

    def agency(self, file: str, line: int, agency: str) -> None:
        """An agency that must exist."""
        if agency not in self.names("agencies.toml", "agency", "id"):
            self.say(file, line, f"unknown agency {agency!r}", "name one of agencies.toml")

    def region(self, file: str, line: int, region: str) -> None:
        """A region that must exist."""
        if region not in self.names("policy.toml", "region", "id"):
            self.say(file, line, f"unknown region {region!r}", "name one of policy.toml")

    def kind(self, file: str, line: int, pattern: str) -> None:
        """A kind (or `group.*`) that must exist."""
        codes = self.names("kinds.toml", "kind", "code")
        if pattern not in codes and not (pattern.endswith(".*") and any(c.startswith(pattern[:-1]) for c in codes)):
            self.say(file, line, f"unknown kind {pattern!r}", "name a code of kinds.toml, or group.*")

    def hours(self, file: str, line: int, what: str, value: str) -> None:
        """A time of day."""
        if not _HOURS.match(value):
            self.say(file, line, f"{what} {value!r} is no time", "write HH:MM, 00:00 to 23:59")


def check_forms(judge: Judge) -> None:
    """Every table has its fields, of their types, and no others."""
    for file, tables in FORMS.items():
        held = judge.toml(file)
        named = {t.rstrip("?") for t in tables if t}
        for table, fields in tables.items():
            if not table:
                _fields(judge, file, 1, held, fields, known=named)
                continue
            name = table.rstrip("?")
            rows = held.get(name, [])
            if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
                judge.say(file, judge.at(file, name), f"{name} must be a list of tables", f"write [[{name}]]")
                continue
            if not rows and not table.endswith("?"):
                judge.say(file, 0, f"there is no [[{name}]]", "add at least one")
            for i, row in enumerate(rows):
                _fields(judge, file, judge.row(file, name, i), row, fields, known=set())
                for shift in row.get("roster", []) if name == "agency" and isinstance(row.get("roster"), list) else []:
                    if isinstance(shift, dict):
                        _fields(judge, file, judge.row(file, name, i), shift, _SHIFT, known=set())


def _fields(
    judge: Judge, file: str, line: int, row: dict[str, Any], fields: dict[str, str], *, known: set[str]
) -> None:
    for field, form in fields.items():
        name = field.rstrip("?")
        if name not in row:
            if not field.endswith("?"):
                judge.say(file, line, f"{name} is missing", f"add it: {form}")
        elif not _is(row[name], form):
            where = judge.files.line(file, name, line - 1) or line
            judge.say(file, where, f"{name} must be {form}", f"write {form}")
    allowed = {f.rstrip("?") for f in fields} | known
    for name in row:
        if name not in allowed and fields is not FORMS.get(file, {}).get(""):
            judge.say(file, judge.files.line(file, name, line - 1) or line, f"unknown field {name!r}", "take it out")


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
