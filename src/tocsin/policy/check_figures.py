"""The figures of policy.toml: each within what the rules can work with."""

from typing import get_args

from tocsin.policy.check_types import Judge
from tocsin.runtime.security import RoleName

_FILE = "policy.toml"
_YEAR_S, _YEAR_DAYS = 31_622_400, 366
_RANGES: dict[str, tuple[float, float]] = {
    "return_urgent_s": (1, _YEAR_S), "return_routine_working_days": (1, _YEAR_DAYS),
    "transfers_before_command": (0, 100), "known_id_days": (35, _YEAR_DAYS), "archive_after_days": (1, 3660),
    "confidence_min": (0, 1), "dropped_within_s": (0, 3600),
}  # fmt: skip
"""Least and most. `known_id_days`: longer than any spool or retry, and than what intake promises (35 days)."""


def check_figures(judge: Judge) -> None:
    """Numbers in their ranges; roles that exist at the seats."""
    main = judge.toml(_FILE)
    for name, (least, most) in _RANGES.items():
        if name in main and not least <= main[name] <= most:
            line = judge.at(_FILE, f"{name} =")
            judge.say(_FILE, line, f"{name} must be {least} to {most}, not {main[name]}", "give a number in between")
    roles = get_args(RoleName)
    at = judge.at(_FILE, "[seat_roles]")
    for line, role in main["seat_roles"].items():
        if role not in roles:
            judge.named(_FILE, judge.field(_FILE, at, line), "role", str(role), roles, ", ".join(roles))
