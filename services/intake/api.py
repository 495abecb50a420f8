"""The routes: read, hand on, answer. What they mean stands in `accept`, `acts` and `view`."""

import hashlib
import hmac
import re
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.intake.accept import Calls
from services.intake.access import READERS, Gate, Sights, check_act, check_taker
from services.intake.act_body import ON_CALL, ON_INCIDENT, ON_TASK, Head, read_act, read_rating
from services.intake.acts import FRESH_S, Acts, Outcome, Target, missing
from services.intake.alerts import Alerts
from services.intake.batch import BODY_MAX as BATCH_MAX
from services.intake.batch import Batch, unsafe
from services.intake.body import answer
from services.intake.calling import Calling
from services.intake.index import CallRow, IncidentRow, Index
from services.intake.openapi import answers, body
from services.intake.safekeeping import Safekeeping
from services.intake.spool import SpoolFull
from services.intake.view import call_view, progress_view, spooled_view
from tocsin.calls.posted import BODY_MAX
from tocsin.incident.commands import Act
from tocsin.log.port import RecordTooLarge
from tocsin.runtime.bodies import bounded, json_of, wait_of
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.runtime.tracing import current
from tocsin.sealing import Keyring, KeysUnavailable

_CALL_ID = re.compile(r"[A-Za-z0-9._:\-]{1,64}", re.ASCII)
_CALLER = Principal("caller", "monitor")
_WAIT = {
    "name": "wait", "in": "query", "required": False, "description": "seconds to wait for the outcome, at most 30",
    "schema": {"type": "number", "minimum": 0, "maximum": 30},
}  # fmt: skip
_CODE = {"name": "code", "in": "query", "required": True, "schema": {"type": "string", "maxLength": 64}}
_LINE = {
    "name": "line", "in": "query", "required": False,
    "schema": {"type": "string", "enum": ["110", "119", "122", "120", "12345"]},
}  # fmt: skip
_SIGNED: dict[str, Any] = {"security": [{"bearer": []}]}


class Api:
    """Intake's routes over its parts."""

    def __init__(
        self, gate: Gate, calls: Calls, acts: Acts, batch: Batch, index: Index, keeping: Safekeeping, keyring: Keyring,
        sights: Sights,
    ) -> None:  # fmt: skip
        self._gate, self._calls, self._acts, self._batch = gate, calls, acts, batch
        self._calling = Calling(calls)
        self._alerts = Alerts(gate, self._calling, acts, index, keeping.spool)
        self._index, self._keeping, self._keyring, self._sights = index, keeping, keyring, sights

    def router(self) -> APIRouter:
        """The routes with what the OpenAPI document says of them."""
        r = APIRouter(prefix="/v1")
        acted = answers("Outcome", 401, 403, 404, 409, 413, 422, 503, success=(200, 202))
        r.add_api_route(
            "/calls", self.post_call, methods=["POST"], status_code=202, tags=["calls"],
            responses=answers("Receipt", 401, 403, 409, 413, 422, 429, 503, success=(202,)),
            openapi_extra=body("PostedCall") | _SIGNED,
        )  # fmt: skip
        r.add_api_route(
            "/calls:batch", self.post_batch, methods=["POST"], tags=["calls"],
            responses=answers("Receipt", 401, 403, 413, success=())
            | {200: {"description": "A line an input line", "content": {"application/x-ndjson": {}}}},
            openapi_extra=body("BatchLines", "application/x-ndjson") | _SIGNED,
        )  # fmt: skip
        r.add_api_route(
            "/alerts", self._alerts.post, methods=["POST"], status_code=202, tags=["exchange"],
            responses=answers("Receipt", 401, 403, 404, 409, 413, 422, 429, 503, success=(202,)),
            openapi_extra=body("CapAlert", "application/cap+xml") | {"parameters": [_LINE]} | _SIGNED,
        )  # fmt: skip
        r.add_api_route(
            "/calls/{call_id}", self.get_call, methods=["GET"], tags=["calls"],
            responses=answers("CallView", 401, 403, 404, 422), openapi_extra={"parameters": [_WAIT]} | _SIGNED,
        )  # fmt: skip
        for path, handler, shape in (
            ("/incidents/{target}/commands", self.on_incident, "IncidentCommand"),
            ("/tasks/{target}/commands", self.on_task, "TaskCommand"),
            ("/calls/{target}/commands", self.on_call, "CallCommand"),
        ):
            r.add_api_route(
                path, handler, methods=["POST"], tags=["commands"], responses=acted,
                openapi_extra=body(shape) | {"parameters": [_WAIT]} | _SIGNED,
            )  # fmt: skip
        r.add_api_route(
            "/commands/{command_id}", self.get_command, methods=["GET"], tags=["commands"],
            responses=answers("Outcome", 401, 403, 404, 422), openapi_extra={"parameters": [_WAIT]} | _SIGNED,
        )  # fmt: skip
        r.add_api_route(
            "/progress/{call_id}", self.get_progress, methods=["GET"], tags=["progress"],
            responses=answers("ProgressView", 404, 422), openapi_extra={"parameters": [_CODE]},
        )  # fmt: skip
        r.add_api_route(
            "/progress/{call_id}/rating", self.post_rating, methods=["POST"], tags=["progress"],
            responses=answers("Outcome", 404, 409, 413, 422, 503, success=(200, 202)),
            openapi_extra=body("Rate") | {"parameters": [_CODE, _WAIT]},
        )  # fmt: skip
        return r

    async def post_call(self, request: Request) -> Response:
        """Records a call: 202 once it is safe."""
        began = time.perf_counter()
        who = self._gate.principal(request)
        check_taker(who)
        return answer(202, await self._calling.record(await bounded(request, BODY_MAX), who, current(), began))

    async def post_batch(self, request: Request) -> Response:
        """Records many calls, one a line; answers one line a line, in order."""
        who = self._gate.principal(request)
        check_taker(who)
        lines = await self._batch.take(await bounded(request, BATCH_MAX), who, current())
        return Response(lines, 200, media_type="application/x-ndjson")

    async def get_call(self, call_id: str, request: Request) -> Response:
        """A call and what became of it; `?wait=` waits for the decision."""
        who = self._reader(request)
        wait = wait_of(request)
        target = await self._acts.call(call_id, who)
        if wait > 0:
            await self._index.until(f"call:{target.id}", lambda: self._decided(call_id), wait)
        row = self._index.call(call_id)
        if row is not None:
            first = self._index.first_receiver(row)
            return answer(200, call_view(row, who, self._sights, self._keyring, first))
        held = self._keeping.spool.call(call_id)
        if held is None:
            raise missing("call", call_id)
        return answer(200, spooled_view(held, who, self._sights, self._keyring))

    def _decided(self, call_id: str) -> CallRow | None:
        row = self._index.call(call_id)
        return row if row is not None and row.status != "recorded" else None

    async def on_incident(self, target: str, request: Request) -> Response:
        """An act on an incident."""
        who, act, wait = await self._act(request, ON_INCIDENT)
        return await self._send(act, await self._acts.incident(target, who), who, wait)

    async def on_task(self, target: str, request: Request) -> Response:
        """An act on a task."""
        who, act, wait = await self._act(request, ON_TASK)
        return await self._send(act, await self._acts.task(target, who), who, wait)

    async def on_call(self, target: str, request: Request) -> Response:
        """An act on a call."""
        who, act, wait = await self._act(request, ON_CALL)
        return await self._send(act, await self._acts.call(target, who), who, wait)

    async def get_command(self, command_id: str, request: Request) -> Response:
        """What a command came to, for its sender and for who may see what it was about."""
        who = self._reader(request)
        return answer(200, await self._acts.status(command_id, wait_of(request), who))

    async def get_progress(self, call_id: str, request: Request) -> Response:
        """For the caller: the own matter's steps, limits and outcome."""
        row, incidents = await self._own(call_id, request)
        if row is not None:
            return answer(200, progress_view(call_id, row.answered_at, row.status, incidents))
        held = self._keeping.spool.call(call_id)
        if held is None:
            raise missing("call", call_id)
        return answer(200, progress_view(call_id, held.at, "recorded", []))

    async def post_rating(self, call_id: str, request: Request) -> Response:
        """The caller's rating, 1 to 5, once: the same again is answered as before, another is refused."""
        row, incidents = await self._own(call_id, request)
        if row is None:
            raise Problem(409, "illegal_step", "The call is not on the log yet; rate it when it has been dealt with.")
        wait = wait_of(request)
        code = self._calls.progress_code(call_id)
        act = read_rating(json_of(await bounded(request, BODY_MAX)))
        subject = incidents[0].incident_id if incidents else call_id
        # The id holds what was said: a repeat finds its answer, a change of mind is decided, and refused aloud.
        said = hashlib.blake2b(act.text.encode(), key=code.encode(), digest_size=6).hexdigest() if act.text else ""
        command_id = f"rate:{call_id}:{act.score}:{said}"
        known = await self._acts.outcome(command_id, 0)
        if known is not None:
            return self._said(await self._acts.status(command_id, 0))
        target = Target(call_id, subject, row.region, row.lane, "".join(incidents[0].lines[:1]) if incidents else "")
        try:
            outcome = await self._acts.append(act, command_id, None, target, _CALLER, wait=wait, trace=current())
        except (SpoolFull, RecordTooLarge, KeysUnavailable) as e:
            raise unsafe(e) from e
        return self._said(outcome)

    async def _own(self, call_id: str, request: Request) -> tuple[CallRow | None, list[IncidentRow]]:
        code = request.query_params.get("code", "")
        if _CALL_ID.fullmatch(call_id) is None or not hmac.compare_digest(
            code.encode("utf-8", "replace"), self._calls.progress_code(call_id).encode()
        ):
            detail = f"There is no call {call_id[:80]!r} with this code; send the receipt's progress_code as ?code=."
            raise Problem(404, "not_found", detail)
        row = self._index.call(call_id)
        if row is None and self._keeping.spool.call(call_id) is None and await self._index.fresh(FRESH_S):
            row = self._index.call(call_id)
        found = [self._index.incident(i) for i in row.incident_ids] if row is not None else []
        return row, [i for i in found if i is not None]

    async def _act(self, request: Request, known: dict[str, type[Act]]) -> tuple[Principal, tuple[Act, Head], float]:
        who = self._gate.principal(request)
        wait = wait_of(request)
        if who.role not in READERS:
            raise Problem(403, "role_wrong", f"A {who.role} reads health and figures alone.")
        act, head = read_act(json_of(await bounded(request, BODY_MAX)), known)
        check_act(who, act)
        return who, (act, head), wait

    async def _send(self, act: tuple[Act, Head], target: Target, who: Principal, wait: float) -> Response:
        try:
            outcome = await self._acts.send(*act, target, who, wait=wait, trace=current())
        except (SpoolFull, RecordTooLarge, KeysUnavailable) as e:
            raise unsafe(e) from e
        return self._said(outcome)

    @staticmethod
    def _said(outcome: Outcome) -> Response:
        """200 accepted, 202 pending, 409 refused with its code."""
        if outcome.outcome == "refused":
            raise Problem(
                409, outcome.code, outcome.detail or f"Refused: {outcome.code.replace('_', ' ')}.",
                command_id=outcome.command_id, outcome="refused",
            )  # fmt: skip
        return answer(202 if outcome.outcome == "pending" else 200, outcome)

    def _reader(self, request: Request) -> Principal:
        who = self._gate.principal(request)
        if who.role not in READERS:
            raise Problem(403, "role_wrong", f"A {who.role} reads health and figures alone.")
        return who
