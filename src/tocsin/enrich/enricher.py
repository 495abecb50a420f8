"""The one door to understanding a call, used by intake, router and the evaluating commands alike."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec.structs import replace

from tocsin.enrich.beside import apart
from tocsin.enrich.complained import Complained
from tocsin.enrich.ear import Ear, Heard
from tocsin.enrich.lexicon import Automaton
from tocsin.enrich.locate import Locator
from tocsin.enrich.normal import normalise
from tocsin.enrich.slips import Slips
from tocsin.enrich.understand import Ears, in_danger, priority_of, silent, understand
from tocsin.incident.values import CallRecord, Understanding
from tocsin.place import Place, Point
from tocsin.policy.hearing import read_hearing
from tocsin.policy.model import Policy

TEXT_READ_MAX = 4000
"""Characters of a text that are read for its kind; danger is looked for in all of it."""
PORTION, OVERLAP = 2000, 100
"""Characters of a very long text that are read for danger at once, and those read with the former too."""
_POLICING = ("crime.inprogress", "crime.domestic", "order.dispute")
"""Kinds that blows have, whoever deals them."""
_PLACE_MIN = 2
"""Shorter names of places are also plain words."""


def _portions(words: str) -> Iterator[str]:
    """A text as it is read for danger: whole, or what is longer than anybody writes by portions that overlap.

    Each word is judged by the signs around it, and in one piece 64 KiB of them took a minute: work grows with the
    square of what is read at once.
    """
    if len(words) <= TEXT_READ_MAX:
        yield words
        return
    for start in range(0, len(words), PORTION - OVERLAP):
        yield words[start : start + PORTION]


class TextModel(Protocol):
    """A trained model: a normalised text → its kind and how sure; None where it has nothing to say."""

    version: str

    def classify(self, text: str) -> tuple[str, float] | None:
        """The best kind."""


def automaton_of(policy: Policy) -> Automaton:
    """The policy's lexicon made ready, with the names of its places."""
    names = (normalise(n) for e in policy.gazetteer for n in e.names)
    return Automaton(policy.lexicon, [n for n in names if len(n) > _PLACE_MIN])


class Enricher:
    """Built once per policy (some 50 ms), then shared. `tokens(kind, text)` makes keyed hashes of address parts."""

    def __init__(
        self, policy: Policy, model: TextModel | None = None, tokens: Callable[[str, str], str] | None = None
    ) -> None:
        self.policy, self.model = policy, model
        self._automaton = automaton_of(policy)
        self._ear = Ear(read_hearing(policy.lexicon.hearing)) if policy.lexicon.hearing else None
        self._slips = Slips(policy.lexicon)
        self._locator = Locator(policy, tokens)
        self._complained = Complained(policy)

    def danger(self, text: str) -> bool:
        """Whether a text speaks of danger to life, on any line. Never raises."""
        if not text:
            return False
        words = self._slips.mended(normalise(text))
        return any(map(self._in_danger, _portions(words)))

    def _in_danger(self, words: str) -> bool:
        heard = self._hear(words)
        hits = [] if heard is not None and heard.clear else self._automaton.find(words)
        return in_danger(self._automaton, words, hits, heard)

    def _hear(self, words: str) -> Heard | None:
        """What the ear makes of a normalised text; None where it has not learned such texts (letters, English)."""
        return self._ear.hear(words) if self._ear is not None and not words.isascii() else None

    def understand(
        self,
        line: str,
        channel: str,
        text: str,
        *,
        has_point: bool = False,  # noqa: ARG002 - said by all who ask; a position alone says nothing yet
        has_address: bool = False,
        dropped: bool = False,
    ) -> Understanding:
        """What a call is about. `dropped`: it ended before anything could be said. Never raises."""
        words = self._slips.mended(normalise(text).strip()) if text else ""
        if not words.strip(" ,.。!?-"):
            return silent(self.policy, channel, addressed=has_address, dropped=dropped)
        read = words[:TEXT_READ_MAX]
        found = self._one(line, read)
        if (
            len(words) > len(read)
            and not found.escalated
            and any(map(self._automaton.danger, _portions(words[TEXT_READ_MAX - 50 :])))
        ):
            found = replace(
                self._one(line, words[TEXT_READ_MAX - 50 :][-TEXT_READ_MAX:]),
                alternatives={found.kind: found.confidence},
            )
        matters = list(dict.fromkeys((*found.matters, *self._further(line, read, found.kind))))
        against = self._complained.of(read)
        if against and found.kind.startswith(_POLICING) and self._complained.conduct(read):
            found = self._conduct(found, words)
        return replace(found, matters=matters, against=against) if matters or against else found

    def understand_call(self, call: CallRecord, text: str, *, has_address: bool) -> Understanding:
        """The same from a call's record and its clear words: router and offline evaluation ask alike."""
        return self.understand(
            call.line, call.channel, text, has_point=call.place.source == "point", has_address=has_address,
            dropped=dropped(call, self.policy.dropped_within_s),
        )  # fmt: skip

    def _one(self, line: str, words: str) -> Understanding:
        model = self.model
        ears = Ears(self._hear(words), model.classify if model else None, model.version if model else "")
        return understand(self.policy, self._automaton, line, words, ears)

    def _conduct(self, found: Understanding, words: str) -> Understanding:
        """Blows blamed on an agency's own people are a complaint about them, no order to them; danger goes before."""
        kind = self.policy.complaints.kind
        if kind not in self.policy.kinds or self.danger(words):
            return found
        reasons = [r for r in found.reasons if r != "low_confidence"]
        return replace(
            found, kind=kind, priority=priority_of(self.policy, kind, found.raises), decided_by="lexicon", model="",
            confidence=max(found.confidence, self.policy.confidence_min), reasons=reasons, human=bool(reasons),
            alternatives={found.kind: found.confidence} | {k: v for k, v in found.alternatives.items() if k != kind},
        )  # fmt: skip

    def _further(self, line: str, words: str, kind: str) -> list[str]:
        """Further matters of one call: what stands behind a separator, clearly of another group."""
        cuts = sorted(words.find(s) for s in self.policy.lexicon.separators if s in words)
        if not cuts:
            return []
        matters = []
        for at, until in zip(cuts, [*cuts[1:], len(words)], strict=True):
            for piece in (words[: cuts[0]], words[at:until]):
                if len(piece) < 6:  # noqa: PLR2004 - too short to be a matter
                    continue
                part = self._one(line, piece)
                if apart(kind, part) and part.kind not in matters:
                    matters.append(part.kind)
        return matters

    def locate(
        self,
        point: Point | None,
        accuracy_m: float | None,
        address: str,
        text: str,
        given_region: str = "",
        seat_region: str = "",
    ) -> tuple[Place, list[str]]:
        """Where the call is from; flags: point_invalid point_outside region_unknown place_unknown out_of_area."""
        return self._locator.locate(point, accuracy_m, address, text, given_region, seat_region)


def dropped(call: CallRecord, within_s: float) -> bool:
    """Whether the caller was gone before anything could be said: rang off unanswered, or within moments."""
    if call.ended_at is None:
        return False
    return call.answered_at is None or call.ended_at - call.answered_at < within_s * 1000
