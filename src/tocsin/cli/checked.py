"""What a check of `doctor` finds."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct


class Check(Struct):
    """One finding. `warning` does not make `doctor` fail."""

    name: str
    state: Literal["ok", "warning", "failure"]
    found: str
    mend: str = ""


Checks = Iterator[Check]
