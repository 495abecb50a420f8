"""`tocsin doctor`: what is not well, with the mend for each."""

from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir


def register(app: typer.Typer) -> None:
    """Adds `doctor`."""

    @app.command()
    def doctor(
        data_dir: DataDir = DATA_DIR,
        port_base: Annotated[int, typer.Option(help="The ports `up` would use.")] = 19000,
        as_json: AsJson = False,
    ) -> None:
        """Checks the machine, the log and the services; exit code 1 where anything fails."""
        from tocsin.cli.checks import all_checks
        from tocsin.cli.progress import out, steps

        with steps() as told:
            found = all_checks(data_dir, port_base, told.say)
        failed = any(c.state == "failure" for c in found)
        if as_json:
            out({"ok": not failed, "checks": found})
        else:
            from rich.console import Console
            from rich.text import Text

            marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red")}
            console = Console(highlight=False)
            for c in found:
                mark, colour = marks[c.state]
                line = Text.assemble((mark, colour), f" {c.name}: {c.found}")
                console.print(line.append(f"\n  → {c.mend}") if c.mend else line, soft_wrap=True)
        raise typer.Exit(1 if failed else 0)
