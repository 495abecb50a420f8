"""`tocsin evaluate`: how well a trained text model does on labelled rows."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.commands.train import MODEL_DIR
from tocsin.cli.deployment import AsJson
from tocsin.cli.errors import Mend


def register(app: typer.Typer) -> None:
    """Adds `evaluate`."""

    @app.command()
    def evaluate(
        file: Annotated[Path, typer.Argument(help="CSV: text and department_class (or kind).")],
        model: Annotated[Path, typer.Option(help="The model's directory.")] = MODEL_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Prints n, accuracy and macro-F1 of the model on these rows."""
        from tocsin.cli.progress import out
        from tocsin.text.data import FileInvalid, read_labelled
        from tocsin.text.measure import score
        from tocsin.text.model import ModelInvalid, load_model

        try:
            classifier = load_model(model)
        except ModelInvalid as e:
            raise Mend(str(e), "Train one with `tocsin train FILE`, or name it with --model.") from e
        try:
            data = read_labelled(file)
        except FileInvalid as e:
            raise Mend(str(e), "Give a CSV in UTF-8 with text and department_class (or kind).") from e
        found = score(data.labels, [classifier.best(t)[0] for t in data.texts])
        if as_json:
            out({"n": found.n, "accuracy": round(found.accuracy, 6), "macro_f1": round(found.macro_f1, 6)})
        else:
            print(f"n {found.n}   accuracy {found.accuracy:.4f}   macro-F1 {found.macro_f1:.4f}")
