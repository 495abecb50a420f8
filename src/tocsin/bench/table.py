"""All figures in one run, and the table they make."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tocsin.bench.core import decider_figures, enrich_figures, memory_figures
from tocsin.bench.delivery import delivery_figures
from tocsin.bench.figure import Figure
from tocsin.bench.intake import intake_figures
from tocsin.bench.peers import Bare
from tocsin.bench.stage import deployment
from tocsin.bench.storm import storm_figures
from tocsin.bench.text import text_figures
from tocsin.bench.whole import bare_loop, clock_figures, replay_figures, router_figures
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.runtime.settings import Settings

_WHOLE = {"intake", "delivery", "router", "replay", "clocks", "decider"}


async def measured(groups: Collection[str], say: Callable[[str], None]) -> list[Figure]:
    """The figures of these groups, one group after the other so that none disturbs another."""
    policy = load_policy(Settings().policy_path)
    figures: list[Figure] = []
    if "enrich" in groups:
        say("reading words and places")
        figures += await asyncio.to_thread(enrich_figures, policy)
    if "text" in groups:
        say("scoring with a text model")
        figures += await asyncio.to_thread(text_figures, policy)
    if "storm" in groups:
        say("each decision of a storm by itself")
        figures += await asyncio.to_thread(storm_figures, policy)
    if "memory" in groups:
        say("weighing open incidents")
        figures += await asyncio.to_thread(memory_figures, policy)
    if _WHOLE & set(groups):
        figures += await _on_a_deployment(groups, policy, say)
    return figures


async def _on_a_deployment(groups: Collection[str], policy: Policy, say: Callable[[str], None]) -> list[Figure]:
    figures: list[Figure] = []
    say("starting a deployment to measure")
    with deployment() as d:
        if "delivery" in groups:
            say("200 calls a second to a subscriber")
            figures += await delivery_figures(d, policy)
        bare = Bare(0.0, 0.0)
        if {"decider", "router"} & set(groups):
            say("the bare transactional pass-through")
            bare = await bare_loop(d)
        if "decider" in groups:
            say("deciding alone")
            figures += await asyncio.to_thread(decider_figures, policy, bare=bare)
        if "router" in groups:
            say("the router's backlog")
            figures += await router_figures(d, policy, bare=bare)
        if "intake" in groups:
            say("intake beside a no-op endpoint")
            figures += await asyncio.to_thread(intake_figures, d, policy)
        if "replay" in groups:
            say("replay")
            figures += await replay_figures(d, policy, filled=bool({"router", "intake"} & set(groups)))
        if "clocks" in groups:
            say("100,000 limits after a kill")
            figures += await clock_figures(d, policy)
    return figures


def printed(machine: Mapping[str, object], figures: Sequence[Figure]) -> None:
    """The table on standard output."""
    table = Table("figure", "ours", "unit", "peer or limit", "ratio", "goal", "met", "note")
    for f in figures:
        peer = "" if f.peer is None else f"{f.peer:,.2f} {f.peer_name}"
        ratio = "" if f.ratio is None else f"{f.ratio:g}"
        met = {None: "", True: "yes", False: "NO"}[f.met]
        table.add_row(f.name, f"{f.ours:,.2f}", f.unit, peer, ratio, f.goal, met, f.note)
    console = Console(width=180)
    console.print(", ".join(f"{k} {v}" for k, v in machine.items()))
    console.print(table)
