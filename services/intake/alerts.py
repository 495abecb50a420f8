"""`POST /v1/alerts`: a CAP 1.2 alert of another centre becomes a call; one that is taken back, a note in its file.

An Update is a call that says which it is about, and lies where that lies where it names no place of its own.
"""

import hashlib
import time

from fastapi import Request
from starlette.responses import Response

from services.intake.accept import record_of
from services.intake.access import Gate, check_line, check_taker
from services.intake.act_body import Head
from services.intake.acts import FRESH_S, Acts
from services.intake.body import answer, invalid
from services.intake.calling import Calling
from services.intake.index import CallRow, Index
from services.intake.spool import Spool
from tocsin.calls import InvalidBody
from tocsin.calls.fields import FieldError
from tocsin.calls.posted import BODY_MAX
from tocsin.exchange.cap_import import Alert, read_alert
from tocsin.incident.commands import Note
from tocsin.incident.values import Line
from tocsin.place import Place
from tocsin.runtime.bodies import bounded, problem_of
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.runtime.tracing import current

ABOUT_MAX = 200
"""References looked at: an alert names the few it is about."""
_LINES: tuple[Line, ...] = ("110", "119", "122", "120", "12345")


class Alerts:
    """Takes alerts."""

    def __init__(self, gate: Gate, calling: Calling, acts: Acts, index: Index, spool: Spool) -> None:
        self._gate, self._calling, self._acts, self._index, self._spool = gate, calling, acts, index, spool

    async def post(self, request: Request) -> Response:
        """202 with the call's receipt; for a Cancel, the note's outcome. `?line=` names another than its kind's."""
        began = time.perf_counter()
        who = self._gate.principal(request)
        check_taker(who)
        try:
            alert = read_alert(await bounded(request, BODY_MAX), _line(request))
        except InvalidBody as e:
            raise problem_of(e) from e
        check_line(who, alert.line)
        if alert.kind == "Cancel":
            return await self._cancelled(alert, who)
        about, place = await self._follows(alert) if alert.kind == "Update" else ((), None)
        return answer(202, await self._calling.value(alert.body, who, current(), began, about=about, place=place))

    async def _follows(self, alert: Alert) -> tuple[tuple[str, ...], Place | None]:
        """The calls an Update is about that came in here, and where the first lies where the Update names no place.

        It may come on its alert's heels. Where nobody here knows what it names it stands for itself: nothing is lost.
        """
        about = tuple(alert.about[:ABOUT_MAX])
        if about and not any(map(self._taken, about)):
            await self._index.fresh(FRESH_S)
        known = [(name, value) for name in about if (value := self._taken(name)) is not None]
        if not known or "location" in alert.body:
            return tuple(name for name, _ in known), None
        return tuple(name for name, _ in known), record_of(known[0][1]).place

    def _taken(self, call_id: str) -> bytes | None:
        """A call that came in here, decided or not; None where there is none."""
        row, waiting = self._index.call(call_id), self._spool.call(call_id)
        return row.value if row is not None else waiting.value if waiting is not None else None

    async def _decided(self, alert: Alert) -> CallRow:
        """The call of an alert that this one takes back. A Cancel may come on its heels: it is waited for.

        Problem 404 where nobody here knows it, 409 where it is taken and not decided yet.
        """

        def found() -> CallRow | None:
            rows = (self._index.call(c) for c in about)
            return next((r for r in rows if r is not None and r.incident_ids), None)

        about = alert.about[:ABOUT_MAX]
        row = found()
        if row is None and await self._index.fresh(FRESH_S):
            row = found()
        known = [c for c in about if self._index.call(c) is not None or self._spool.call(c) is not None]
        if row is None and known:
            row = await self._index.until(f"call:{known[0]}", found, FRESH_S)
        if row is not None:
            return row
        if known:
            raise Problem(
                409, "illegal_step", "The alert it cancels is taken, and not decided yet; send it again soon."
            )
        named = ", ".join(alert.named[:5])[:200]
        detail = f"No alert {named!r} (sender,identifier) came in here; see what 'references' names."
        raise Problem(404, "not_found", detail)

    async def _cancelled(self, alert: Alert, who: Principal) -> Response:
        """Nobody is called off by another centre's word: whoever works on the matter reads it in the file."""
        row = await self._decided(alert)
        target = await self._acts.incident(row.incident_ids[0], who)
        said = hashlib.blake2b(alert.call_id.encode(), digest_size=12).hexdigest()
        note = Note(text=f"CAP Cancel: {alert.text}".strip(" :"))
        outcome = await self._acts.send(note, Head(command_id=f"cap-{said}"), target, who, wait=0, trace=current())
        return answer(202, outcome)


def _line(request: Request) -> Line | None:
    text = request.query_params.get("line")
    found = next((line for line in _LINES if line == text), None)
    if text and found is None:
        raise invalid("'line' is no line of ours.", FieldError("query.line", f"expected one of {', '.join(_LINES)}"))
    return found
