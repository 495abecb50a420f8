"""Telephone numbers in one form, so that the same caller is known again whichever way the number was written."""

import re
from functools import lru_cache

import phonenumbers

_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})", re.ASCII)
_NOISE = re.compile(r"[\s\-()（）.·]")
_SHORT_MAX = 6
"""Digits of service numbers (110, 12345, 10086, 118114): they have no international form."""


@lru_cache(maxsize=65_536)
def normal_number(given: str) -> str:
    """E.164 (`+86138…`) where the number has one; a short number as its digits; else what was given, bare of spaces.

    "" for what holds no digit: nothing to know a caller by.
    """
    bare = _NOISE.sub("", given)
    # Mainland mobiles are nearly all callers; the library costs a hundred times this pattern.
    mobile = _MOBILE.fullmatch(bare)
    if mobile is not None:
        return f"+86{mobile[1]}"
    if not any(c.isdigit() for c in bare):
        return ""
    if bare.isdigit() and len(bare) <= _SHORT_MAX:
        return bare
    try:
        number = phonenumbers.parse(given, "CN")
    except phonenumbers.NumberParseException:
        return bare
    if not phonenumbers.is_possible_number(number):
        return bare
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
