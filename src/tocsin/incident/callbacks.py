"""Silent and dropped calls: called back within a limit, wherever their call goes."""

from collections.abc import Collection

from tocsin.incident import events as ev
from tocsin.incident.case import Case
from tocsin.incident.clocks import Matter, live, meet, start
from tocsin.incident.state import Call, Incident
from tocsin.incident.values import ClockName, Understanding

CALL_BACK: ClockName = "callback"


def quiet(u: Understanding) -> bool:
    """Whether a call is silent or dropped: nobody knows yet what it is about."""
    return u.kind in ("invalid.silent", "invalid.dropped")


def waits(call: Call) -> bool:
    """Whether a call has to be called back yet."""
    return quiet(call.understanding) and not (call.called_back or call.closed)


def call_back(case: Case) -> None:
    """CallBack: a silent or dropped call was called back, whatever came of it; met when no other caller waits here."""
    call = case.call(case.command.target)
    i = case.survivor(call.incident_ids[0])
    case.say(
        i.incident_id, ev.CallBackRecorded(call_id=call.record.call_id, result=case.data.result, text=case.data.text)
    )
    who = call.record.caller_token
    if not any(c is not call and (not who or c.record.caller_token != who) for c in _waiting(case, i)):
        meet(case, i, CALL_BACK)


def _waiting(case: Case, i: Incident, but: Collection[str] = ()) -> list[Call]:
    calls = (case.region.calls.get(n) for n in i.links if n not in but)
    return [c for c in calls if c is not None and waits(c)]


def taken_out(case: Case, incident: Incident, names: Collection[str]) -> None:
    """These calls leave an incident by themselves: a limit that was theirs alone ends there."""
    gone = any(waits(case.region.calls[n]) for n in names if n in case.region.calls)
    for c in live(incident, CALL_BACK) if gone and not _waiting(case, incident, names) else ():
        case.say(
            incident.incident_id,
            ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, agency=c.agency, cause="unlinked"),
        )


def brought_in(case: Case, incident: Incident, call: Call) -> None:
    """A call comes to an incident by itself: where it is to be called back yet and no limit runs here, one starts."""
    if waits(call) and not live(incident, CALL_BACK):
        start(case, Matter.of(incident), CALL_BACK)
