"""`tocsin test`: the whole suite, real broker included."""

import typer


def register(app: typer.Typer) -> None:
    """Adds `test`."""

    @app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def test(context: typer.Context) -> None:
        """Runs the test suite; what follows `--` goes to pytest."""
        import os
        import sys

        from tocsin.cli.errors import Mend
        from tocsin.cli.extras import checkout, ensure_extra

        root = checkout()
        if root is None or not (root / "tests").is_dir():
            raise Mend("The tests are not part of the installed package", "Run ./tocsin test in a checkout.")
        ensure_extra("test")
        # Two workers, each with one broker; tests/conftest.py says what must stay together on one of them.
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *context.args]
        os.chdir(root)
        os.execv(sys.executable, command)  # noqa: S606 - pytest takes over: its exit code is ours
