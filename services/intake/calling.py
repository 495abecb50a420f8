"""A call's body to its receipt, every refusal a problem document: what both doors do, the framework's and the front."""

import time
from collections.abc import Callable
from typing import Any

from services.intake.accept import Calls, Receipt
from services.intake.batch import unsafe
from services.intake.spool import SpoolFull
from tocsin.calls import InvalidBody, Parsed, parse_call, parse_value
from tocsin.log.port import RecordTooLarge
from tocsin.place import Place
from tocsin.runtime.bodies import problem_of
from tocsin.runtime.metrics import STAGE_SECONDS
from tocsin.runtime.security import Principal
from tocsin.sealing import KeysUnavailable

_ACKNOWLEDGE = STAGE_SECONDS.labels("acknowledge")


class Calling:
    """Takes one posted call."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def record(self, body: bytes, who: Principal, trace: str, began: float) -> Receipt:
        """The receipt once the call is safe; Problem 403, 409, 413, 422, 429, 503. `began`: `perf_counter` then."""
        return await self._taken(lambda: parse_call(body), who, trace, began)

    async def value(
        self, body: Any, who: Principal, trace: str, began: float, *, about: tuple[str, ...] = (),
        place: Place | None = None,
    ) -> Receipt:  # fmt: skip
        """The same from a JSON value that we made ourselves, with what it is about (see `Parsed`)."""
        return await self._taken(lambda: parse_value(body)._replace(about=about, place=place), who, trace, began)

    async def _taken(self, parsed: Callable[[], Parsed], who: Principal, trace: str, began: float) -> Receipt:
        try:
            receipt = await self._calls.take(parsed(), who, trace)
        except InvalidBody as e:
            raise problem_of(e) from e
        except (SpoolFull, RecordTooLarge, KeysUnavailable) as e:
            raise unsafe(e) from e
        _ACKNOWLEDGE.observe(time.perf_counter() - began)
        return receipt
