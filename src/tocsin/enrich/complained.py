"""Whom a complaint is about: an agency's own names, said as what is complained of and not as where, or to whom. Pure.

A complaint never goes to the agency complained of. Three forms of saying so: the word for complaining just before the
name (投诉某局), the name with what it is blamed for after it (某局推诿), and the name brought up first (对某局…投诉).
Without that word: what its people did, right after their name (警察打人), or what was suffered from them (被民警推了).
"""

import re
from collections.abc import Iterable

from tocsin.enrich.normal import normalise
from tocsin.policy.model import Policy

BLAMED_WITHIN = 12
"""Characters after a name within which a blame is taken to be its own."""
ASKED_WITHIN = 6
"""Characters after what was done within which it is only asked whether it is allowed."""
_ASKED = ("吗", "么", "怎么办", "怎么")
_CLAUSE = ",。!?;: "
_ABOUT = ("对", "对于", "关于", "针对")


class Complained:
    """The policy's names and words made ready."""

    def __init__(self, policy: Policy) -> None:
        said, names = policy.complaints, _names(policy)
        self._agencies = names
        self._verb = _any_of(said.verbs)
        self._told = _any_of([*said.verbs, *said.reports])
        self._name = _any_of(names)
        self._blame = _any_of(said.blame)
        towns = (n for e in policy.gazetteer if e.kind == "town" for n in e.names)
        fill = [*said.between, *towns, *(r.label for r in policy.regions.values())]
        self._between = re.compile(f"(?:{_alternatives(fill)})*")
        self._places = tuple(normalise(w) for w in said.places)
        self._feigned = tuple(normalise(w) for w in said.feigned)
        self._hint = _any_of([*said.deeds, *said.blows]) if said.deeds else None
        names_, still = _alternatives(names), f"(?:{_alternatives([*said.still, *names])}){{0,4}}"
        blows = f"(?:{_alternatives(said.blows)})(?!电话|招呼|交道|车|发)"
        did = f"(?P<name>{names_}){still}(?:(?:{_alternatives(said.deeds)})|把[^{_CLAUSE}]{{1,4}}{blows})"
        suffered = f"被(?:{_alternatives(fill)})*(?P<by>{names_}){still}{blows}"
        self._conduct = re.compile(f"{did}|{suffered}")

    def conduct(self, words: str) -> list[str]:
        """The agencies whose people are said to have done wrong themselves, with no word for complaining needed."""
        if self._hint is None or self._hint.search(words) is None:
            return []
        found: set[str] = set()
        for m in self._conduct.finditer(words):
            asked = words[m.end() : m.end() + ASKED_WITHIN].split(",", 1)[0].rstrip("?。").endswith(_ASKED)
            if not asked and not words[: m.start()].endswith(self._feigned):
                found.update(self._agencies[m["name"] or m["by"]])
        return sorted(found)

    def of(self, words: str) -> list[str]:
        """The agencies a normalised text complains of, in their order; none where it complains of none."""
        found = set(self.conduct(words))
        if self._told.search(words) is None:
            return sorted(found)
        for m in self._name.finditer(words):
            begins = max(words.rfind(c, 0, m.start()) for c in _CLAUSE) + 1
            ends = min((at for c in _CLAUSE if (at := words.find(c, m.end())) >= 0), default=len(words))
            if self._blamed(words[begins : m.start()], words[m.end() : ends]):
                found.update(self._agencies[m.group()])
        return sorted(found)

    def _blamed(self, before: str, after: str) -> bool:
        """Whether a name between these words of its clause is what is complained of."""
        if after.startswith(self._places) or before.endswith(self._feigned):
            return False
        verbs = list(self._verb.finditer(before))
        if verbs and self._between.fullmatch(before, verbs[-1].end()):
            return True
        verb, told = self._verb.search(after), self._told.search(after)
        own = after[: min(BLAMED_WITHIN, told.start() if told else BLAMED_WITHIN)]  # past that word it is of another
        if self._blame.search(own):
            return True
        brought_up = self._between.sub("", before) if not before.endswith(_ABOUT) else before
        return brought_up.endswith(_ABOUT) and verb is not None


def _names(policy: Policy) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for agency in policy.agencies.values():
        for name in agency.said:
            names.setdefault(normalise(name), []).append(agency.id)
    return names


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(_alternatives(words) or r"(?!)")


def _alternatives(words: Iterable[str]) -> str:
    """The longest first, so that a name is read whole; a number (120) is none within a longer one."""
    whole = (re.escape(normalise(w)) for w in sorted(set(words), key=lambda w: (-len(w), w)))
    return "|".join(rf"(?<!\d){w}(?!\d)" if w.isdecimal() else w for w in whole)
