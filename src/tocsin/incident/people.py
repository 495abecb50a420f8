"""Acts on an incident's file: words, questions to the caller, supervision, a number seen."""

from tocsin.incident import events as ev
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import pause, resume
from tocsin.incident.permissions import file_of, on_incident
from tocsin.incident.state import Clock, Incident


def note(case: Case) -> None:
    """Note: words for the file, at any time."""
    incident = file_of(case)
    if not case.data.text:
        raise Refused("reason_required", "a note has words")
    case.say(incident.incident_id, ev.NoteAdded(text=case.data.text))


def supervise(case: Case) -> None:
    """Supervise (督办): at any time, with a reason."""
    incident = file_of(case)
    case.say(incident.incident_id, ev.SupervisionOrdered(reason=case.reason()))


def _complete_clocks(incident: Incident, state: str) -> list[Clock]:
    return [c for c in incident.clocks.values() if c.clock == "complete" and c.state == state]


def request_information(case: Case) -> None:
    """RequestInformation (一次告知): all that is missing, once; the promises stand still until it comes."""
    incident = file_of(case)
    if incident.asked:
        raise Refused("already_asked", "what is missing is asked once, all of it")
    case.open(incident)
    missing = [m for m in case.data.missing if m.strip()]
    if not missing:
        raise Refused("reason_required", "name what is missing")
    case.say(incident.incident_id, ev.InformationRequested(missing=missing))
    running = [c for c in _complete_clocks(incident, "running") if case.now <= c.due_at]
    pause(case, incident, running, cause="information")


def provide_information(case: Case) -> None:
    """ProvideInformation: it came; the promises run on, in the survivor where a merge took them along."""
    named = case.known(case.command.target)
    incident = case.survivor(named.incident_id)
    on_incident(case, incident)
    waiting = _complete_clocks(incident, "paused")
    if not (named.asked or incident.asked or waiting):
        raise Refused("illegal_step", "nothing was asked for")
    case.say(incident.incident_id, ev.InformationProvided(text=case.data.text))
    resume(case, incident, waiting)


def reveal_number(case: Case) -> None:
    """RevealNumber: seeing a caller's whole number is an act with a reason."""
    reason = case.reason()
    call = case.call(case.data.call_id)
    incident = case.survivor(call.incident_ids[0])
    on_incident(case, incident)
    case.say(incident.incident_id, ev.NumberRevealed(call_id=call.record.call_id, reason=reason))
