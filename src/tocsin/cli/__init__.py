"""The command line: every module of `tocsin.cli.commands` adds its commands by `register(app)`."""

import pkgutil
import sys
from importlib import import_module

import typer

from tocsin import __version__
from tocsin.cli import commands
from tocsin.cli.errors import Mend


def _modules() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(commands.__path__))


def build(only: str = "") -> typer.Typer:
    """The application; with `only`, just that module's commands, so that a command starts without loading the rest."""
    app = typer.Typer(
        name="tocsin",
        help="A county's alarm and emergency lines on one event log.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )

    @app.callback(invoke_without_command=True)
    def tocsin(version: bool = typer.Option(False, "--version", help="Say the version and end.")) -> None:
        """A county's alarm and emergency lines on one event log."""
        if version:
            print(__version__)
            raise typer.Exit

    for name in [only] if only else _modules():
        import_module(f"tocsin.cli.commands.{name}").register(app)
    return app


def main() -> None:
    """Runs the command of `sys.argv`. An error that can be mended is one line and exit code 1."""
    wanted = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    try:
        build(wanted if wanted in _modules() else "")()
    except Mend as e:
        print(f"tocsin: {' '.join(str(e).split())}", file=sys.stderr)
        sys.exit(1)
