"""How near two places are, by points, accuracies, names and addresses. Pure."""

import math

from tocsin.incident.grid import metres
from tocsin.incident.scale import CLEAR_M, Scale
from tocsin.place import HOUSE, SPOKEN, Place, spoken

OTHER_NAME = 1.32
"""How often nearness is halved where two callers name two places, and one of them is known by its name alone."""
PART_NAME = 0.51
"""Where one names a road and the other a crossing on it."""
OTHER_NAME_NEAR = 0.74
"""Where both telephones' points are known: one crossing has many names."""
WITHIN = 0.42
"""Where one caller's point lies within the place another only names."""
OTHER_STREET = 0.35
"""Two addresses without a common part, where points speak: people name the street they stand in."""
OTHER_WORDS = 0.17
"""Two addresses that each say what the other does not, where a name alone places them: two shops at one crossing."""
OTHER_HOUSE = 0.05
"""Two addresses with other house numbers are two houses."""


Near = tuple[float, float, bool]
"""How often nearness is halved (0: the same place), the metres, and whether only a wide name says so."""


def nearness(a: Place, b: Place, half_m: float) -> Near | None:
    """How near two places are, or None where either has no point.

    Two exact places count by their distance beyond what their accuracies explain. Where one is only named, an equal
    name speaks for nearness, the more the smaller the place; a point within the named place speaks less, another name
    least.
    """
    if a.point is None or b.point is None:
        return None
    far = metres(a.point, b.point)
    one, other = a.accuracy_m or 0.0, b.accuracy_m or 0.0
    wide = max(one, other)
    if wide <= CLEAR_M:
        beyond = far - (one + other) / 3
        return (beyond / half_m if beyond > 0.0 else 0.0), far, False
    size = -math.log2(max(0.5, 0.9 - wide / 10_000))
    if (a.entry and a.entry == b.entry) or (spoken(a) and spoken(a) == spoken(b)):
        return size, far, True
    return WITHIN + size + far / wide, far, True


def other_name(rules: Scale, a: Place, b: Place, name: str, *, wide: bool) -> float:
    """How often nearness is halved by what two callers called the place; `name` is what `b`'s caller did."""
    one = spoken(a)
    if not one or one == name:
        return 0.0
    if wide or a.source == "gazetteer" or b.source == "gazetteer":
        return PART_NAME if rules.related(one, name) else OTHER_NAME
    return 0.0 if rules.related(one, name) else OTHER_NAME_NEAR


def addresses(a: Place, b: Place) -> float | None:
    """How well two addresses agree, by their keyed parts; None where either says nothing.

    One that only says more than the other agrees. Where each says what the other does not, the more they share the
    better they agree; house numbers of their own are two houses.
    """
    parts, others = _parts(a.tokens), _parts(b.tokens)
    if not parts or not others:
        return None
    if parts == others:
        return 1.0
    one, other = set(parts), set(others)
    if one <= other or other <= one:
        return 1.0
    houses, their = {t for t in one if t[:1] == HOUSE}, {t for t in other if t[:1] == HOUSE}
    if houses and their and not houses & their:
        return OTHER_HOUSE
    share = len(one & other) / len(one | other)
    pointed = a.source == "point" and b.source == "point"
    return max(share, OTHER_STREET) if pointed else max(OTHER_HOUSE, min(share, OTHER_WORDS))


def _parts(tokens: list[str]) -> list[str]:
    """An address's own tokens, without the entry that was named."""
    return tokens[1:] if tokens and tokens[0][0] == SPOKEN else tokens
