"""What was learned from sentences (`hearing.tsv`): how letters and pairs of letters speak for danger and for kinds.

The file is made by `scripts/hearing.py` and read here only. Its first line is a manifest in JSON; each
further line is a gram, how rare it is, and the base64 of its signed bytes: danger, then the kinds in the
manifest's order. Grams that speak for danger alone stand last and have one byte.
"""

import base64
import binascii
import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FORMAT = 2
Floats = npt.NDArray[np.float32]


class HearingInvalid(Exception):
    """A file that is no hearing; the message says why."""


class Hearing(NamedTuple):
    """Learned weights. Row 0 is of no gram. `danger` and `squares` are of all grams, `table` of the first, by kind.

    `words` weighs the lexicon's scores of the kinds, `lines` the line that rang, `bias` what stands without words;
    `unseen` is what a gram never met adds to `squares`.
    """

    version: str
    kinds: list[str]
    lines: list[str]
    rows: dict[str, int]
    squares: Floats
    danger: Floats
    table: Floats
    words: Floats
    of_line: Floats
    bias: Floats
    unseen: float


def _bytes(cells: list[str]) -> Floats:
    held = b"".join(base64.b64decode(c, validate=True) for c in cells)
    return np.frombuffer(held, dtype=np.int8).astype(np.float32)


def read_hearing(text: str) -> Hearing:
    """Reads the file's text; HearingInvalid where it is not as it says."""
    lines = [x for x in text.split("\n") if x]
    try:
        manifest: dict[str, Any] = json.loads(lines[0])
        if manifest["format"] != FORMAT:
            raise HearingInvalid(f"format {manifest['format']}, this one reads {FORMAT}")
        kinds, heard = [str(k) for k in manifest["kinds"]], [str(x) for x in manifest["lines"]]
        width = len(kinds) + 1
        cells = [x.split("\t") for x in lines[1:]]
        grams = [c[0] for c in cells]
        named = int(manifest["named"])
        weights = np.zeros((named + 1, width), dtype=np.float32)
        weights[1:] = _bytes([c[2] for c in cells[:named]]).reshape(named, width)
        idf = np.zeros(len(grams) + 1, dtype=np.float32)
        idf[1:] = [float(c[1]) for c in cells]
        danger = np.concatenate((weights[:, 0], _bytes([c[2] for c in cells[named:]])))
        danger = danger.reshape(len(idf)) * np.float32(manifest["danger_scale"]) * idf
        table = weights[:, 1:] * np.float32(manifest["kind_scale"]) * idf[: named + 1, None]
        words = np.array(manifest["words"], dtype=np.float32).reshape(len(kinds), len(kinds))
        of_line = np.array(manifest["of_line"], dtype=np.float32).reshape(len(heard), len(kinds))
        bias = np.array(manifest["bias"], dtype=np.float32).reshape(width)
        version, unseen = str(manifest["version"]), float(manifest["unseen"])
    except (ValueError, KeyError, IndexError, TypeError, binascii.Error) as e:
        raise HearingInvalid(f"not as its manifest says ({type(e).__name__})") from e
    numbers = (danger, table, idf, words, of_line, bias, np.float32(unseen))
    if not all(bool(np.isfinite(x).all()) for x in numbers) or len(set(grams)) != len(grams):
        raise HearingInvalid("numbers that are none, or a gram twice")
    rows = {g: i for i, g in enumerate(grams, 1)}
    return Hearing(version, kinds, heard, rows, idf * idf, danger, table, words, of_line, bias, unseen)
