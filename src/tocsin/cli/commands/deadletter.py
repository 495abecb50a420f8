"""`tocsin deadletter list|replay`: what could not be read, and putting it back, idempotently."""

import asyncio
import json
from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend, Misused

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def deadletter(
        what: Annotated[str, typer.Argument(metavar="list|replay", help="What to do: list or replay.")] = "list",
        ident: Annotated[str, typer.Option("--id", help="Only this dead letter.")] = "",
        again: Annotated[
            bool, typer.Option("--again", help="Also what was put back before, as after an upgrade.")
        ] = False,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Lists the dead letters, or puts back those that were never put back."""
        if what not in ("list", "replay"):
            raise Misused(f"deadletter knows no {what}", "Use `tocsin deadletter list` or `tocsin deadletter replay`.")
        deployment = Deployment.find(data_dir)
        told = asyncio.run(_list(deployment, ident) if what == "list" else _replay(deployment, ident, again=again))
        print(json.dumps(told, ensure_ascii=False) if as_json else _lines(told))


def _lines(told: Json) -> str:
    if "replayed" in told:
        return f"{told['replayed']} put back, {told['passed_by']} were put back before (see --again)"
    lines = [
        f"{i['id']}  {i['topic']}/{i['partition']}/{i['offset']}  {i['stage']}: {i['error']}"
        f"{'  (put back)' if i['replayed'] else ''}"
        for i in told["items"]
    ]
    return "\n".join([*lines, f"{len(lines)} dead letter(s)"])


async def _list(deployment: Deployment, ident: str) -> Json:
    from tocsin.codec.text import rfc3339
    from tocsin.deadletters import read_all

    found = await _asked(read_all(deployment.settings()))
    return {
        "items": [
            {
                "id": x.letter.id, "topic": x.letter.topic, "partition": x.letter.partition, "offset": x.letter.offset,
                "stage": x.letter.stage, "error": x.letter.error, "bytes": len(x.letter.value),
                "dead_at": rfc3339(x.letter.dead_at), "times": x.times, "replayed": x.replayed,
            }
            for x in found if ident in ("", x.letter.id)
        ]
    }  # fmt: skip


async def _replay(deployment: Deployment, ident: str, *, again: bool) -> Json:
    from tocsin.deadletters import put_all_back

    replayed, passed_by = await _asked(put_all_back(deployment.settings(), ident, again=again))
    if ident and not replayed + passed_by:
        raise Mend(f"There is no dead letter {ident}", "See `tocsin deadletter list`.")
    return {"replayed": replayed, "passed_by": passed_by}


async def _asked(work: Any) -> Any:
    from tocsin.log.port import LogUnavailable

    try:
        return await work
    except LogUnavailable as e:
        raise Mend(f"The log cannot be read or written ({e})", "See `tocsin doctor`.") from e
