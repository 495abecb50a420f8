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
            judge.say(file, at, f"priority {r['priority']} is not 1 to 4", "1 is danger to life")


def check_limits(judge: Judge) -> None:
    """Every clock has a limit, each of exactly one length, its conditions name what exists."""
    file = "limits.toml"
    promises = {str(k["limit"]) for k in judge.toml("kinds.toml")["kind"] if k.get("limit")}
    conditions = {"lines": LINES, "limits": promises, "agency_classes": CLASSES, "settings": SETTINGS}
    rows = judge.toml(file)["limit"]
    for clock in CLOCKS:
        if not any(r["clock"] == clock for r in rows):
            judge.say(file, 0, f"the clock {clock} has no limit", "add a [[limit]] for it")
    for promise in sorted(promises):
        if not any(r["clock"] == "complete" and _reaches(r, promise) for r in rows):
            judge.say(file, 0, f"no complete limit for kinds of limit {promise!r}", "add a [[limit]] for it")
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
            judge.say(file, at, f"{name}: unknown {value!r}", f"one of {' '.join(sorted(known))}")
    if any(p not in range(1, 5) for p in r.get("priorities", [])):
        judge.say(file, at, "priorities are 1 to 4", "correct them")
    if not 0 <= r.get("warn_share", 0.2) < 1 or r.get("red_factor", 2.0) <= 1:
        judge.say(file, at, "warn_share must be 0 to below 1, red_factor above 1", "correct them")


def _check_night(judge: Judge, at: int, r: dict[str, Any]) -> None:
    if "night_seconds" in r and ("seconds" not in r or r["night_seconds"] <= 0):
        judge.say("limits.toml", at, "night_seconds stands beside seconds and is above 0", "correct it")


def _check_length(judge: Judge, at: int, r: dict[str, Any]) -> None:
    file = "limits.toml"
    lengths = [n for n in ("seconds", "working_days") if n in r] + (["same_day"] if r.get("same_day") else [])
    if len(lengths) != 1:
        judge.say(file, at, "a limit has one length", "give one of seconds, working_days, same_day = true")
    elif lengths[0] != "same_day" and not r[lengths[0]] > 0:
        judge.say(file, at, f"{lengths[0]} must be above 0", "give a positive number")
    for name, most in LENGTHS_MAX.items():
        if r.get(name, 0) > most:
            judge.say(file, at, f"{name} must be at most {most}", "a limit nobody lives to see is none")
    if not r["source"].strip():
        judge.say(file, at, "a limit without its source", "say where the figure comes from")


def _reaches(row: dict[str, Any], promise: str) -> bool:
    narrowing = ("lines", "kinds", "priorities", "agency_classes", "settings", "asks")
    return (not row.get("limits") or promise in row["limits"]) and not any(row.get(n) for n in narrowing)


def check_linking(judge: Judge) -> None:
    """Weights and thresholds are sound; pairs name kinds that exist."""
    file, held = "linking.toml", judge.toml("linking.toml")
    for part in PARTS:
        weight = held["weights"].get(part)
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight < 1e6:  # noqa: PLR2004 - no NaN, no infinity
            judge.say(file, judge.at(file, "[weights]"), f"the weight of {part} must be a number from 0", "give one")
    for name in held["weights"]:
        if name not in PARTS:
            judge.say(file, judge.at(file, f"{name} ="), f"unknown part {name!r}", f"one of {' '.join(PARTS)}")
    if not 0 < held["suggest_at"] <= held["link_at"] <= 1:
        judge.say(file, judge.at(file, "link_at"), "0 < suggest_at <= link_at <= 1 must hold", "correct the thresholds")
    for half, most in (("distance_half_m", "distance_max_m"), ("gap_half_s", "gap_max_s")):
        if not 0 < held[half] <= held[most]:
            judge.say(file, judge.at(file, half), f"0 < {half} <= {most} must hold", "correct them")
    if held["border_m"] < 0 or held["reopen_within_s"] < 0:
        judge.say(file, judge.at(file, "border_m"), "border_m and reopen_within_s are not negative", "correct them")
    _check_pairs(judge)
    _check_factors(judge)


def _check_asking(judge: Judge) -> None:
    file, held = "linking.toml", judge.toml("linking.toml")
    if not held.get("asking_factor", 1.0) >= 1:
        judge.say(file, judge.at(file, "asking_factor"), "asking_factor is below 1", "who asks does not ring sooner")
    named = [held["asking"]] if held.get("asking") else []
    for name, others in held.get("apart", {}).items():
        named += [name, *others] if isinstance(others, list) else [f"{name} = {others}"]
    known = judge.names("raises.toml", "raise", "name")
    for name in named:
        if name not in known:
            judge.say(file, judge.at(file, str(name)), f"unknown raise {name!r}", "name one of raises.toml")


_BY_KIND = ("gap_factors", "distance_factors", "joined_within_s", "joined_within_m")


def _check_factors(judge: Judge) -> None:
    """The tables by kind name kinds that exist, with figures above 0; so do the lists."""
    file, held = "linking.toml", judge.toml("linking.toml")
    for table in _BY_KIND:
        for kind, value in held.get(table, {}).items():
            at = judge.at(file, f'"{kind}" =')
            judge.kind(file, at, kind)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e6:  # noqa: PLR2004 - no NaN, no infinity
                judge.say(file, at, f"{table} of {kind!r} must be a number above 0", "correct it")
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
            judge.say(file, at, f"{name!r} must be 0 to 1", "correct it")


def check_calendar(judge: Judge) -> None:
    """Hours and days are real; no day is both."""
    file, held = "calendar.toml", judge.toml("calendar.toml")
    for name in ("opens", "closes", "night_from", "night_to"):
        if name in held:
            judge.hours(file, judge.at(file, name), name, held[name])
    if held.get("opens", "09:00") >= held.get("closes", "17:00"):
        judge.say(file, judge.at(file, "closes"), "closes is not after opens", "correct the hours")
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
                judge.say(file, at, f"unknown raise {name!r}", "name one of raises.toml")
        for word in (w for w in t["words"] if not _is_word(w)):
            mend = "close [a|b] brackets, keep * outside them, leave none blank"
            judge.say(file, judge.files.line(file, word, at) or at, f"{word!r} is no word", mend)
        if not 0 <= t.get("weight", 1.0) <= 10:  # noqa: PLR2004 - beyond it one word would silence all others
            judge.say(file, at, "weight must be 0 to 10", "correct it")
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
            judge.say(file, at, f"unknown raise {r['raises']!r}", "name one of raises.toml")
    for i, a in enumerate(held.get("absorb", [])):
        for code in (*a["kinds"], *a["into"]):
            judge.kind(file, judge.row(file, "absorb", i), code)
    _check_cycle(judge, {(r["kind"], r["raises"]): r["to"] for r in held.get("refine", [])})


def _check_cycle(judge: Judge, refine: dict[tuple[str, str], str]) -> None:
    for (kind, why), first in refine.items():
        seen, at = {kind}, first
        while (at, why) in refine and at not in seen:
            seen.add(at)
            at = refine[at, why]
        if at in seen:
            line = judge.at("lexicon.toml", "[[refine]]")
            judge.say("lexicon.toml", line, f"refine goes in a circle at {kind} by {why}", "end it at one kind")
            return
