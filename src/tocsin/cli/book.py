"""The console's Chinese words, for the command line too: one book, so that both say the same of an event."""

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["zh", "en"]
_WORD = re.compile(r'(?:^|[,{]\s+|\n\s*)"?([A-Za-z_][\w.]*)"?: "([^"]*)"')
_SLOT = re.compile(r"\{(\w+)\}")


def language_of(asked: str = "", env: Mapping[str, str] = os.environ) -> Language:
    """`zh` or `en`: as asked, else by TOCSIN_LANG, else by the terminal's locale (LC_ALL, LC_MESSAGES, LANG)."""
    named = asked or next((env[n] for n in ("TOCSIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if env.get(n)), "")
    return "zh" if named.lower().startswith("zh") else "en"


@cache
def _words() -> dict[str, str]:
    package = Path(__file__).resolve().parents[1]
    for console in (package.parents[1] / "console", package / "_data" / "console"):
        file = console / "js" / "i18n.js"
        if file.is_file():
            block = file.read_text(encoding="utf-8").split("const zh = {", 1)[1].split("\n};", 1)[0]
            return dict(_WORD.findall(block))
    return {}


class Book:
    """Words by key; agencies and kinds by the names the policy gives them (`/v1/catalogue`)."""

    def __init__(self, catalogue: Mapping[str, Any] | None = None) -> None:
        held = catalogue or {}
        self._agencies = {a["id"]: a["label"] for a in held.get("agencies", [])}
        self._kinds = {k["code"]: k["label"] for k in held.get("kinds", [])}

    def has(self, key: str) -> bool:
        """Whether there are words for it."""
        return key in _words()

    def t(self, key: str, values: Mapping[str, Any] | None = None) -> str:
        """The words of a key with its values put in; the key itself where there are none."""
        held = values or {}
        return _SLOT.sub(lambda m: str(held.get(m[1], "")), _words().get(key, key))

    def label(self, within: str, code: Any) -> str:
        """What a code of a set is called; the code itself where the book has no word."""
        key = f"{within}.{code}"
        return self.t(key) if self.has(key) else str(code)

    def agency(self, code: str) -> str:
        """An agency's name."""
        return str(self._agencies.get(code, code))

    def kind(self, code: str) -> str:
        """A kind's name."""
        return str(self._kinds.get(code, code))
