"""What becomes of a call: it opens an incident, joins one, or reopens one; a person closes those that are none."""

from tocsin.envelope import Ms
from tocsin.incident import events as ev
from tocsin.incident.callbacks import quiet
from tocsin.incident.case import Case, Refused
from tocsin.incident.clocks import Matter, answered, live, meet, start, stop
from tocsin.incident.complained import away_of, concerns, fair
from tocsin.incident.deadlines import shorten
from tocsin.incident.fold_tasks import RANK
from tocsin.incident.linking import Match, call_moment, matches
from tocsin.incident.routing import (
    INVALID,
    alert,
    extend_plan,
    holders,
    open_incident,
    open_tasks,
    raise_priority,
    route,
)
from tocsin.incident.state import Incident
from tocsin.incident.threeway import counterpart, join, unclear
from tocsin.incident.unsettled import end as end_question
from tocsin.incident.values import CallRecord, Understanding
from tocsin.place import Place
from tocsin.policy.plan import plan_for

ARCHIVE_MAX = 3
"""Old incidents that leave the state with one call: the work of forgetting is spread thin."""
DAY_MS = 86_400_000
EXACT_M = 100.0
"""A point at least this good corrects a place that was only guessed from words or from the seat."""


def record(case: Case) -> None:
    """RecordCall: never refused. A known id with another body is for a person; with the same, nothing new."""
    call: CallRecord = case.data.call
    known = case.region.calls.get(call.call_id)
    if known is not None:
        subject = known.incident_ids[0] if known.incident_ids else ""
        if known.record.body_hash == call.body_hash:
            case.noted("known_call", subject)
            return
        case.say(subject, ev.CallConflict(call_id=call.call_id, body_hash=call.body_hash, private=call.private))
        if subject:
            _conflict_waits(case, case.known(subject))
        return
    u = case.facts.understanding
    if u is None:
        raise ValueError("a call cannot be decided without its understanding")
    found = matches(case.region, call, u, case.policy, case.now)
    best = next((m for m in found if not concerns(m.incident, u.against)), None)
    if best is not None and best.score >= case.policy.linking.link_at:
        _join(case, call, u, best)
    else:
        _open(case, call, u, best)
    _archive(case)


def _conflict_waits(case: Case, i: Incident) -> None:
    """A person looks, within the limit of all that waits; a closed incident is open again, or nobody would see it."""
    if i.state == "closed":
        case.say(i.incident_id, ev.IncidentReopened(cause="call_conflict"))
    if "call_conflict" not in i.review or i.state == "closed":
        case.say(i.incident_id, ev.ReviewRequested(reasons=["call_conflict"]))
        if not live(i, "review"):
            start(case, Matter.of(i), "review")


def _lane(case: Case, call: CallRecord) -> str:
    return "urgent" if case.command.lane == "urgent" or call.danger else "routine"


def _open(case: Case, call: CallRecord, u: Understanding, near: Match | None) -> None:
    incident_id = case.next_id()
    others = [case.next_id() for _ in u.matters]
    moment = call_moment(call, case.now)
    case.say(incident_id, ev.CallRecorded(call=call, understanding=u, incident_ids=[incident_id, *others]), moment)
    matter = open_incident(
        case, call.call_id, u, kind=u.kind, line=call.line, place=call.place, lane=_lane(case, call),
        exercise=call.exercise, flags=call.flags, incident_id=incident_id,
    )  # fmt: skip
    if not u.against and unclear(case.policy, call.line, u):
        held = {d.data.agency for d in case.drafts if d.subject == incident_id and isinstance(d.data, ev.TaskRouted)}
        first = case.policy.first_receivers.get(call.line, case.policy.command_agency)
        join(case, matter, first, counterpart(case.policy, call.line), held, led=bool(held))
    _answer(case, call, matter)
    _matters(case, call, u, incident_id, others)
    if near is not None:
        case.say(
            near.incident.incident_id,
            ev.LinkSuggested(call_id=call.call_id, score=near.score, reasons=near.reasons),
        )


def _answer(case: Case, call: CallRecord, matter: Matter) -> None:
    if call.rang_at is not None and call.answered_at is not None and "time_impossible" not in call.flags:
        answered(case, matter, call.rang_at, call.answered_at)


def _matters(case: Case, call: CallRecord, u: Understanding, first: str, ids: list[str]) -> None:
    """一警多情: the further matters of one call become incidents of that call, related to the first."""
    for kind, incident_id in zip(u.matters, ids, strict=True):
        open_incident(
            case, call.call_id, u, kind=kind, line=call.line, place=call.place, lane=_lane(case, call),
            exercise=call.exercise, flags=call.flags, cause="matter", incident_id=incident_id,
        )  # fmt: skip
        case.say(incident_id, ev.IncidentsRelated(to=first, decided_by="rule"))
        case.say(first, ev.IncidentsRelated(to=incident_id, decided_by="rule"))


def _join(case: Case, call: CallRecord, u: Understanding, match: Match) -> None:
    """The call belongs to an incident by rule: whatever it adds is added, nothing others rely on is lowered."""
    i = match.incident
    idle = not open_tasks(i) and (bool(i.tasks) or i.state == "closed")
    others = [case.next_id() for _ in u.matters]
    moment = call_moment(call, case.now)
    case.say(i.incident_id, ev.CallRecorded(call=call, understanding=u, incident_ids=[i.incident_id, *others]), moment)
    case.say(
        i.incident_id,
        ev.CallLinked(
            call_id=call.call_id,
            score=match.score,
            decided_by="rule",
            reasons=match.reasons,
            untold=idle and i.state == "open" and bool(i.caller_informed),
        ),
        moment,
    )
    if i.state == "closed":
        case.say(i.incident_id, ev.IncidentReopened(cause="further_call"))
    matter = Matter.of(i)
    _add_victims(case, i, u)
    place_new = _better_place(i.place, call.place)
    if place_new is not None:
        case.say(i.incident_id, ev.LocationCorrected(place=place_new, cause="call"))
    urgent = i.lane == "urgent" or u.priority <= 2  # noqa: PLR2004 - priorities 1 and 2 are the urgent ones
    done = _add_agencies(case, i, matter, call, u, anew=idle and (urgent or i.state == "closed"))
    if urgent:
        alert(case, i, "call")
    waits = list(u.reasons or ["unsure"]) if u.human else []
    if (urgent and done) or (idle and not _somebody_comes(case, i)):
        waits.append("further_call")
    if quiet(u) and not live(i, "callback"):
        start(case, matter, "callback")
        waits.append("kind")
    review = [r for r in dict.fromkeys(waits) if r not in i.review]
    if review:
        case.say(i.incident_id, ev.ReviewRequested(reasons=review))
        if not i.review:
            start(case, matter, "review")
    _answer(case, call, matter)
    _matters(case, call, u, i.incident_id, others)


def _add_victims(case: Case, i: Incident, u: Understanding) -> None:
    victims = u.victims if u.victims is not None and u.victims > (i.victims or 0) else None
    hazards = [h for h in u.hazards if h not in i.hazards]
    if victims is not None or hazards:
        case.say(i.incident_id, ev.VictimsReported(victims=victims, hazards=hazards))


def _better_place(old: Place, new: Place) -> Place | None:
    """The new place where the old was unknown or only named, and the new is exact and of the same region."""
    if new.point is None or new.region != old.region:
        return None
    if old.point is None:
        return new
    exact = new.source in ("point", "person") and (new.accuracy_m is None or new.accuracy_m <= EXACT_M)
    return new if exact and old.source in ("gazetteer", "seat", "none") else None


def _somebody_comes(case: Case, i: Incident) -> bool:
    return any(d.subject == i.incident_id and isinstance(d.data, ev.TaskRouted) for d in case.drafts)


def _add_agencies(
    case: Case, i: Incident, matter: Matter, call: CallRecord, u: Understanding, *, anew: bool
) -> bool:  # fmt: skip
    """The agencies the call's own kind and raises would have called, and the incident's kind raised by its words.

    All of them where nobody is at work any more (`anew`), else those that had no task yet. Whether one that the call
    asks for has finished here meanwhile: it is not sent again by rule, a person looks.
    """
    if u.kind.startswith(INVALID) or u.kind == "unknown":
        return False
    raises = sorted({*i.raises, *u.raises})
    own = plan_for(case.policy, i.kind, i.priority, matter.region, raises, i.line)
    said = plan_for(case.policy, u.kind, u.priority, matter.region, u.raises, call.line)
    if raise_priority(case, i, min(own.priority, said.priority), "call"):
        matter.priority = min(own.priority, said.priority)
        shorten(case, i, matter)
    own = fair(case.policy, own, away_of(case.policy, case.region, i, i.kind, raises))
    said = fair(case.policy, said, away_of(case.policy, case.region, i, u.kind, u.raises))
    called = set() if anew else {t.agency for t in i.tasks.values() if t.state != "cancelled"}
    led, held = bool(open_tasks(i)), holders(i)
    finished = {t.held_by for t in i.tasks.values() if t.state == "completed"} & called - held
    for planned in (*own.agencies, *said.agencies):
        if planned.agency not in called:
            called.add(planned.agency)
            route(case, matter, planned.agency, "joint" if led else planned.role, "call", needs=planned.capabilities)
            led = True
    return any(planned.agency in finished for planned in (*own.agencies, *said.agencies))


def _archive(case: Case) -> None:
    """Closed incidents past the policy's age leave the state; their events stay."""
    oldest: Ms = case.now - case.policy.archive_after_days * DAY_MS
    touched = {d.subject for d in case.drafts}
    left = ARCHIVE_MAX
    for incident_id, ended_at in case.region.ended.items():
        if ended_at >= oldest or left == 0:
            return
        if case.region.incidents[incident_id].merged_into in case.region.incidents:
            continue  # its tasks go on elsewhere under their own numbers, which lead there through it
        if incident_id not in touched:
            left -= 1
            case.say(incident_id, ev.IncidentArchived())


def close_call(case: Case) -> None:
    """CloseCall: no incident. By a person only; silent and dropped ones after a recorded call-back."""
    call = case.call(case.command.target)
    if not case.command.actor.counts:
        raise Refused("not_allowed", "a call is closed by a person only")
    if call.closed:
        raise Refused("illegal_step", f"the call is closed already: {call.closed}")
    if (quiet(call.understanding) or case.data.reason in ("silent", "dropped")) and not call.called_back:
        raise Refused("callback_required", "call back first and record what came of it")
    alone = [case.survivor(n) for n in call.incident_ids]
    ending = [i for i in alone if i.state == "open" and all(_done(case, n, call.record.call_id) for n in i.links)]
    for i in ending:
        if any(RANK[t.state] >= RANK["accepted"] for t in open_tasks(i)):
            raise Refused("task_open", f"an agency is at work in {i.incident_id}; it completes its task first")
    case.say(
        alone[0].incident_id,
        ev.CallClosed(call_id=call.record.call_id, reason=case.data.reason, text=case.data.text),
    )
    for i in ending:
        _end_empty(case, i)


def _done(case: Case, call_id: str, closing: str) -> bool:
    other = case.region.calls.get(call_id)
    return call_id == closing or other is None or bool(other.closed)


def _end_empty(case: Case, i: Incident) -> None:
    """An incident whose calls were all none: its tasks are called off, its clocks met or stopped, and it is closed."""
    for t in open_tasks(i):
        case.say(i.incident_id, ev.TaskCancelled(task_id=t.task_id, agency=t.held_by, cause="no_incident"))
        stop(case, i, task_id=t.task_id, cause="no_incident")
    end_question(case, i, "no_incident")
    meet(case, i, "review")
    if i.review:
        case.say(i.incident_id, ev.ReviewEnded(cause="close_call"))
    for c in i.clocks.values():
        if not c.task_id and c.clock != "review" and c.state in ("running", "paused"):
            case.say(
                i.incident_id,
                ev.ClockStopped(clock_id=c.clock_id, clock=c.clock, agency=c.agency, cause="no_incident"),
            )
    case.say(i.incident_id, ev.IncidentClosed(disposition="no_incident"))


def rate(case: Case) -> None:
    """Rate: the caller's own word, once."""
    call = case.call(case.command.target)
    if call.rated:
        raise Refused("illegal_step", "this call has its rating")
    if not 1 <= case.data.score <= 5:  # noqa: PLR2004 - the contract's scale
        raise Refused("illegal_step", "a rating is 1 to 5")
    i = case.survivor(call.incident_ids[0])
    case.say(i.incident_id, ev.Rated(call_id=call.record.call_id, score=case.data.score, text=case.data.text))


__all__ = ["close_call", "extend_plan", "rate", "record"]
