"""When the rules fail over a command: a call becomes an unknown, urgent, human incident; all else is refused aloud."""

from typing import Any

from tocsin.envelope import Command, Draft, Ms
from tocsin.incident import events as ev
from tocsin.incident.case import local_day
from tocsin.incident.commands import RecordCall
from tocsin.incident.state import PartitionState, RegionState
from tocsin.incident.values import Understanding
from tocsin.outcomes import CommandRefused
from tocsin.place import Place
from tocsin.policy.model import Policy

REASON = "rules_failed"


def rescue(
    state: PartitionState, command: Command[Any], at: Ms, error: str, policy: Policy | None = None
) -> list[Draft[Any]]:
    """From the call's raw fields alone, since any of its parts may be what the rules stumbled on (invariant 1).

    The call's record goes into the log as it came, only its place without its point; with a policy, the county command
    centre and the line's first receiver get a task each, without limits (those may be what failed).
    """
    data = command.data
    region = state.regions.get(command.region) or RegionState(command.region)
    if not isinstance(data, RecordCall) or data.call.call_id in region.calls:
        return [_refused(region, command, error)]
    call = data.call
    day = max(local_day(at), region.day)
    number = (region.day_count if day == region.day else 0) + 1
    incident_id = f"{command.region}-{day}-{number:06d}"
    place = Place(region=command.region, source="none", label=call.place.label, town=call.place.town)
    u = Understanding(kind="unknown", priority=2, human=True, reasons=[REASON])
    receivers = _receivers(policy, call.line)
    drafts: list[Draft[Any]] = [
        Draft(subject=incident_id, data=ev.CallRecorded(call=call, understanding=u, incident_ids=[incident_id])),
        Draft(
            subject=incident_id,
            data=ev.IncidentOpened(
                call_id=call.call_id, kind="unknown", priority=2, place=place,
                first_receiver=receivers[-1] if receivers else "",
                flags=[*(f for f in call.flags if f != REASON), REASON], review=[REASON], cause="rescue",
                line=call.line,
                lane="urgent", exercise=call.exercise,
            ),
        ),
    ]  # fmt: skip
    for n, agency in enumerate(dict.fromkeys(receivers), 1):
        row = policy.agencies[agency] if policy else None
        drafts.append(
            Draft(
                subject=incident_id,
                data=ev.TaskRouted(
                    task_id=f"{incident_id}-T{n}", agency=agency,
                    agency_class=row.agency_class if row else "department",
                    role="lead" if n == 1 else "joint", cause="review",
                ),
            )
        )  # fmt: skip
    return drafts


def _receivers(policy: Policy | None, line: str) -> list[str]:
    if policy is None:
        return []
    named = [policy.command_agency, policy.first_receivers.get(line, "")]
    return [a for a in named if a in policy.agencies]


def _refused(region: RegionState, command: Command[Any], error: str) -> Draft[Any]:
    target = command.target
    subject = next((s for s in (target, target.rpartition("-T")[0]) if s in region.incidents), "")
    refused = CommandRefused(command=type(command.data).__name__, target=target, code="rule_failed", detail=error[:500])
    return Draft(subject=subject, data=refused)
