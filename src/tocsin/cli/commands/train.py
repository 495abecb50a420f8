"""`tocsin train`: a text model from a user's own file."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir
from tocsin.cli.errors import Mend

MODEL = "model"
"""Where in the data directory a trained model is written and looked for, unless another place is named."""


def register(app: typer.Typer) -> None:
    """Adds `train`."""

    @app.command()
    def train(
        file: Annotated[Path, typer.Argument(help="CSV: text and department_class (or kind).")],
        output: Annotated[
            Path | None, typer.Option(help="Where the model is written; `model` in the data directory where absent.")
        ] = None,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Trains the text classifier; the result is a plain weights file and its manifest.

        `tocsin up --model DIR` (or TOCSIN_MODEL_DIR) lets it name kinds where the lexicon is unsure.
        """
        from tocsin.cli.extras import ensure_extra
        from tocsin.cli.progress import out, steps

        ensure_extra("train")
        from tocsin.text.data import FileInvalid, read_labelled
        from tocsin.text.model import WEIGHTS, ModelInvalid, save_model
        from tocsin.text.train import train as trained_on

        where = output or data_dir / MODEL
        try:
            with steps() as told:
                trained = trained_on(read_labelled(file), told.say)
                version = save_model(trained, where)
        except (FileInvalid, ModelInvalid) as e:
            raise Mend(
                str(e), "Give a CSV in UTF-8 with text and department_class (or kind), some rows a class."
            ) from e
        except OSError as e:
            raise Mend(f"{where} cannot be written: {e}", "Name another directory with --output.") from e
        size = (where / WEIGHTS).stat().st_size
        if as_json:
            out(
                {
                    "model": str(where),
                    "version": version,
                    "rows": trained.rows,
                    "labels": trained.labels,
                    "bytes": size,
                }
            )
        else:
            print(f"{where}: {trained.rows} rows, {len(trained.labels)} labels, {size / 1e6:.1f} MB, {version}")
            print(f"Measure it: tocsin evaluate FILE --model {where}   Use it: tocsin up --model {where}")
