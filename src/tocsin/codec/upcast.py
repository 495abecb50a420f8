"""Old versions of events and commands brought up to the present one. Old bytes are never rewritten (invariant 5).

A field added with a proto3 default needs no version. A change of meaning raises `VERSIONS[type]` and adds the step from
the version before to `UPCASTERS`; the old message keeps its fields, the step fills the new ones.
"""

from collections.abc import Callable
from typing import Any

VERSIONS: dict[str, int] = {}
"""Type → newest version, where it is above 1."""

UPCASTERS: dict[tuple[str, int], Callable[[Any], Any]] = {}
"""(type, version) → the step to version + 1."""
