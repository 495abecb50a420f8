"""`tocsin bench`: the performance table, each figure beside its peer or limit in the same run."""

from typing import Annotated

import typer

from tocsin.cli.deployment import AsJson
from tocsin.cli.errors import Mend

_GROUPS = ("enrich", "text", "storm", "decider", "memory", "intake", "delivery", "router", "replay", "clocks")


def register(app: typer.Typer) -> None:
    """Adds `bench`."""

    @app.command()
    def bench(
        only: Annotated[list[str] | None, typer.Option(help=f"Some of: {', '.join(_GROUPS)}; may be repeated.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Measures on a deployment of its own for some minutes. Machines are noisy: compare ratios."""
        import uvloop

        from tocsin.bench.figure import machine
        from tocsin.bench.table import measured, printed
        from tocsin.cli.progress import out, steps

        unknown = sorted(set(only or ()) - set(_GROUPS))
        if unknown:
            raise Mend(f"There is no figure group {', '.join(unknown)}", f"Take some of {', '.join(_GROUPS)}.")
        on = machine()
        with steps() as told:
            figures = uvloop.run(measured(only or list(_GROUPS), told.say))
        if as_json:
            out({"machine": on, "figures": figures})
        else:
            printed(on, figures)
