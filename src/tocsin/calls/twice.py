"""Fields that a JSON object gives twice: which of the two values was meant nobody can know, so neither is taken."""

import json
import re
from typing import Any

from tocsin.calls.fields import FieldError

_NAMED_MAX = 100
_NAME_MAX = 100
"""So much of a stranger's names goes into an answer."""
_BLANK_BEFORE = re.compile(rb"[ \t\r\n]:").search


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, so that nothing of it is lost."""


_as_written = json.JSONDecoder(object_pairs_hook=_Pairs).decode


def given_twice(body: bytes, value: Any) -> list[FieldError]:
    """A field by its path for each name that stands twice in one object of this body, whose value has been read.

    A body with as many names as its value has fields gives none twice: that is known in 3 µs, and only the rest, whose
    words may hold what looks like a field, is read again.
    """
    if body.count(b'":') == _fields(value) and _BLANK_BEFORE(body) is None:
        return []
    try:
        return _twice(_as_written(body.decode("utf-8-sig", "surrogatepass")), "")[:_NAMED_MAX]
    except RecursionError:
        return [FieldError("", "nested too deeply")]


def _fields(value: Any) -> int:
    count, left = 0, [value]
    for one in left:  # grows while it is walked
        inside = one.values() if type(one) is dict else one if type(one) is list else ()
        if type(one) is dict:
            count += len(one)
        left += [deeper for deeper in inside if type(deeper) is dict or type(deeper) is list]
    return count


def _twice(value: Any, path: str) -> list[FieldError]:
    if type(value) is not _Pairs:
        inside = enumerate(value) if type(value) is list else ()
        return [e for i, v in inside for e in _twice(v, f"{path}.{i}" if path else str(i))]
    found: list[FieldError] = []
    seen: set[str] = set()
    for name, inner in value:
        here = f"{path}.{name}" if path else name
        if name in seen:
            found.append(FieldError(here[:_NAME_MAX], "is given twice; send it once"))
        seen.add(name)
        found += _twice(inner, here)
    return found
