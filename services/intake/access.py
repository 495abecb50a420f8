"""Who may take calls on which line, and who may act on what."""

import base64
import time
from typing import Final

import msgspec
from fastapi import Request

from services.intake.index import CallRow, IncidentRow
from tocsin.incident import commands as c
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal, RoleName, bearer, verify

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
        raise Problem(403, "role_wrong", f"A {role} does not '{name}' here; ask the desk that does.")


def sees_region(who: Principal, region: str, seat_region: str = "") -> bool:
    """Whether this role sees a whole region, and it is this one (or the call was taken at its own seat)."""
    if who.role in ("admin", "supervisor", "auditor", "commander"):
        return True
    own = who.region in (region, seat_region) or region == "000000"
    return who.role in ("call_taker", "hotline", "ems_dispatcher") and own


def sees_incident(who: Principal, row: IncidentRow) -> bool:
    """Whether an incident may be seen, and so be acted on. A neighbour's is served here: its desks are ours too."""
    if who.role == "dispatcher":
        return who.agency in row.agencies
    if who.role == "crew":
        return who.unit in row.units or who.agency in row.agencies or not who.agency
    return who.role in READERS


def sees_call(who: Principal, row: CallRow, seat_region: str, incidents: list[IncidentRow]) -> bool:
    """Whether a call may be seen: at the desks of its region, and by whom an incident of it has a task with."""
    if who.role in ("dispatcher", "crew"):
        return any(sees_incident(who, i) for i in incidents)
    return sees_region(who, row.region, seat_region)
