"""What plans ask of their agencies: each capability is one the agency says it has."""

from collections.abc import Collection
from typing import Any

from tocsin.policy.check_types import Judge


def check_needs(judge: Judge) -> None:
    """`needs` of kinds and raises: an agency of that plan, a capability of that agency."""
    has = {a["id"]: a.get("capabilities", []) for a in judge.toml("agencies.toml")["agency"]}
    for i, kind in enumerate(judge.toml("kinds.toml")["kind"]):
        called = {kind.get("lead", ""), *kind.get("joint", [])}
        _check(judge, ("kinds.toml", judge.row("kinds.toml", "kind", i), kind["code"]), kind, called, has)
    for i, rule in enumerate(judge.toml("raises.toml")["raise"]):
        at = judge.row("raises.toml", "raise", i)
        _check(judge, ("raises.toml", at, rule["name"]), rule, rule["agencies"], has)


def _check(
    judge: Judge, row: tuple[str, int, str], held: dict[str, Any], called: Collection[str], has: dict[str, list[str]]
) -> None:
    file, at, name = row
    for agency, asked in held.get("needs", {}).items():
        if agency not in called:
            judge.say(
                file, at, f"{name} needs something of {agency}, which it does not call", "call it, or take it out"
            )
        elif not isinstance(asked, list) or not asked:
            judge.say(file, at, f"{name}: what it needs of {agency} is no list of capabilities", 'write ["…"]')
        else:
            for one in (c for c in asked if agency in has and c not in has[agency]):
                judge.say(file, at, f"{name} needs {one!r} of {agency}, which has not got it", "see its capabilities")
