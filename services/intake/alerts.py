"""`POST /v1/alerts`: a CAP 1.2 alert of another centre becomes a call; one that is taken back, a note in its file."""

import hashlib
import time

from fastapi import Request
from starlette.responses import Response

from services.intake.access import Gate, check_line, check_taker
from services.intake.act_body import Head
from services.intake.acts import Acts, missing
from services.intake.body import answer, invalid
from services.intake.calling import Calling
from services.intake.index import Index
from tocsin.calls import InvalidBody
from tocsin.calls.fields import FieldError
from tocsin.calls.posted import BODY_MAX
from tocsin.exchange.cap_import import Alert, read_alert
from tocsin.incident.commands import Note
from tocsin.incident.values import Line
from tocsin.runtime.bodies import bounded, problem_of
from tocsin.runtime.security import Principal
from tocsin.runtime.tracing import current

_LINES: tuple[Line, ...] = ("110", "119", "122", "120", "12345")


class Alerts:
    """Takes alerts."""

    def __init__(self, gate: Gate, calling: Calling, acts: Acts, index: Index) -> None:
        self._gate, self._calling, self._acts, self._index = gate, calling, acts, index

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
        return answer(202, await self._calling.value(alert.body, who, current(), began))

    async def _cancelled(self, alert: Alert, who: Principal) -> Response:
        """Nobody is called off by another centre's word: whoever works on the matter reads it in the file."""
        row = next((r for c in alert.about if (r := self._index.call(c)) is not None and r.incident_ids), None)
        if row is None:
            raise missing("alert", ", ".join(alert.about))
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
