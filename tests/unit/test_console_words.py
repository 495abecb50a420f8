"""The console has words for what a dispatcher must know, in both languages: no code of ours stands on the screen."""

import re
from pathlib import Path

from tocsin.incident.complained import COMPLAINT
from tocsin.incident.rescue import REASON

ROOT = Path(__file__).parents[2]
STATED = re.compile(
    r'reasons=\["(\w+)"\]|reasons\.append\("(\w+)"\)|_add\(reasons, "(\w+)"\)|u\.reasons or \["(\w+)"\]'
)


def test_each_reason_for_review_has_its_words() -> None:
    """Found where rules state them, so that a new one without words fails here."""
    code = [*(ROOT / "src/tocsin/incident").glob("*.py"), *(ROOT / "src/tocsin/enrich").glob("*.py")]
    stated = {next(filter(None, m.groups())) for f in code for m in STATED.finditer(f.read_text())}
    assert {"low_confidence", "no_unit", "place_missing", "unsure"} <= stated
    words = (ROOT / "console/js/i18n.js").read_text()
    assert {r: words.count(f'"review.{r}":') for r in (*stated, REASON, COMPLAINT)} == dict.fromkeys(
        (*stated, REASON, COMPLAINT), 2
    )
