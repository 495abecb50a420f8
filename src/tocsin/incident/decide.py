"""What a command leads to: pure, by one table. State and facts in, events out; at least one, refusals included."""

from collections.abc import Callable
from typing import Any

from tocsin.envelope import Command, Draft
from tocsin.incident import (
    callbacks,
    calls,
    changing,
    clocks,
    closing,
    deadlines,
    merging,
    people,
    reports,
    returns,
    splitting,
    tasks,
    threeway,
    transfers,
)
from tocsin.incident import commands as cmd
from tocsin.incident.case import Case, Refused
from tocsin.incident.state import Facts, Incident, PartitionState

RULES: dict[type[Any], Callable[[Case], None]] = {
    cmd.RecordCall: calls.record, cmd.CallBack: callbacks.call_back, cmd.CloseCall: calls.close_call,
    cmd.Rate: calls.rate,
    cmd.LinkCall: merging.link_call, cmd.UnlinkCall: splitting.unlink_call,
    cmd.DismissSuggestion: merging.dismiss_suggestion, cmd.Merge: merging.merge, cmd.Split: splitting.split,
    cmd.Relate: merging.relate, cmd.Reclassify: changing.reclassify, cmd.SetPriority: changing.set_priority,
    cmd.CorrectLocation: changing.correct_location, cmd.Route: changing.route_agency, cmd.Note: people.note,
    cmd.RequestInformation: people.request_information, cmd.ProvideInformation: people.provide_information,
    cmd.Supervise: people.supervise, cmd.RevealNumber: people.reveal_number,
    cmd.InformCaller: closing.inform_caller, cmd.FollowUp: closing.follow_up, cmd.Close: closing.close,
    cmd.Reopen: closing.reopen, cmd.Acknowledge: tasks.acknowledge, cmd.Accept: tasks.accept,
    cmd.DispatchUnit: tasks.dispatch_unit, cmd.Arrive: tasks.arrive, cmd.Feedback: tasks.feedback,
    cmd.Complete: tasks.complete, cmd.Cancel: tasks.cancel, cmd.Decline: transfers.decline,
    cmd.Return: returns.ask_return, cmd.GrantReturn: returns.grant_return,
    cmd.RefuseReturn: returns.refuse_return, cmd.Transfer: transfers.transfer, cmd.Pause: deadlines.pause,
    cmd.Resume: deadlines.resume, cmd.ExtendDeadline: deadlines.extend, cmd.FireClock: clocks.fire,
    cmd.ProbeBorder: reports.probe, cmd.SuggestRelation: reports.suggest_relation, cmd.ReportMission: reports.mission,
    cmd.ActivatePolicy: reports.activate_policy, cmd.ThreeWay: threeway.three_way, cmd.Settle: threeway.settle,
}  # fmt: skip
"""Command → its rule."""


def decide(state: PartitionState, command: Command[Any], facts: Facts) -> list[Draft[Any]]:
    """The events a command leads to. Reads the state, never changes it; a crash is the owner's to rescue."""
    case = Case(state, command, facts)
    try:
        if command.expected_version is not None:
            _expect(case, command.expected_version)
        RULES[type(command.data)](case)
    except Refused as refused:
        return case.refusal(refused)
    return case.drafts


def _expect(case: Case, expected: int) -> None:
    """Refuses a command on a file that a person or agency has changed since, or that names a version to come."""
    incident = _subject(case)
    if incident is not None and not incident.act_version <= expected <= incident.version:
        raise Refused(
            "version_conflict",
            f"version {expected} was given; the last act was {incident.act_version}, now {incident.version}",
        )


def _subject(case: Case) -> Incident | None:
    target = case.command.target
    known = case.region.incidents
    found = known.get(target) or known.get(target.rpartition("-T")[0])
    call = case.region.calls.get(target)
    if found is None and call is not None and call.incident_ids:
        found = known.get(call.incident_ids[0])
    while found is not None and found.state == "merged":
        found = known.get(found.merged_into)
    return found
