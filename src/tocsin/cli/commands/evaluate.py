"""`tocsin evaluate`: how well a text model does on labelled rows, and how quickly."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.commands.train import MODEL
from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir
from tocsin.cli.errors import Mend

if TYPE_CHECKING:
    from tocsin.text.data import Labelled
    from tocsin.text.model import Classifier

_LENGTHS = (60, 600, 3600)


def register(app: typer.Typer) -> None:
    """Adds `evaluate`."""

    @app.command()
    def evaluate(
        file: Annotated[Path, typer.Argument(help="CSV: text and department_class (or kind).")],
        model: Annotated[
            Path | None, typer.Option(help="The model's directory; `model` in the data directory where absent.")
        ] = None,
        folds: Annotated[
            int, typer.Option(help="Train without each of so many random parts in turn instead; no model is kept.")
        ] = 0,
        seed: Annotated[int, typer.Option(help="Which random parts.")] = 1,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Prints n, accuracy and macro-F1 of the model on these rows, and the processor time a text takes."""
        from tocsin.text.data import FileInvalid, read_labelled

        try:
            data = read_labelled(file)
            if folds:
                _parts(data, folds, seed, as_json=as_json)
            else:
                _kept(data, model or data_dir / MODEL, as_json=as_json)
        except FileInvalid as e:
            raise Mend(str(e), "Give a CSV in UTF-8 with text and department_class (or kind).") from e


def _kept(data: "Labelled", model: Path, *, as_json: bool) -> None:
    from tocsin.cli.progress import out
    from tocsin.text.measure import score
    from tocsin.text.model import ModelInvalid, load_model

    try:
        classifier = load_model(model)
    except ModelInvalid as e:
        raise Mend(str(e), "Train one with `tocsin train FILE`, or name it with --model.") from e
    found = score(data.labels, [classifier.best(t)[0] for t in data.texts])
    micros = _micros(data.texts, classifier)
    if as_json:
        rounded = {"accuracy": round(found.accuracy, 6), "macro_f1": round(found.macro_f1, 6)}
        out({"n": found.n, **rounded, "version": classifier.version, "us_by_characters": micros})
    else:
        print(f"n {found.n}   accuracy {found.accuracy:.4f}   macro-F1 {found.macro_f1:.4f}   {classifier.version}")
        print("   ".join(f"{what} characters {us:.1f} us" for what, us in micros.items()))


def _micros(texts: list[str], classifier: "Classifier") -> dict[str, float]:
    from tocsin.text.measure import micros_each

    cut = " ".join(texts)
    words = cut.replace(" ", "")
    micros = {str(n): micros_each(classifier.best, words, n) for n in _LENGTHS if len(words) >= n}
    if any(" " in t for t in texts):
        micros["60 in words"] = micros_each(classifier.best, cut, 60)
    return {what: round(us, 1) for what, us in micros.items()}


def _parts(data: "Labelled", folds: int, seed: int, *, as_json: bool) -> None:
    from tocsin.cli.extras import ensure_extra
    from tocsin.cli.progress import out, steps

    ensure_extra("train")
    from tocsin.text.folds import held_back

    with steps() as told:
        scores = held_back(data, folds, seed, told.say)
    mean = {k: sum(getattr(s, k) for s in scores) / folds for k in ("accuracy", "macro_f1")}
    least = {k: min(getattr(s, k) for s in scores) for k in ("accuracy", "macro_f1")}
    if as_json:
        parts = [{"n": s.n, "accuracy": round(s.accuracy, 6), "macro_f1": round(s.macro_f1, 6)} for s in scores]
        rounded = {k: round(v, 6) for k, v in mean.items()}
        lows = {k: round(v, 6) for k, v in least.items()}
        out({"n": len(data.texts), **rounded, "least": lows, "folds": parts, "seed": seed})
        return
    for s in scores:
        print(f"n {s.n}   accuracy {s.accuracy:.4f}   macro-F1 {s.macro_f1:.4f}")
    print(f"mean     accuracy {mean['accuracy']:.4f}   macro-F1 {mean['macro_f1']:.4f}")
    print(f"least    accuracy {least['accuracy']:.4f}   macro-F1 {least['macro_f1']:.4f}")
