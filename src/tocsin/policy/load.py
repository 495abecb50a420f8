"""Reads a policy directory into one immutable value, or refuses it as a whole with everything that is wrong in it."""

import re
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from tocsin.place import Point
from tocsin.policy.calendar import calendar_of
from tocsin.policy.check import check_files
from tocsin.policy.model import (
    Absorb,
    Agency,
    Complaints,
    Ems,
    GazetteerEntry,
    HospitalRow,
    Kind,
    Lexicon,
    Limit,
    Linking,
    Nearer,
    PlanAgency,
    Policy,
    Raise,
    Refine,
    Region,
    Term,
    UnitRow,
)
from tocsin.policy.source import HEARING, Files, Finding, PolicyInvalid, read_files


def load_policy(directory: Path) -> Policy:
    """The policy of a directory; PolicyInvalid with every finding where it does not hold."""
    files = read_files(directory)
    findings = check_files(files)
    if findings:
        raise PolicyInvalid(findings)
    try:
        return build(files)
    except (msgspec.ValidationError, KeyError, TypeError, ValueError) as e:  # what check has no words for yet
        raise PolicyInvalid([Finding("policy.toml", 0, f"cannot be read: {e}", "compare with the sample")]) from e


def check_policy(directory: Path) -> list[Finding]:
    """All that is wrong with a directory; an empty list means `load_policy` takes it."""
    try:
        load_policy(directory)
    except PolicyInvalid as e:
        return e.findings
    return []


def codes_of(patterns: Iterable[str], codes: Iterable[str]) -> list[str]:
    """Kind codes named by codes and `group.*` patterns, in the order of the kinds."""
    named = list(patterns)
    groups = tuple(p[:-1] for p in named if p.endswith(".*"))
    return [c for c in codes if c in named or (groups and c.startswith(groups))]


def build(files: Files) -> Policy:
    """The value of files that were checked."""
    main, kinds = files.toml["policy.toml"], _kinds(files)
    ems = dict(files.toml["ems.toml"])
    units, hospitals = ems.pop("unit", []), ems.pop("hospital", [])
    raises = [
        msgspec.convert(r | {"kinds": codes_of(r["kinds"], kinds)}, Raise) for r in files.toml["raises.toml"]["raise"]
    ]
    limits = [
        msgspec.convert(x | {"kinds": codes_of(x.get("kinds", []), kinds)}, Limit)
        for x in files.toml["limits.toml"]["limit"]
    ]
    scalars = {
        k: main[k]
        for k in (
            "name", "version", "default_region", "command_region", "command_agency", "inspection_agency",
            "return_urgent_s", "return_routine_working_days", "transfers_before_command", "known_id_days",
            "archive_after_days", "confidence_min", "dropped_within_s",
        )
        if k in main
    }  # fmt: skip
    return Policy(
        **scalars,
        hash=files.hash,
        complaints=Complaints(
            **{f: main[f"complaint_{f}"] for f in Complaints.__struct_fields__ if f"complaint_{f}" in main}
        ),
        regions={r["id"]: msgspec.convert(r, Region) for r in main["region"]},
        agencies={a["id"]: msgspec.convert(a, Agency) for a in files.toml["agencies.toml"]["agency"]},
        kinds=kinds,
        raises=raises,
        limits=limits,
        linking=_linking(files.toml["linking.toml"], list(kinds)),
        calendar=calendar_of(files.toml["calendar.toml"]),
        gazetteer=[_entry(r.fields) for r in files.gazetteer],
        polygons=rings_of(files.features),
        lexicon=_lexicon(files),
        first_receivers=dict(main["first_receivers"]),
        seat_roles=dict(main["seat_roles"]),
        units=[msgspec.convert(_placed(u), UnitRow) for u in units],
        hospitals=[msgspec.convert(_placed(h), HospitalRow) for h in hospitals],
        ems=msgspec.convert(ems, Ems),
    )


def _kinds(files: Files) -> dict[str, Kind]:
    kinds = {}
    for row in files.toml["kinds.toml"]["kind"]:
        fields = {k: v for k, v in row.items() if k not in ("lead", "joint")}
        plan = [PlanAgency(row["lead"], "lead")] if "lead" in row else []
        plan += [PlanAgency(a, "joint") for a in row.get("joint", [])]
        kinds[row["code"]] = msgspec.convert(fields | {"plan": msgspec.to_builtins(plan)}, Kind)
    return kinds


def _linking(raw: dict[str, Any], codes: list[str]) -> Linking:
    pairs: dict[str, float] = {}
    for name, value in raw["kinds"].items():
        one, other = (codes_of([side], codes) for side in name.split("|"))
        for a, b in product(one, other):
            if a != b:
                pairs["|".join(sorted((a, b)))] = float(value)
    fields = {k: v for k, v in raw.items() if k != "kinds"}
    return msgspec.convert(fields | {"kind_pairs": pairs}, Linking)


def _lexicon(files: Files) -> Lexicon:
    raw = files.toml["lexicon.toml"]
    fields = {k: v for k, v in raw.items() if k not in ("term", "refine", "absorb", "nearer")}
    return msgspec.convert(
        fields
        | {
            "terms": msgspec.to_builtins([msgspec.convert(t, Term) for t in raw["term"]]),
            "absorb": msgspec.to_builtins([msgspec.convert(a, Absorb) for a in raw.get("absorb", [])]),
            "nearer": msgspec.to_builtins([msgspec.convert(n, Nearer) for n in raw.get("nearer", [])]),
            "refine": msgspec.to_builtins([msgspec.convert(r, Refine) for r in raw.get("refine", [])]),
            "version": files.hash[:19],
            "hearing": files.text.get(HEARING, ""),
        },
        Lexicon,
    )


def _entry(fields: dict[str, str]) -> GazetteerEntry:
    typed: dict[str, Any] = {k: fields[k] for k in ("id", "kind", "region", "town", "setting")}
    typed["names"] = [n.strip() for n in fields["names"].split("|") if n.strip()]
    typed["point"] = {"lon": float(fields["lon"]), "lat": float(fields["lat"])}
    return msgspec.convert(typed | {"radius_m": float(fields["radius_m"])}, GazetteerEntry)


def _placed(row: dict[str, Any]) -> dict[str, Any]:
    fields = {k: v for k, v in row.items() if k not in ("lon", "lat")}
    return fields | {"position": msgspec.to_builtins(Point(lon=float(row["lon"]), lat=float(row["lat"])))}


def rings_of(features: list[dict[str, Any]]) -> dict[str, list[list[tuple[float, float]]]]:
    """Outer rings by region, (longitude, latitude) in WGS84."""
    found: dict[str, list[list[tuple[float, float]]]] = {}
    for f in features:
        geometry = f["geometry"]
        parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        rings = [[(float(x), float(y)) for x, y, *_ in part[0]] for part in parts]
        found.setdefault(re.sub(r"\s", "", str(f["properties"]["region"])), []).extend(rings)
    return found
