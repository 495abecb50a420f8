"""A user's labelled file: CSV with `text` and `department_class` or `kind`."""

import csv
from pathlib import Path
from typing import NamedTuple

from tocsin.enrich.normal import normalise

FIELD_MAX = 1024 * 1024


class Labelled(NamedTuple):
    """Texts (in the one form, blanks kept where they divide words) and their labels."""

    texts: list[str]
    labels: list[str]


class FileInvalid(Exception):
    """A file that cannot be used; the message names the line."""


def prepared(text: str) -> str:
    """The one form of a text for training and evaluating; blanks between words stay, for they are hints.

    `_x000D_` is how spreadsheets write the end of a line within a cell: no word of anybody's.
    """
    text = text.replace("_x000D_", " ").strip()
    if " " not in text:
        return normalise(text)
    return " ".join(normalise(word) for word in text.split())


def read_labelled(file: Path) -> Labelled:
    """Reads the file; FileInvalid says what is wrong with it."""
    csv.field_size_limit(FIELD_MAX)
    texts, labels = [], []
    try:
        with file.open(encoding="utf-8-sig", newline="") as f:
            reader = csv.DictReader(f)
            columns = reader.fieldnames or []
            column = next((c for c in ("department_class", "kind") if c in columns), "")
            if "text" not in columns or not column:
                raise FileInvalid(f"{file}:1: needs the columns text and department_class (or kind)")
            for row in reader:
                text, label = row.get("text"), row.get(column)
                if text is None or not label or not label.strip():
                    raise FileInvalid(f"{file}:{reader.line_num}: a line without text or {column}")
                texts.append(prepared(text))
                labels.append(label.strip())
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise FileInvalid(f"{file} cannot be read as CSV in UTF-8: {e}") from e
    if not texts:
        raise FileInvalid(f"{file}: no rows")
    return Labelled(texts, labels)
