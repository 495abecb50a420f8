"""Raises, limits, linking, calendar and lexicon: what they name exists, and nothing that must be there is missing."""

import datetime as dt
import re
from typing import Any

from tocsin.policy.check_types import Judge

CLOCKS = ("answer", "dispatch", "acknowledge", "arrive", "feedback", "complete", "callback", "review")
LINES = frozenset({"110", "119", "122", "120", "12345"})
CLASSES = frozenset({"police", "fire", "traffic", "medical", "department"})
SETTINGS = frozenset({"town", "suburb", "village"})
PARTS = ("kind", "distance", "gap", "caller", "address")
LENGTHS_MAX = {
    "seconds": 31_622_400, "night_seconds": 31_622_400, "working_days": 1000, "warn_working_days": 1000,
    "red_working_days": 1000,
}  # fmt: skip
"""A year, or four: what a clock can hold and a calendar can count."""
_SLOTS = re.compile(r"\{([^{}]*)\}")
_BRACKETS = re.compile(r"\[[^\[\]]*\]")


def check_raises(judge: Judge) -> None:
    """What raises a plan names kinds and agencies that exist."""
    file = "raises.toml"
    judge.unique(file, "raise", "name")
    for i, r in enumerate(judge.toml(file)["raise"]):
        at = judge.row(file, "raise", i)
        for pattern in r["kinds"]:
            judge.kind(file, at, pattern)
        for agency in r["agencies"]:
            judge.agency(file, at, agency)
        if r["priority"] not in range(1, 5):
            line = judge.field(file, at, "priority")
            judge.say(file, line, f"priority {r['priority']} is not 1 to 4", "1 is danger to life")


def check_limits(judge: Judge) -> None:
    """Every clock has a limit, each of exactly one length, its conditions name what exists."""
    file = "limits.toml"
    promises = {str(k["limit"]) for k in judge.toml("kinds.toml")["kind"] if k.get("limit")}
    conditions = {"lines": LINES, "limits": promises, "agency_classes": CLASSES, "settings": SETTINGS}
    rows = judge.toml(file)["limit"]
    for clock in CLOCKS:
        if not any(r["clock"] == clock for r in rows):
            judge.say(file, 1, f"the clock {clock} has no limit", f'add a [[limit]] with clock = "{clock}"')
    for promise in sorted(promises):
        if not any(r["clock"] == "complete" and _reaches(r, promise) for r in rows):
            mend = f'add a [[limit]] with clock = "complete" and limits = ["{promise}"]'
            judge.say(file, 1, f"no complete limit for kinds of limit {promise!r}", mend)
    for i, r in enumerate(rows):
        _check_limit(judge, judge.row(file, "limit", i), r, conditions)


def _check_limit(judge: Judge, at: int, r: dict[str, Any], conditions: dict[str, Any]) -> None:
    _check_length(judge, at, r)
    _check_night(judge, at, r)
    file = "limits.toml"
    for pattern in r.get("kinds", []):
        judge.kind(file, at, pattern)
    for name, known in conditions.items():
        for value in (v for v in r.get(name, []) if v not in known):
            line = judge.files.within(file, at, f'"{value}"')
            judge.say(file, line, f"{name}: unknown {value!r}", f"one of {' '.join(sorted(known))}")
    if any(p not in range(1, 5) for p in r.get("priorities", [])):
        judge.say(file, judge.field(file, at, "priorities"), "priorities are 1 to 4", "1 is danger to life")
    if not 0 <= r.get("warn_share", 0.2) < 1 or r.get("red_factor", 2.0) <= 1:
        line = judge.field(file, at, "warn_share" if "warn_share" in r else "red_factor")
        judge.say(file, line, "warn_share must be 0 to below 1, red_factor above 1", "0.2 and 2.0 unless given")


def _check_night(judge: Judge, at: int, r: dict[str, Any]) -> None:
    if "night_seconds" in r and ("seconds" not in r or r["night_seconds"] <= 0):
        line = judge.field("limits.toml", at, "night_seconds")
        mend = "give seconds for the day too, and a positive number for the night"
        judge.say("limits.toml", line, "night_seconds stands beside seconds and is above 0", mend)


def _check_length(judge: Judge, at: int, r: dict[str, Any]) -> None:
    file = "limits.toml"
    lengths = [n for n in ("seconds", "working_days") if n in r] + (["same_day"] if r.get("same_day") else [])
    if len(lengths) != 1:
        what = f"a limit has one length, this one {' and '.join(lengths) or 'none'}"
        judge.say(file, at, what, "give one of seconds = 60, working_days = 3, same_day = true")
    elif lengths[0] != "same_day" and not r[lengths[0]] > 0:
        line = judge.field(file, at, lengths[0])
        judge.say(file, line, f"{lengths[0]} must be above 0, not {r[lengths[0]]}", "give a positive number")
    for name, most in LENGTHS_MAX.items():
        line = judge.field(file, at, name)
        if r.get(name, 0) > most:
            judge.say(file, line, f"{name} must be at most {most}", "a limit nobody lives to see is none")
        if name.endswith("_working_days") and r.get(name, 0) < 0:
            judge.say(file, line, f"{name} must not be negative, but is {r[name]}", "give 0 or more days")
    if not r["source"].strip():
        judge.say(file, judge.field(file, at, "source"), "a limit without its source", "say where it comes from")


def _reaches(row: dict[str, Any], promise: str) -> bool:
    narrowing = ("lines", "kinds", "priorities", "agency_classes", "settings", "asks")
    return (not row.get("limits") or promise in row["limits"]) and not any(row.get(n) for n in narrowing)


def _check_weights(judge: Judge) -> None:
    file, held = "linking.toml", judge.toml("linking.toml")
    for part in PARTS:
        weight = held["weights"].get(part)
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight < 1e6:  # noqa: PLR2004 - no NaN, no infinity
            at = judge.field(file, judge.at(file, "[weights]"), part)
            judge.say(file, at, f"the weight of {part} must be a number from 0", f"write {part} = 0.2")
    numbers = [w for w in held["weights"].values() if isinstance(w, int | float)]
    if numbers and not any(numbers):
        judge.say(file, judge.at(file, "[weights]"), "all weights are 0: nothing would count", "give one above 0")
    for name in held["weights"]:
        if name not in PARTS:
            judge.say(file, judge.at(file, f"{name} ="), f"unknown part {name!r}", f"one of {' '.join(PARTS)}")


def check_linking(judge: Judge) -> None:
    """Weights and thresholds are sound; pairs name kinds that exist."""
    _check_weights(judge)
    file, held = "linking.toml", judge.toml("linking.toml")
    if not 0 < held["suggest_at"] <= held["link_at"] <= 1:
        judge.say(
            file,
            judge.at(file, "link_at ="),
            f"0 < suggest_at <= link_at <= 1 must hold, not {held['suggest_at']} and {held['link_at']}",
            "a call over link_at is linked, one between is suggested",
        )
    for half, most in (("distance_half_m", "distance_max_m"), ("gap_half_s", "gap_max_s")):
        if not 0 < held[half] <= held[most]:
            what = f"0 < {half} <= {most} must hold, not {held[half]} and {held[most]}"
            judge.say(file, judge.at(file, f"{half} ="), what, f"make {half} positive and {most} the larger")
    for name in ("border_m", "reopen_within_s"):
        if held[name] < 0:
            judge.say(file, judge.at(file, f"{name} ="), f"{name} is negative ({held[name]})", "give 0 or more")
    _check_pairs(judge)
    _check_factors(judge)


def _check_asking(judge: Judge) -> None:
    file, held = "linking.toml", judge.toml("linking.toml")
    if not held.get("asking_factor", 1.0) >= 1:
        mend = "give 1 or more: who asks after help rings later than who reports"
        judge.say(file, judge.at(file, "asking_factor"), "asking_factor is below 1", mend)
    named = [held["asking"]] if held.get("asking") else []
    for name, others in held.get("apart", {}).items():
        named += [name, *others] if isinstance(others, list) else [f"{name} = {others}"]
    known = judge.names("raises.toml", "raise", "name")
    for name in named:
        if name not in known:
            judge.named(file, judge.at(file, str(name)), "raise", str(name), known, "raises.toml")


_BY_KIND = ("gap_factors", "distance_factors", "joined_within_s", "joined_within_m")


def _check_factors(judge: Judge) -> None:
    """The tables by kind name kinds that exist, with figures above 0; so do the lists."""
    file, held = "linking.toml", judge.toml("linking.toml")
    for table in _BY_KIND:
        for kind, value in held.get(table, {}).items():
            at = judge.at(file, f'"{kind}" =')
            judge.kind(file, at, kind)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e6:  # noqa: PLR2004 - no NaN, no infinity
                judge.say(file, at, f"{table} of {kind!r} must be a number above 0", f'write "{kind}" = 1')
    for kind in held.get("own_matters", []):
        judge.kind(file, judge.at(file, "own_matters"), kind)
    _check_asking(judge)


def _check_pairs(judge: Judge) -> None:
    file, held = "linking.toml", judge.toml("linking.toml")
    for name, value in held["kinds"].items():
        at = judge.at(file, f'"{name}"')
        sides = name.split("|")
        if len(sides) != 2:  # noqa: PLR2004 - a pair
            judge.say(file, at, f"{name!r} is no pair", 'write "a|b"')
            continue
        for side in sides:
            judge.kind(file, at, side)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            judge.say(file, at, f"{name!r} must be 0 to 1, not {value!r}", "1 is the same matter, 0 never")


def check_calendar(judge: Judge) -> None:
    """Hours and days are real; no day is both."""
    file, held = "calendar.toml", judge.toml("calendar.toml")
    for name in ("opens", "closes", "night_from", "night_to"):
        if name in held:
            judge.hours(file, judge.at(file, name), name, held[name])
    if held.get("opens", "09:00") >= held.get("closes", "17:00"):
        judge.say(file, judge.at(file, "closes"), "closes is not after opens", "swap them, or write the hours as HH:MM")
    for name in ("holidays", "workdays"):
        for day in held.get(name, []):
            if not _is_day(day):
                judge.say(file, judge.at(file, str(day)), f"{name}: {day!r} is no day", "write YYYY-MM-DD")
    for day in {str(d) for d in held.get("holidays", [])} & {str(d) for d in held.get("workdays", [])}:
        judge.say(file, judge.at(file, day), f"{day} is both holiday and workday", "take it out of one")


def _is_day(day: Any) -> bool:
    if isinstance(day, dt.date):
        return True
    try:
        return isinstance(day, str) and len(day) == 10 and bool(dt.date.fromisoformat(day))  # noqa: PLR2004 - YYYY-MM-DD
    except ValueError:
        return False


def check_lexicon(judge: Judge) -> None:
    """Words are well formed and not blank; what they name exists."""
    file, held = "lexicon.toml", judge.toml("lexicon.toml")
    raises = judge.names("raises.toml", "raise", "name")
    for i, t in enumerate(held["term"]):
        at = judge.row(file, "term", i)
        if t.get("kind"):
            judge.kind(file, at, t["kind"])
        if not t.get("kind") and not t.get("raises") and not t.get("hazard"):
            judge.say(file, at, "a term without kind, raises or hazard says nothing", "give it one")
        for name in t.get("raises", []):
            if name not in raises:
                judge.named(file, at, "raise", name, raises, "raises.toml")
        for word in (w for w in t["words"] if not _is_word(w)):
            mend = "close [a|b] brackets, keep * outside them, leave none blank"
            judge.say(file, judge.files.line(file, word, at) or at, f"{word!r} is no word", mend)
        if not 0 <= t.get("weight", 1.0) <= 10:  # noqa: PLR2004 - beyond it one word would silence all others
            judge.say(
                file,
                judge.field(file, at, "weight"),
                f"weight must be 0 to 10, not {t['weight']}",
                "1 is plain, 2 strong",
            )
    _check_changes(judge, raises)
    _check_slots(judge, file)
    for wrong, right in held["fold"].items():
        if not isinstance(right, str) or not wrong.strip() or not right.strip() or wrong == right:
            judge.say(file, judge.at(file, f'"{wrong}"'), f"{wrong!r} is no slip of {right!r}", "give both, different")


def _check_slots(judge: Judge, file: str) -> None:
    """Slots are lists of plain words, and those that words name exist."""
    held = judge.toml(file)
    slots = held.get("slots", {})
    for name, words in slots.items():
        plain = (
            isinstance(words, list)
            and words
            and all(isinstance(w, str) and w and not set("[]{}*~|") & set(w) for w in words)
        )
        if not plain:
            judge.say(
                file,
                judge.at(file, name),
                f"slot {name!r} is no list of plain words",
                "give words without * ~ [ ] { } |",
            )
    for i, t in enumerate(held["term"]):
        for word in t["words"]:
            for name in _SLOTS.findall(word):
                if name not in slots:
                    at = judge.row(file, "term", i)
                    judge.say(
                        file, judge.files.line(file, word, at) or at, f"unknown slot {{{name}}}", "name one of [slots]"
                    )


def _is_word(word: str) -> bool:
    rest = _BRACKETS.sub("", word)
    joints = any(set("*~{}") & set(b) for b in _BRACKETS.findall(word))
    return bool(word.strip("*~ ")) and not set("[]") & set(rest) and not joints


def _check_changes(judge: Judge, raises: set[str]) -> None:
    """What a raise makes of a kind, and what a larger matter takes in."""
    file, held = "lexicon.toml", judge.toml("lexicon.toml")
    for pair in held.get("denied", {}).items():
        for name in pair:
            if not isinstance(name, str) or name not in raises:
                judge.say(file, judge.at(file, "[denied]"), f"unknown raise {name!r}", "name one of raises.toml")
    for i, r in enumerate(held.get("refine", [])):
        at = judge.row(file, "refine", i)
        judge.kind(file, at, r["kind"])
        judge.kind(file, at, r["to"])
        if r["raises"] not in raises:
            judge.named(file, at, "raise", r["raises"], raises, "raises.toml")
    for i, a in enumerate(held.get("absorb", [])):
        for code in (*a["kinds"], *a["into"]):
            judge.kind(file, judge.row(file, "absorb", i), code)
    for i, n in enumerate(held.get("nearer", [])):
        for code in (*n["kinds"], *n["to"]):
            judge.kind(file, judge.row(file, "nearer", i), code)
    _check_cycles(judge, {(r["kind"], r["raises"]): (r["to"], i) for i, r in enumerate(held.get("refine", []))})


def _check_cycles(judge: Judge, refine: dict[tuple[str, str], tuple[str, int]]) -> None:
    """Each circle once, at its last row, with the way round."""
    found: set[tuple[str, frozenset[str]]] = set()
    for kind, why in refine:
        way, at, last = [kind], refine[kind, why][0], refine[kind, why][1]
        while (at, why) in refine and at not in way:
            way.append(at)
            at, row = refine[at, why]
            last = max(last, row)
        if at != kind or (why, frozenset(way)) in found:
            continue
        found.add((why, frozenset(way)))
        line = judge.row("lexicon.toml", "refine", last)
        what = f"refine goes in a circle by {why}: {' → '.join([*way, kind])}"
        judge.say("lexicon.toml", line, what, "end it at one kind")
