"""Words of danger written by their sound (溺睡 for 溺水, 帮架 for 绑架), put right before anyone listens."""

from operator import add

from tocsin.policy.model import Lexicon

READ_MAX = 40
"""Characters of a text that is mended: whoever writes more has time to choose the right letter."""
_TWICE_FROM = 4
"""Letters of a word in which two may be wrong and it is still known."""


class Slips:
    """The wrong spellings of a lexicon's `misheard` words, each by letters of one sound. Immutable."""

    def __init__(self, lexicon: Lexicon) -> None:
        wrong = spelled_wrong(lexicon)
        self._from: dict[str, list[tuple[str, str]]] = {}
        for slip in sorted(wrong, key=len, reverse=True):
            self._from.setdefault(slip[:2], []).append((slip, wrong[slip]))

    def mended(self, text: str) -> str:
        """A normalised text with its slips put right; as long as before."""
        if len(text) > READ_MAX:
            return text
        for pair in self._from.keys() & set(map(add, text, text[1:])):
            for slip, right in self._from[pair]:
                text = text.replace(slip, right)
        return text


def spelled_wrong(lexicon: Lexicon) -> dict[str, str]:
    """Each wrong spelling with the right one. What the lexicon spares is never taken for a slip."""
    alike: dict[str, str] = {}
    for group in lexicon.sounds:
        slips, _, grammar = group.partition("|")
        for letter in slips + grammar:
            alike.setdefault(letter, slips)
    found: dict[str, str] = {}
    for word in lexicon.misheard:
        once = [(i, _put(word, i, other)) for i in range(len(word)) for other in alike.get(word[i], "")]
        slipped = [slip for _, slip in once]
        if len(word) >= _TWICE_FROM:
            slipped += [
                _put(slip, j, other)
                for i, slip in once
                for j in range(i + 1, len(word))
                for other in alike.get(word[j], "")
            ]
        for slip in slipped:
            found.setdefault(slip, word)
    for word in (*lexicon.misheard, *lexicon.spared):
        found.pop(word, None)
    return {s: w for s, w in found.items() if not any(x in s for x in lexicon.spared)}


def _put(word: str, at: int, letter: str) -> str:
    return word[:at] + letter + word[at + 1 :]
