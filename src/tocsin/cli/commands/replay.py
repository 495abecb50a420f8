"""`tocsin replay --verify`: folds the event log from its first record and compares with what the owners report."""

import asyncio
import json
import sys
from collections import Counter
from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend, Misused

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def replay(
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
        verify: Annotated[bool, typer.Option("--verify", help="Compare with the running owners' state.")] = False,
        until: Annotated[str, typer.Option("--until", metavar="TIME", help="The state as it was (RFC 3339).")] = "",
    ) -> None:
        """Folds the whole event log from offset 0: no group, no policy, nothing sent to anyone."""
        at = _moment(until) if until else 0
        deployment = Deployment.find(data_dir)
        told = asyncio.run(_as_it_was(deployment, until, at) if until else _verified(deployment))
        print(json.dumps(told, ensure_ascii=False) if as_json else _lines(told))
        if verify and not until and not told["identical"]:
            _tell(deployment, told)
            raise typer.Exit(1)


def _tell(deployment: Deployment, told: Json) -> None:
    """Has the router count that a replay differs, so that somebody is alarmed who does not look at this terminal."""
    import httpx

    verdict = {"identical": told["identical"], "differ": told["differ"]}
    try:
        with deployment.client("router") as http:
            http.post("/replays", json=verdict).raise_for_status()
    except httpx.HTTPError as e:
        print(f"tocsin: the router was not told that the replay differs ({e})", file=sys.stderr)


def _standings(deployment: Deployment, service: str) -> dict[int, Json]:
    """What all replicas of a service say of the partitions they own."""
    import httpx

    found: dict[int, Json] = {}
    try:
        for client in deployment.clients(service, seconds=60):
            with client as http:
                answer = http.get("/state")
                answer.raise_for_status()
                for p, standing in answer.json().items():
                    # One that has just lost a partition may still speak of it: whoever is further along owns it.
                    if standing["offset"] >= found.get(int(p), standing)["offset"]:
                        found[int(p)] = standing
    except httpx.HTTPError as e:
        raise Mend(f"{service} does not tell its state ({e})", "Wait until it is ready: `tocsin status`.") from e
    return found


async def _verified(deployment: Deployment) -> Json:
    from tocsin.log.port import LogUnavailable
    from tocsin.replay import FOLDS, replay, whole

    live: dict[str, str] = {}
    again: dict[str, str] = {}
    events, seconds = 0, 0.0
    try:
        for service in FOLDS:
            standings = _standings(deployment, service)
            found = await replay(deployment.settings(), service, {p: s["offset"] for p, s in standings.items()})
            live |= {f"{service}/{p}": s["state_hash"] for p, s in standings.items()}
            again |= {f"{service}/{p}": f.standing().state_hash for p, f in found.folds.items()}
            events, seconds = events + found.events, seconds + found.seconds
    except LogUnavailable as e:
        raise Mend(f"The log cannot be read ({e})", "See `tocsin doctor`.") from e
    if not live:
        raise Mend("No owner owns a partition yet", "Wait until the router is ready: `tocsin status`.")
    return {
        "events": events,
        "seconds": round(seconds, 3),
        "events_per_second": round(events / seconds) if seconds else 0,
        "live_hash": whole(live),
        "replayed_hash": whole(again),
        "identical": live == again,
        "partitions": len(live),
        "unowned": [f"{s}/{p}" for s in FOLDS for p in range(deployment.partitions) if f"{s}/{p}" not in live],
        "differ": sorted(k for k in live if live[k] != again.get(k)),
    }


def _moment(text: str) -> int:
    from tocsin.calls.times import NotATime, moment

    try:
        at = moment(text).at
    except NotATime:
        at = None
    if at is None:
        raise Misused(f"{text} is no time", "Write it as RFC 3339, such as 2026-04-05T08:00:00+08:00.")
    return at


async def _as_it_was(deployment: Deployment, until: str, at: int) -> Json:
    from tocsin.log.port import LogUnavailable
    from tocsin.log.topics import INCIDENT_EVENTS
    from tocsin.replay import ends_of, replay

    settings = deployment.settings()
    try:
        found = await replay(settings, "router", await ends_of(settings, INCIDENT_EVENTS), until=at)
    except LogUnavailable as e:
        raise Mend(f"The log cannot be read ({e})", "See `tocsin doctor`.") from e
    regions: dict[str, Json] = {}
    for fold in found.folds.values():
        for name, region in sorted(fold.state.regions.items()):
            held = region.incidents.values()
            regions[name] = {
                "calls": len(region.calls),
                "incidents": dict(Counter(i.state for i in held)),
                "tasks": dict(Counter(t.state for i in held for t in i.tasks.values())),
                "open": [i.incident_id for i in held if i.state == "open"],
            }
    return {"until": until, "events": found.events, "regions": regions}


def _lines(told: Json) -> str:
    if "until" in told:
        lines = [f"as of {told['until']}: {told['events']} events"]
        for name, r in told["regions"].items():
            lines.append(f"  {name}: {r['calls']} calls, incidents {r['incidents']}, tasks {r['tasks']}")
        return "\n".join(lines)
    verdict = "identical" if told["identical"] else f"DIFFERENT in {', '.join(told['differ'])}"
    speed = f"{told['events']} events in {told['seconds']} s ({told['events_per_second']}/s)"
    lines = [f"{speed}: {verdict}", f"  live     {told['live_hash']}", f"  replayed {told['replayed_hash']}"]
    if told["unowned"]:
        lines.append(f"  not compared, for no replica owns them just now: {', '.join(told['unowned'])}")
    return "\n".join(lines)
