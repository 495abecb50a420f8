"""Judges a policy directory: everything that is wrong, each with file, line and mend. The whole is refused for any."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import shapely

from tocsin.policy.check_needs import check_needs
from tocsin.policy.check_places import check_gazetteer, check_shapes, check_spots
from tocsin.policy.check_rules import check_calendar, check_lexicon, check_limits, check_linking, check_raises
from tocsin.policy.check_types import Judge, check_forms
from tocsin.policy.hearing import HearingInvalid, read_hearing
from tocsin.policy.source import HEARING, Files, Finding

LINES = ("110", "119", "122", "120", "12345")


def check_files(files: Files) -> list[Finding]:
    """All findings of files that could be parsed. Where forms are wrong, meanings are not judged yet."""
    judge = Judge(files)
    check_forms(judge)
    if judge.findings:
        return judge.findings
    parts: tuple[Callable[[Judge], None], ...] = (
        check_regions, check_agencies, check_kinds, check_raises, check_needs, check_limits, check_linking,
        check_calendar, check_lexicon, check_hearing, check_ems, check_gazetteer, check_spots,
    )  # fmt: skip
    for part in parts:
        part(judge)
    shapes = check_shapes(judge)
    _overlaps(judge, shapes)
    _covered(judge, shapes)
    return judge.findings


def check_hearing(judge: Judge) -> None:
    """What was learned is as its manifest says, and of this policy's kinds."""
    text = judge.files.text.get(HEARING, "")
    if not text:
        return
    mend = "make it anew with scripts/hearing.py, or take the file out: the lexicon then goes alone"
    try:
        heard = read_hearing(text)
    except HearingInvalid as e:
        judge.say(HEARING, 1, str(e), mend)
        return
    codes = {k["code"] for k in judge.toml("kinds.toml")["kind"]}
    for kind in heard.kinds:
        if kind not in codes:
            judge.say(HEARING, 1, f"kind {kind!r} is none of kinds.toml", mend)


def check_regions(judge: Judge) -> None:
    """Regions, the agencies and roles named in policy.toml, and who serves whom."""
    main, file = judge.toml("policy.toml"), "policy.toml"
    ids = judge.unique(file, "region", "id")
    for name in ("default_region", "command_region"):
        if main[name] not in ids:
            judge.say(
                file, judge.at(file, f"{name} ="), f"{name} {main[name]!r} is no region", "name one of the regions"
            )
    for name in ("command_agency", "inspection_agency"):
        judge.agency(file, judge.at(file, f"{name} ="), main[name])
    if main.get("complaint_kind"):
        judge.kind(file, judge.at(file, "complaint_kind ="), main["complaint_kind"])
    for table, what in (("first_receivers", "first receiver"), ("seat_roles", "seat role")):
        for line in (x for x in LINES if x not in main[table]):
            judge.say(file, judge.at(file, f"[{table}]"), f"line {line} has no {what}", "add it")
    for agency in main["first_receivers"].values():
        judge.agency(file, judge.at(file, "[first_receivers]"), agency)
    _check_served(judge, ids)


def _check_served(judge: Judge, ids: set[str]) -> None:
    main, file = judge.toml("policy.toml"), "policy.toml"
    own = {r["id"] for r in main["region"] if r["own"]}
    served = {r["id"]: r.get("served_by", "") for r in main["region"]}
    for i, r in enumerate(main["region"]):
        at = judge.row(file, "region", i)
        for n in r.get("neighbours", []):
            if n not in ids:
                judge.say(file, at, f"region {r['id']} borders the unknown region {n!r}", "add it or take it out")
        by = served[r["id"]]
        if by and by not in ids:
            judge.say(file, at, f"region {r['id']} is served by the unknown region {by!r}", "name an own region")
        elif not r["own"] and by not in own:
            judge.say(file, at, f"region {r['id']} is served by nobody of its own", "name an own region in served_by")
        if _circle(served, r["id"]):
            judge.say(file, at, f"served_by goes in a circle from region {r['id']}", "end it at an own region")


def _circle(served: dict[str, str], start: str) -> bool:
    seen, at = {start}, served.get(start, "")
    while at:
        if at in seen:
            return True
        seen.add(at)
        at = served.get(at, "")
    return False


def check_agencies(judge: Judge) -> None:
    """Agencies: their regions, rosters and who answers out of hours."""
    file = "agencies.toml"
    judge.unique(file, "agency", "id")
    for i, a in enumerate(judge.toml(file)["agency"]):
        at = judge.row(file, "agency", i)
        for r in a["regions"]:
            judge.region(file, at, r)
        if not a["regions"]:
            judge.say(file, at, f"agency {a['id']} serves no region", "give it at least one")
        if not a.get("roster") and not a.get("duty"):
            judge.say(file, at, f"nobody answers for agency {a['id']}", "give it a roster or a duty officer")
        for s in a.get("roster", []):
            if not s["days"] or any(d not in range(1, 8) for d in s["days"]):
                judge.say(file, at, f"roster of {a['id']}: days {s['days']} are not 1 to 7", "1 is Monday, 7 Sunday")
            for name in ("from_time", "to_time"):
                judge.hours(file, at, f"roster of {a['id']}: {name}", s[name])


def check_kinds(judge: Judge) -> None:
    """Kinds: plans whose agencies exist and serve the default region, priorities, no hole in the tree."""
    file = "kinds.toml"
    codes = judge.unique(file, "kind", "code")
    classes = {a["id"]: a["agency_class"] for a in judge.toml("agencies.toml")["agency"]}
    default = judge.toml("policy.toml")["default_region"]
    serving = {a["id"] for a in judge.toml("agencies.toml")["agency"] if default in a["regions"]}
    for must in ("unknown", "invalid.silent", "invalid.dropped", "medical.other"):
        if must not in codes:
            judge.say(file, 0, f"the kind {must} is missing", "add it: rules count on it")
    for i, k in enumerate(judge.toml(file)["kind"]):
        at = judge.row(file, "kind", i)
        called = [*([k["lead"]] if k.get("lead") else []), *k.get("joint", [])]
        for agency in called:
            judge.agency(file, at, agency)
            if agency in classes and agency not in serving:
                judge.say(file, at, f"{agency} of {k['code']} does not serve {default}", "add the region to the agency")
        if len(set(called)) != len(called):
            judge.say(file, at, f"{k['code']} calls an agency twice", "name each once")
        if not called and not k.get("review"):
            judge.say(file, at, f"a hole: nobody answers for {k['code']}", "give it a lead, or review = true")
        if k.get("joint") and not k.get("lead"):
            judge.say(file, at, f"{k['code']} has joint agencies but no lead", "name one lead")
        if k["priority"] not in range(1, 5):
            judge.say(file, at, f"priority {k['priority']} of {k['code']} is not 1 to 4", "1 is danger to life")


def check_ems(judge: Judge) -> None:
    """The 120 centre's figures and what kinds they name."""
    file, ems = "ems.toml", judge.toml("ems.toml")
    for table in ("triage", "hospital_for"):
        for code in ems[table]:
            if code:
                judge.kind(file, judge.at(file, f'"{code}"'), code)
    for code, level in ems["triage"].items():
        if level not in ("I", "II", "III", "IV"):
            judge.say(file, judge.at(file, f'"{code}"'), f"triage {level!r} is none of I II III IV", "use one of these")
    for level in ("I", "II", "III", "IV"):
        if level not in ems["arrival_s"]:
            judge.say(file, judge.at(file, "[arrival_s]"), f"triage {level} has no arrival time", "add it in seconds")
    for code in ems["als_for"]:
        judge.kind(file, judge.at(file, "als_for"), code)
    _check_figures(judge)


def _check_figures(judge: Judge) -> None:
    file, ems = "ems.toml", judge.toml("ems.toml")
    can = {c for h in ems.get("hospital", []) for c in h["capabilities"]}
    for code, capability in ems["hospital_for"].items():
        if capability not in can:
            at = judge.at(file, f'"{code}" = "{capability}"')
            judge.say(file, at, f"no hospital has the capability {capability!r}", "add it to a hospital")
    for number in ("road_speed_kmh", "road_factor", "acknowledge_s", "mass_casualty_at", "position_age_max_s"):
        if not ems[number] > 0:
            judge.say(file, judge.at(file, number), f"{number} must be above 0", "give a positive number")


def _overlaps(judge: Judge, shapes: list[tuple[int, str, Any]]) -> None:
    for (line, one, a), (_, other, b) in combinations(shapes, 2):
        shared = shapely.intersection(a, b).area
        if shared > 1e-9:  # noqa: PLR2004 - square degrees: about ten square metres, what rounding leaves
            what = f"the outlines of {one} and {other} overlap"
            judge.say("boundaries.geojson", line, what, "let them share an edge, not an area")


def _covered(judge: Judge, shapes: list[tuple[int, str, Any]]) -> None:
    drawn = {region for _, region, _ in shapes}
    default = judge.toml("policy.toml")["default_region"]
    if default not in drawn:
        judge.say("boundaries.geojson", 0, f"region {default} has no outline", "draw it")
    for row in judge.files.gazetteer:
        at = shapely.Point(float(row.fields["lon"]), float(row.fields["lat"]))
        mine = [s for _, region, s in shapes if region == row.fields["region"]]
        if mine and not any(s.covers(at) for s in mine):
            what = f"{row.fields['id']} lies outside the outline of its region {row.fields['region']}"
            judge.say("gazetteer.csv", row.line, what, "correct the point or the region")
