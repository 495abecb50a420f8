"""`tocsin down`: stops a deployment in order."""

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir


def register(app: typer.Typer) -> None:
    """Adds `down`."""

    @app.command()
    def down(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
        """Stops the deployment of a data directory; its data stays."""
        from tocsin.cli.progress import out, steps
        from tocsin.cli.stopping import stop_deployment

        with steps() as told:
            told.say("stopping")
            stopped = stop_deployment(data_dir)
        if as_json:
            out({"stopped": stopped})
        elif stopped:
            print("stopped")
        elif data_dir.is_dir():
            print(f"nothing ran on {data_dir}")
        else:
            print(f"nothing ran on {data_dir}: there is no such directory; --data-dir names the one `up` was given")
