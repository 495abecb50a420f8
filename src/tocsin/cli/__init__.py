"""The command line: every module of `tocsin.cli.commands` adds its commands by `register(app)`."""

import os
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from tocsin import __version__
from tocsin.cli import commands
from tocsin.cli.accounts import anothers
from tocsin.cli.errors import Mend

_Misused: Any = typer.BadParameter.__base__
"""What typer raises for words it cannot use; it has moved between click and typer's own copy of it."""


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
    """Runs the command of `sys.argv`. An error that can be mended is one line: exit code 1, 2 where it was misused."""
    wanted = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    try:
        sys.exit(build(wanted if wanted in _modules() else "")(prog_name="tocsin", standalone_mode=False) or 0)
    except Mend as e:
        print(f"tocsin: {' '.join(str(e).split())}", file=sys.stderr)
        sys.exit(e.exit_code)
    except _Misused as e:
        context = getattr(e, "ctx", None)
        path = context.command_path if context is not None else "tocsin"
        said = " ".join(e.format_message().split()).rstrip(".")
        if type(e).__name__ == "NoArgsIsHelpError":
            print(e.format_message())
            sys.exit(2)
        print(f"tocsin: {said}. See `{path} --help`.", file=sys.stderr)
        sys.exit(2)
    except typer.Abort:
        print("tocsin: stopped. Nothing was done that is not shown above.", file=sys.stderr)
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader (`| head`) has enough: nothing more is written, at the exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as e:
        if os.environ.get("TOCSIN_DEBUG"):
            raise
        sys.exit(_unforeseen(e))


def _unforeseen(e: Exception) -> int:
    """Says in one line what no command had words for; the exit code: 1 for a path somebody named, 70 for our fault."""
    if isinstance(e, OSError) and e.filename is not None:  # not there, no directory, not ours to write, no room
        why = (e.strerror or type(e).__name__).lower()
        mend = (
            anothers(Path(str(e.filename)))
            if isinstance(e, PermissionError)
            else "Name another path, or mend that one."
        )
        print(f"tocsin: {e.filename} cannot be used: {why}. {mend}", file=sys.stderr)
        return 1
    said = " ".join(f"{type(e).__name__}: {e}".split())[:300]
    print(f"tocsin: an error of the program ({said}). Run it with TOCSIN_DEBUG=1, and report it.", file=sys.stderr)
    return 70
