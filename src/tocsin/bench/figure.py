"""A measured figure and how it stands to its peer and its goal."""

import os
import platform
from collections.abc import Mapping

import psutil
from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One row. `ratio` is ours over the peer's (None without a peer). `goal` says in words what is to be reached.

    `met` compares with the goal's number: at least it where `more_is_better`, at most it otherwise.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    note: str = ""


def figure(
    name: str,
    unit: str,
    ours: float,
    *,
    peer: float | None = None,
    peer_name: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    ratio_at_least: float | None = None,
    note: str = "",
) -> Figure:
    """A row with its ratio and whether the goals given hold."""
    ratio = round(ours / peer, 3) if peer else None
    goals, met = [], []
    if at_least is not None:
        goals.append(f">= {at_least:g} {unit}")
        met.append(ours >= at_least)
    if at_most is not None:
        goals.append(f"<= {at_most:g} {unit}")
        met.append(ours <= at_most)
    if ratio_at_least is not None and ratio is not None:
        goals.append(f"ratio >= {ratio_at_least:g}")
        met.append(ratio >= ratio_at_least)
    return Figure(
        name=name,
        unit=unit,
        ours=round(ours, 2),
        peer=round(peer, 2) if peer is not None else None,
        peer_name=peer_name,
        ratio=ratio,
        goal=", ".join(goals),
        met=all(met) if met else None,
        note=note,
    )


def machine() -> Mapping[str, object]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.processor() or platform.machine(),
        "load_before": [round(x, 2) for x in os.getloadavg()],
    }
