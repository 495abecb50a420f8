"""`tocsin audit verify`: walks the hash chain of every region and compares it with the anchored heads."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend, Misused

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def audit(
        what: Annotated[str, typer.Argument(metavar="verify", help="What to do: verify.")] = "verify",
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Walks every region's chain of events; says the first broken link. Exit 1 where there is one."""
        if what != "verify":
            raise Misused(f"audit knows no {what}", "Use `tocsin audit verify`.")
        deployment = Deployment.find(data_dir)
        told = asyncio.run(verified(deployment, data_dir))
        print(json.dumps(told, ensure_ascii=False) if as_json else _lines(told))
        if not told["intact"]:
            raise typer.Exit(1)


async def verified(deployment: Deployment, data_dir: Path) -> Json:
    """Events, chains, anchors, and what is broken."""
    from tocsin.chain import ChainWalk
    from tocsin.log.anchors import read_anchors
    from tocsin.log.port import LogUnavailable
    from tocsin.log.topics import EMS_EVENTS, INCIDENT_EVENTS
    from tocsin.replay import ends_of, records_of

    settings = deployment.settings()
    anchors = read_anchors(data_dir / "anchors.ndjson")
    broken: list[Json] = []
    events = chains = met = 0
    try:
        for topic in (INCIDENT_EVENTS, EMS_EVENTS):
            walk = ChainWalk(topic.name, [a for a in anchors if a.topic == topic.name])
            async for partition, records in records_of(settings, topic, await ends_of(settings, topic)):
                for r in records:
                    walk.take(partition, r.offset, r.value or b"")
            walk.end()
            broken += [b.shown() for b in walk.broken]
            events, chains, met = events + walk.events, chains + len(walk.heads), met + walk.anchors_met
    except LogUnavailable as e:
        raise Mend(f"The log cannot be read ({e})", "See `tocsin doctor`.") from e
    return {
        "events": events, "chains": chains, "anchors": len(anchors), "anchors_met": met, "intact": not broken,
        "broken": broken[:20],
    }  # fmt: skip


def _lines(told: Json) -> str:
    lines = [
        f"{told['events']} events in {told['chains']} chains, {told['anchors_met']} of {told['anchors']} anchors met"
    ]
    lines += [f"  BROKEN {b['topic']} {b['chain']} seq {b['seq']} (partition {b['partition']}, offset {b['offset']}): "
              f"{b['what']}" for b in told["broken"]]  # fmt: skip
    return "\n".join([*lines, "intact" if told["intact"] else "NOT intact"])
