"""Who may take calls on which line, and who may act on what."""

import base64
import time
from typing import Final

import msgspec
from fastapi import Request

from services.intake.index import IncidentRow
from tocsin.incident import commands as c
from tocsin.incident.values import CallRecord
from tocsin.policy.model import Policy
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, RoleName, bearer, verify
from tocsin.sight import Sight, caller_hidden, may_see, sight_of, text_hidden

LINE_ROLES: Final[dict[str, tuple[RoleName, ...]]] = {
    "110": ("call_taker", "commander", "admin"),
    "119": ("call_taker", "commander", "admin"),
    "122": ("call_taker", "commander", "admin"),
    "120": ("ems_dispatcher", "commander", "admin"),
    "12345": ("hotline", "commander", "admin"),
}
"""The contract, section 2: who takes calls on a line."""

_TAKERS: Final = frozenset(role for roles in LINE_ROLES.values() for role in roles)
READERS: Final[frozenset[str]] = frozenset({
    "call_taker", "hotline", "commander", "dispatcher", "ems_dispatcher", "crew", "supervisor", "auditor", "admin",
})  # fmt: skip
_DESKS: Final[frozenset[str]] = frozenset({"call_taker", "hotline", "ems_dispatcher", "commander", "admin"})
_TASK_ROLES: Final = _DESKS | {"dispatcher", "crew"}
_CREW_ACTS: Final = (c.Acknowledge, c.Accept, c.DispatchUnit, c.Arrive, c.Feedback, c.Complete)
_AGENCY_ACTS: Final = (
    c.Note, c.RequestInformation, c.ProvideInformation, c.InformCaller, c.FollowUp, c.Close, c.Reopen, c.RevealNumber,
    c.Relate, c.CorrectLocation, c.SetPriority, c.Reclassify, c.Route, c.ThreeWay, c.Settle,
)  # fmt: skip
"""What an agency with a task may do to the incident itself; joining and parting incidents is the desks' work."""
_SUPERVISOR_ACTS: Final = (c.Supervise, c.Note)
_TOKENS_MAX = 4096


class Gate:
    """Checks tokens; one that was checked is known again until it runs out, for a signature costs more than a call."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: dict[str, tuple[Principal, float]] = {}

    def principal(self, request: Request) -> Principal:
        """Who asks; Problem 401."""
        return self.of_token(bearer(request))

    def of_token(self, token: str) -> Principal:
        """Whose token this is; Problem 401."""
        held = self._known.get(token)
        if held is not None and time.time() < held[1]:
            return held[0]
        if not token:
            raise Problem(401, "token_missing", "Send 'Authorization: Bearer <token>', or sign in on the page.")
        principal = verify(self._secret, token)
        if len(self._known) >= _TOKENS_MAX:
            self._known.clear()
        self._known[token] = (principal, _expiry(token))
        return principal


class _Claims(msgspec.Struct):
    exp: float


def _expiry(token: str) -> float:
    """The end of a token that has been verified."""
    body = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Claims).exp


def check_taker(who: Principal) -> None:
    """Problem 403 where this role takes no calls on any line, whatever the body says."""
    if who.role not in _TAKERS:
        raise Problem(403, "role_wrong", f"Calls are taken by {', '.join(sorted(_TAKERS))}; you are {who.role}.")


def check_line(who: Principal, line: str) -> None:
    """Problem 403 where this role does not take calls on this line."""
    roles = LINE_ROLES[line]
    if who.role not in roles:
        raise Problem(403, "role_wrong", f"Calls on {line} are taken by {', '.join(roles)}; you are {who.role}.")


def check_act(who: Principal, act: c.Act) -> None:
    """Problem 403 where this role never does this, to whatever it be."""
    role = who.role
    if isinstance(act, c.TASK_COMMANDS):
        fine = role in _TASK_ROLES and (role != "crew" or isinstance(act, _CREW_ACTS))
    elif isinstance(act, _AGENCY_ACTS) and role == "dispatcher":
        fine = True
    elif role == "supervisor":
        fine = isinstance(act, _SUPERVISOR_ACTS)
    else:
        fine = role in _DESKS
    if not fine:
        name = type(act).__struct_config__.tag
        raise Problem(403, "role_wrong", f"{name!r} is no act of the role {role} here; ask the desk whose it is.")


class Sights:
    """Who sees which incidents and calls here: the very rule of the reading side, on what the index knows of them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[Principal, Sight] = {}

    def follow(self, policy: Policy) -> None:
        """Another policy stands: who sees what is asked of it anew."""
        self._policy = policy
        self._known.clear()

    def of(self, who: Principal) -> Sight:
        """What this person may see."""
        held = self._known.get(who)
        if held is None:
            if len(self._known) >= _TOKENS_MAX:
                self._known.clear()
            held = self._known[who] = sight_of(who, self._policy)
        return held

    def incident(self, who: Principal, row: IncidentRow) -> bool:
        """Whether an incident may be seen, and so be acted on; whether by this agency still, its owner says."""
        return may_see(self.of(who), row.region, self._keys(row, row.agencies))

    def call(self, who: Principal, record: CallRecord, incidents: list[IncidentRow]) -> bool:
        """Whether a call may be seen: at the desk of its line, where it was taken, and by who takes part in its matter.

        Who was called off, gave it back, handed it on or declined it knows its own task, and no caller any more.
        """
        sight = self.of(who)
        own_seat = bool(sight.regions) and record.seat_region == who.region
        own_line = may_see(sight, record.region, frozenset({f"line:{record.line}"}))
        seen = any(may_see(sight, i.region, self._keys(i, self._taking_part(i))) for i in incidents)
        return own_seat or own_line or seen

    def caller_hidden(self, who: Principal, record: CallRecord, kind: str | None, first: str = "") -> bool:
        """Whether the caller stays unseen outside the first receiver: `first`, or who answers the call's line."""
        row = self._policy.kinds.get(kind or "")
        return caller_hidden(
            record, self.of(who), first or self._first(record.line), secret=row is not None and row.confidential
        )

    def text_hidden(self, who: Principal, record: CallRecord) -> bool:
        """Whether the words stay unseen: a patient's, and one has no 120 role."""
        return text_hidden(record, self.of(who))

    def _first(self, line: str) -> str:
        return self._policy.first_receivers.get(line, self._policy.command_agency)

    @staticmethod
    def _taking_part(row: IncidentRow) -> list[str]:
        """Whose work goes on or was done there, and who received it and handed it on."""
        return [a for a in row.agencies if a in row.parts or a == row.first_receiver]

    def _keys(self, row: IncidentRow, agencies: list[str]) -> frozenset[str]:
        known = (self._policy.agencies.get(a) for a in row.agencies)
        keys = {f"agency:{a}" for a in agencies} | {f"class:{a.agency_class}" for a in known if a is not None}
        keys |= {f"line:{line}" for line in row.lines} | {f"unit:{u}" for u in row.units}
        first = [row.first_receiver] if row.first_receiver else [self._first(line) for line in row.lines[:1]]
        return frozenset(keys | {f"first:{f}" for f in first})
