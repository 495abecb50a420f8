"""`tocsin evaluate-danger`: recall and precision of hearing danger to life, over sentences that say what they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from tocsin.cli.deployment import AsJson
from tocsin.cli.errors import Mend

if TYPE_CHECKING:
    from tocsin.policy.model import Policy

DANGER, SAFE = frozenset({"danger", "1"}), frozenset({"safe", "near", "0"})
_MEND = "Give a TSV in UTF-8: danger or safe, then (last) the text; lines of # are comments."


class Score(Struct, frozen=True):
    """Of `n` sentences: the share of those of danger that were heard; the share of those heard that are of danger."""

    n: int
    recall: float
    precision: float
    missed: list[str]
    false: list[str]


def register(app: typer.Typer) -> None:
    """Adds `evaluate-danger`."""

    @app.command("evaluate-danger")
    def evaluate_danger(
        file: Annotated[Path, typer.Argument(help="TSV: danger or safe, then the text (its last column).")],
        line: Annotated[str, typer.Option(help="The line they ring on.")] = "12345",
        policy: Annotated[Path | None, typer.Option(help="Policy directory; the sample where absent.")] = None,
        show: Annotated[bool, typer.Option("--show", help="Also what was missed, and what was heard in vain.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Prints n, recall and precision, by the very code of the services, without Kafka."""
        from tocsin.cli.policies import policy_held
        from tocsin.cli.progress import out
        from tocsin.runtime.settings import Settings

        held = policy_held(Settings(policy_dir=policy).policy_path)
        found = scored(held, read(file), line)
        if as_json:
            told = {"missed": found.missed, "false": found.false} if show else {}
            out({"n": found.n, "recall": round(found.recall, 6), "precision": round(found.precision, 6)} | told)
            return
        print(f"n {found.n}   recall {found.recall:.4f}   precision {found.precision:.4f}")
        for what, texts in (("missed", found.missed), ("false", found.false)) if show else ():
            for text in texts:
                print(f"{what}\t{text}")


def read(file: Path) -> list[tuple[bool, str]]:
    """Each sentence with whether it speaks of danger; a first row that names columns is passed over."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise Mend(f"{file} cannot be read: {e}", _MEND) from e
    rows = []
    for n, cells in ((n, row.split("\t")) for n, row in enumerate(lines, 1) if row.strip() and row[0] != "#"):
        what, text = cells[0].strip().lower(), cells[-1].strip()
        if what in DANGER | SAFE and len(cells) > 1 and text:
            rows.append((what in DANGER, text))
        elif rows or what != "expect":
            raise Mend(f"{file}:{n}: neither danger nor safe, or no text", _MEND)
    if not any(danger for danger, _ in rows):
        raise Mend(f"{file} holds no sentence of danger, so there is nothing to recall", _MEND)
    return rows


def scored(policy: "Policy", rows: list[tuple[bool, str]], line: str) -> Score:
    """On 12345 what leaves the working-day queue was heard; on the other lines what intake marks as danger."""
    from tocsin.cli.offline import OfflineCalls

    offline = OfflineCalls(policy)
    found: dict[tuple[bool, bool], list[str]] = {}
    for n, (danger, text) in enumerate(rows, 1):
        call, understood = offline.read({"line": line, "text": text}, fallback_id=f"row-{n}")
        heard = understood.escalated if line == "12345" else call.danger
        found.setdefault((danger, heard), []).append(text)
    hits, missed, false = (len(found.get(k, [])) for k in ((True, True), (True, False), (False, True)))
    return Score(
        len(rows), hits / (hits + missed), hits / (hits + false) if hits + false else 0.0,
        found.get((True, False), []), found.get((False, True), []),
    )  # fmt: skip
