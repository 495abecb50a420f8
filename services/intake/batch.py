"""`POST /v1/calls:batch`: many calls, a line each, in order, and one answer a line."""

import asyncio
from typing import Any, NamedTuple

import msgspec

from services.intake.accept import Calls, Ready, Receipt, fresh_id
from services.intake.access import check_line
from services.intake.safekeeping import Kept, Safekeeping
from services.intake.spool import SpoolFull
from tocsin.calls import InvalidBody, Parsed, parse_call
from tocsin.calls.canonical import body_hash
from tocsin.log.port import RecordTooLarge
from tocsin.runtime.bodies import problem_of
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.sealing import Keyring, KeysUnavailable

LINES_MAX = 10_000
BODY_MAX = 64 * 1024 * 1024
"""Bytes of a whole batch."""
_CHUNK = 250
"""Lines worked on without giving the loop back: about 20 ms."""
_encode = msgspec.json.Encoder().encode


class _Line(NamedTuple):
    number: int
    call_id: str
    parsed: Parsed
    body: str


class Batch:
    """Takes a batch: chunk after chunk is read, sealed under one commit of keys, and sent to the log together."""

    def __init__(self, calls: Calls, keeping: Safekeeping, keyring: Keyring) -> None:
        self._calls, self._keeping, self._keyring = calls, keeping, keyring

    async def take(self, body: bytes, who: Principal, trace: str = "") -> bytes:
        """The answer's lines; Problem 413 where there are too many."""
        lines = body.split(b"\n")
        if lines and not lines[-1].strip():
            lines.pop()
        if len(lines) > LINES_MAX:
            raise Problem(413, "batch_too_large", f"A batch has at most {LINES_MAX} lines, this one {len(lines)}.")
        answers: list[dict[str, Any]] = [{"line": i + 1} for i in range(len(lines))]
        seen: dict[str, tuple[str, int]] = {}
        for start in range(0, len(lines), _CHUNK):
            chunk = [
                line
                for i in range(start, min(start + _CHUNK, len(lines)))
                if (line := self._read(i, lines[i], who, answers, seen)) is not None
            ]
            await self._send(chunk, who, trace, answers)
        for a in answers:
            first = a.pop("_as", None)
            if first is not None:
                a |= {k: v for k, v in answers[first].items() if k != "line"}
        return b"".join(_encode(a) + b"\n" for a in answers)

    def _read(
        self, i: int, raw: bytes, who: Principal, answers: list[dict[str, Any]], seen: dict[str, tuple[str, int]]
    ) -> _Line | None:
        """The line as a call still to be made safe; None where its answer is known already."""
        try:
            parsed = parse_call(raw)
            check_line(who, parsed.call.line)
            body = body_hash(parsed.value, self._keyring)
            given = parsed.call.call_id
            if given is not None:
                if given in seen:
                    _again(answers[i], seen[given], body)
                    return None
                seen[given] = (body, i)
                known = self._calls.known(given, body)
                if known is not None:
                    _taken(answers[i], known)
                    return None
            return _Line(i, given or fresh_id(), parsed, body)
        except InvalidBody as e:
            _refused(answers[i], problem_of(e))
        except Problem as e:
            _refused(answers[i], e)
        return None

    async def _send(self, lines: list[_Line], who: Principal, trace: str, answers: list[dict[str, Any]]) -> None:
        ready = await asyncio.gather(*(self._one(line, who, trace) for line in lines))
        taken: list[tuple[_Line, Ready]] = []
        for line, r in zip(lines, ready, strict=True):
            if isinstance(r, Problem):
                _refused(answers[line.number], r)
            else:
                taken.append((line, r))
        if not taken:
            return
        try:
            kept = await self._keeping.keep_all([r.held for _, r in taken])
        except (SpoolFull, RecordTooLarge) as e:
            problem = unsafe(e)
            for line, _ in taken:
                _refused(answers[line.number], problem)
            return
        for (line, r), k in zip(taken, kept, strict=True):
            self._counted(line, r, k, answers)

    def _counted(self, line: _Line, ready: Ready, kept: Kept, answers: list[dict[str, Any]]) -> None:
        receipt = self._calls.counted(ready, kept)
        _taken(answers[line.number], receipt)

    async def _one(self, line: _Line, who: Principal, trace: str) -> Ready | Problem:
        try:
            return await self._calls.sealed(line.parsed, line.call_id, line.body, who, trace)
        except Problem as e:
            return e
        except KeysUnavailable as e:
            return unsafe(e)


def unsafe(error: Exception) -> Problem:
    """A call that could not be made safe: said so, never a false 202."""
    if isinstance(error, RecordTooLarge):
        return Problem(413, "body_too_large", "The record is larger than the log takes; send less.")
    code = "keys_unavailable" if isinstance(error, KeysUnavailable) else "cannot_be_kept"
    return Problem(503, code, f"It could not be made safe ({error}). Send it again.", {"Retry-After": "2"})


def _again(answer: dict[str, Any], first: tuple[str, int], body: str) -> None:
    """A line whose id stood in this batch before: the same answer, or a conflict."""
    if first[0] == body:
        answer["_as"] = first[1]
    else:
        answer |= {"status": 409, "code": "call_id_conflict"}


def _taken(answer: dict[str, Any], receipt: Receipt) -> None:
    """A line whose call is safe, now or since it came first: the same answer."""
    answer |= {"status": 202, "call_id": receipt.call_id}
    if receipt.flags:
        answer["flags"] = receipt.flags


def _refused(answer: dict[str, Any], problem: Problem) -> None:
    answer |= {"status": problem.status, "code": problem.code}
    if problem.more:
        answer |= problem.more
