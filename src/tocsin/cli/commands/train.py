"""`tocsin train`: a text model from a user's own file."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson
from tocsin.cli.errors import Mend

MODEL_DIR = DATA_DIR / "model"


def register(app: typer.Typer) -> None:
    """Adds `train`."""

    @app.command()
    def train(
        file: Annotated[Path, typer.Argument(help="CSV: text and department_class (or kind).")],
        output: Annotated[Path, typer.Option(help="Where the model is written.")] = MODEL_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Trains the text classifier; the result is a plain weights file and its manifest."""
        from tocsin.cli.extras import ensure_extra
        from tocsin.cli.progress import out, steps

        ensure_extra("train")
        from tocsin.text.data import FileInvalid, read_labelled
        from tocsin.text.model import WEIGHTS, ModelInvalid, save_model
        from tocsin.text.train import train as trained_on

        try:
            with steps() as told:
                trained = trained_on(read_labelled(file), told.say)
                version = save_model(trained, output)
        except (FileInvalid, ModelInvalid) as e:
            raise Mend(
                str(e), "Give a CSV in UTF-8 with text and department_class (or kind), some rows a class."
            ) from e
        except OSError as e:
            raise Mend(f"{output} cannot be written: {e}", "Name another directory with --output.") from e
        size = (output / WEIGHTS).stat().st_size
        if as_json:
            out(
                {
                    "model": str(output),
                    "version": version,
                    "rows": trained.rows,
                    "labels": trained.labels,
                    "bytes": size,
                }
            )
        else:
            print(f"{output}: {trained.rows} rows, {len(trained.labels)} labels, {size / 1e6:.1f} MB, {version}")
