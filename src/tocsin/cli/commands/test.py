"""`tocsin test`: the whole suite, real broker included."""

import typer

from tocsin.cli.deployment import AsJson

_PARTS = (
    ("tests/unit", "tests/simulation", "tests/contract", "tests/deploy", "-n", "2", "--dist", "loadfile"),
    ("tests/e2e", "tests/integration"),
    ("tests/faults",),
)
"""What needs little goes first, on two workers; then what shares one deployment; then what breaks its own."""


def register(app: typer.Typer) -> None:
    """Adds `test`."""

    @app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def test(context: typer.Context, as_json: AsJson = False) -> None:
        """Runs the test suite; what follows `--` goes to pytest."""
        import os
        import subprocess
        import sys

        from tocsin.cli.errors import Mend
        from tocsin.cli.extras import checkout, ensure_extra
        from tocsin.cli.progress import out

        root = checkout()
        if root is None or not (root / "tests").is_dir():
            raise Mend("The tests are not part of the installed package", "Run ./tocsin test in a checkout.")
        ensure_extra("test")
        os.chdir(root)
        pytest = [sys.executable, "-m", "pytest"]
        if context.args and not as_json:
            os.execv(sys.executable, [*pytest, *context.args])  # noqa: S606 - pytest takes over: its exit code is ours
        parts = [tuple(context.args)] if context.args else _PARTS
        told = sys.stderr if as_json else None  # standard output is the object's alone
        codes = [subprocess.run([*pytest, *part], check=False, stdout=told).returncode for part in parts]  # noqa: S603 - our own pytest
        if as_json:
            out({"passed": not any(codes), "exit_codes": codes})
        raise typer.Exit(max(codes, key=abs))
