"""Regions: which there are, who borders and serves whom, and who answers each line first."""

from tocsin.policy.check_types import Judge

_FILE = "policy.toml"
LINES = ("110", "119", "122", "120", "12345")


def check_regions(judge: Judge) -> None:
    """Regions, the agencies named in policy.toml, and who serves whom."""
    main = judge.toml(_FILE)
    ids = judge.unique(_FILE, "region", "id")
    for name in ("default_region", "command_region"):
        if main[name] not in ids:
            line = judge.at(_FILE, f"{name} =")
            judge.say(_FILE, line, f"{name} {main[name]!r} is no region", f"name one of {' '.join(sorted(ids))}")
    for name in ("command_agency", "inspection_agency"):
        judge.agency(_FILE, judge.at(_FILE, f"{name} ="), main[name])
    for table, what in (("first_receivers", "first receiver"), ("seat_roles", "seat role")):
        at = judge.at(_FILE, f"[{table}]")
        for rings in (x for x in LINES if x not in main[table]):
            judge.say(_FILE, at, f"line {rings} has no {what}", f'add {rings} = "…"')
        for rings in (x for x in main[table] if x not in LINES):
            judge.say(_FILE, judge.field(_FILE, at, rings), f"unknown line {rings!r}", f"one of {' '.join(LINES)}")
    for agency in main["first_receivers"].values():
        judge.agency(_FILE, judge.at(_FILE, "[first_receivers]"), str(agency))
    _check_served(judge, ids)


def _check_served(judge: Judge, ids: set[str]) -> None:
    rows = judge.toml(_FILE)["region"]
    own = {r["id"] for r in rows if r["own"]}
    served = {r["id"]: r.get("served_by", "") for r in rows}
    circles: set[frozenset[str]] = set()
    for i, r in enumerate(rows):
        at = judge.row(_FILE, "region", i)
        for n in (n for n in r.get("neighbours", []) if n not in ids):
            line = judge.field(_FILE, at, "neighbours")
            judge.say(_FILE, line, f"region {r['id']} borders the unknown region {n!r}", "add it or take it out")
        by, line = served[r["id"]], judge.field(_FILE, at, "served_by")
        if by and by not in ids:
            judge.say(_FILE, line, f"region {r['id']} is served by the unknown region {by!r}", "name an own region")
        elif not r["own"] and by not in own:
            what = f"region {r['id']} is served by nobody of its own"
            judge.say(_FILE, line, what, f"name an own region in served_by: {' '.join(sorted(own)) or 'there is none'}")
        way = _circle(served, r["id"])
        if way and frozenset(way) not in circles:
            circles.add(frozenset(way))
            judge.say(_FILE, line, f"served_by goes in a circle: {' → '.join(way)}", "end it at an own region")


def _circle(served: dict[str, str], start: str) -> list[str]:
    """The way from a region back to itself; empty where there is none."""
    way, at = [start], served.get(start, "")
    while at and at not in way:
        way.append(at)
        at = served.get(at, "")
    return [*way, start] if at == start else []
