"""`tocsin load`: open-loop load on a running deployment, and what became of every call."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    """Adds `load`."""

    @app.command()
    def load(
        rate: Annotated[
            float, typer.Option(help="Calls a second, sent whatever comes back.", min=0.1, max=20_000)
        ] = 50,
        seconds: Annotated[float, typer.Option(help="For how long.", min=0.1, max=86_400)] = 10,
        mix: Annotated[
            list[Path] | None,
            typer.Option(help="NDJSON of calls in the POST shape, or CSV of calls or messages; may be given twice."),
        ] = None,
        drain: Annotated[float, typer.Option(help="Seconds to wait for the last ones.", min=1)] = 30,
        i_own_this_target: Annotated[bool, typer.Option("--i-own-this-target")] = False,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Sends calls at a fixed rate and counts what was acknowledged, decided, delivered, lost and doubled."""
        import secrets

        import uvloop

        from tocsin.cli.policies import policy_held
        from tocsin.cli.progress import out
        from tocsin.load.mix import made_up, read_mixes
        from tocsin.load.run import Load, Target

        deployment = Deployment.find(data_dir)
        if not i_own_this_target and urlsplit(deployment.intake).hostname not in _LOOPBACK:
            raise Mend(f"{deployment.intake} is not on this machine", "Add --i-own-this-target if it is yours to load.")
        settings = deployment.settings()
        policy = policy_held(settings.policy_path)
        bodies = read_mixes(mix, policy) if mix else made_up(policy)
        target = Target(deployment.intake, deployment.notifier, deployment.tokens["commander"])
        run = Load(target, settings, prefix=f"load-{secrets.token_hex(4)}", drain_s=drain)
        summary = uvloop.run(run.run(bodies, rate=rate, seconds=seconds))
        if as_json:
            out(summary)
        else:
            for name, value in summary.items():
                print(f"{name:>14}  {value}")
        if summary["lost"] or summary["duplicated"]:
            raise typer.Exit(1)
