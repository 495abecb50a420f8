"""Kinds: a plan each whose agencies exist and serve the county, no hole in the tree."""

from typing import Any

from tocsin.policy.check_types import Judge

_FILE = "kinds.toml"
_MUST = ("unknown", "invalid.silent", "invalid.dropped", "medical.other")


def check_kinds(judge: Judge) -> None:
    """Codes once, agencies of the default region, priorities 1 to 4, somebody who answers."""
    codes = judge.unique(_FILE, "kind", "code")
    agencies = judge.toml("agencies.toml")["agency"]
    classes = {a["id"]: a["agency_class"] for a in agencies}
    default = judge.toml("policy.toml")["default_region"]
    serving = {a["id"] for a in agencies if default in a["regions"]}
    for must in (m for m in _MUST if m not in codes):
        judge.say(_FILE, 1, f"the kind {must} is missing", "add it, as the sample has it: rules count on it")
    for i, k in enumerate(judge.toml(_FILE)["kind"]):
        at = judge.row(_FILE, "kind", i)
        called = [*([k["lead"]] if k.get("lead") else []), *k.get("joint", [])]
        for agency in called:
            judge.agency(_FILE, at, agency)
            if agency in classes and agency not in serving:
                line = judge.files.within(_FILE, at, f'"{agency}"')
                judge.say(
                    _FILE, line, f"{agency} of {k['code']} does not serve {default}", "add the region to the agency"
                )
        if len(set(called)) != len(called):
            judge.say(_FILE, judge.field(_FILE, at, "joint"), f"{k['code']} calls an agency twice", "name each once")
        _check_answered(judge, at, k, called, classes)
        if k["priority"] not in range(1, 5):
            line = judge.field(_FILE, at, "priority")
            judge.say(_FILE, line, f"priority {k['priority']} of {k['code']} is not 1 to 4", "1 is danger to life")


def _check_answered(judge: Judge, at: int, k: dict[str, Any], called: list[str], classes: dict[str, str]) -> None:
    if not called and not k.get("review"):
        judge.say(_FILE, at, f"a hole: nobody answers for {k['code']}", "give it a lead, or review = true")
    if k.get("joint") and not k.get("lead"):
        line = judge.field(_FILE, at, "joint")
        judge.say(_FILE, line, f"{k['code']} has joint agencies but no lead", "name one lead")
    if k["code"].startswith("medical.") and classes.get(k.get("lead", ""), "medical") != "medical":
        what = f"{k['code']} is led by {k['lead']}, which is not of class medical: no ambulance would be sent"
        judge.say(_FILE, judge.field(_FILE, at, "lead"), what, "name the 120 centre")


def check_complaints(judge: Judge) -> None:
    """The kind of what an agency's own people did, where the policy names one."""
    file = "policy.toml"
    kind = judge.toml(file).get("complaint_kind")
    if kind:
        judge.kind(file, judge.at(file, "complaint_kind ="), kind)
