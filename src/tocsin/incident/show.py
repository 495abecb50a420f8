"""An incident as its readers see it (contract, section 2). Pure: the words are unsealed by whom the shell gives us."""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from tocsin.incident.state import Clock as ClockState
from tocsin.incident.state import Incident, Link, Task
from tocsin.incident.values import CallRecord
from tocsin.incident.view import (
    CallerView,
    CallView,
    ClockView,
    IncidentView,
    KindView,
    LinkView,
    LocationView,
    RelatedView,
    SuggestionView,
    TaskView,
)
from tocsin.policy.model import Kind

Words = Callable[[str], str | None]
"""Sealed → clear; None where the key is destroyed."""
FORGOTTEN = "[…]"
"""Stands for words whose key was destroyed."""
MEDICAL_HIDDEN = "（医疗内容，仅120岗位可见）"
"""Stands for a patient's words where no one of 120 reads them."""
LONG_NUMBER = 8


class _Caller(Struct):
    number: str = ""
    name: str = ""


class _Private(Struct):
    """What a call's sealed part holds."""

    caller: _Caller = msgspec.field(default_factory=_Caller)
    text: str = ""
    address: str = ""


_read = msgspec.json.Decoder(_Private).decode


def masked(number: str) -> str:
    """A number as screens show it: 138****1234, the country's own code left out; short ones keep but their end."""
    number = number.removeprefix("+86")
    if not number:
        return ""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= LONG_NUMBER else f"****{number[-2:]}"


def contactable(record: CallRecord, kind: str) -> bool:
    """Whether the caller may be written to or rung back without a person's thought; domestic violence says no."""
    if record.safe_to_contact is not None:
        return record.safe_to_contact
    return kind != "crime.domestic"


def private_of(record: CallRecord, words: Words) -> _Private:
    """A call's words, or that they are forgotten."""
    if not record.private:
        return _Private()
    clear = words(record.private)
    if clear is None:
        return _Private(text=FORGOTTEN)
    try:
        return _read(clear)
    except msgspec.DecodeError:
        return _Private(text=FORGOTTEN)


def incident_view(
    incident: Incident,
    calls: Mapping[str, CallRecord],
    kinds: Mapping[str, Kind],
    words: Words,
    *,
    clear: bool = False,
    confidential: bool = False,
    medical: bool = True,
) -> IncidentView:
    """The whole. `calls` are the records of its links; those not given are shown by their id alone.

    Numbers are masked unless `clear`; a confidential caller (marked so, or by the kind) is shown only where
    `confidential`, what was said on 120 only where `medical`. Words whose key is destroyed are shown as forgotten.
    """
    kind = kinds.get(incident.kind)
    sealed_kind = bool(kind and kind.confidential)

    def hide(record: CallRecord) -> bool:
        return not confidential and (sealed_kind or record.confidential)

    privates = {c: private_of(calls[c], words) for c in incident.links if c in calls}
    return IncidentView(
        incident_id=incident.incident_id,
        region=incident.region,
        state=incident.state,
        merged_into=incident.merged_into or None,
        version=incident.version,
        kind=KindView(code=incident.kind, label=kind.label if kind else incident.kind),
        priority=incident.priority,
        lane=incident.lane,
        exercise=incident.exercise,
        flags=list(incident.flags),
        review=list(incident.review),
        victims=incident.victims,
        hazards=list(incident.hazards),
        location=_location(incident, privates, words),
        calls=[
            _call(
                link, calls.get(link.call_id), privates.get(link.call_id), incident.kind,
                clear=clear, hide=hide, medical=medical,
            )
            for link in incident.links.values()
        ],
        suggestions=[
            SuggestionView(call_id=s.call_id, score=s.score, reasons=dict(s.reasons))
            for s in incident.suggestions.values()
        ],
        related=[
            RelatedView(
                incident_id=r.call_id, decided_by=r.decided_by, score=None if r.decided_by == "person" else r.score
            )
            for r in incident.related.values()
        ],
        tasks=[_task(t) for t in incident.tasks.values()],
        clocks=[_clock(c) for c in incident.clocks.values()],
        first_receiver=incident.first_receiver,
        caller_informed=incident.caller_informed,
        disposition=incident.disposition,
        supervised=incident.supervised,
        opened_at=incident.opened_at,
        updated_at=incident.updated_at,
        policy=incident.policy,
    )  # fmt: skip


def _location(incident: Incident, privates: Mapping[str, _Private], words: Words) -> LocationView:
    place = incident.place
    corrected = words(incident.address) if incident.address else None
    said = next((p.address for p in privates.values() if p.address), "")
    return LocationView(
        address=corrected or (FORGOTTEN if incident.address else said) or place.label,
        point=place.point,
        accuracy_m=place.accuracy_m,
        source=place.source,
        label=place.label,
    )


def _call(
    link: Link,
    record: CallRecord | None,
    private: _Private | None,
    kind: str,
    *,
    clear: bool,
    hide: Callable[[CallRecord], bool],
    medical: bool,
) -> CallView:
    shown = LinkView(score=link.score, decided_by=link.decided_by, reasons=dict(link.reasons))
    if record is None or private is None:
        return CallView(call_id=link.call_id, line="", link=shown)
    caller = CallerView()
    if not hide(record):
        number = private.caller.number
        caller = CallerView(number=number if clear else masked(number), name=private.caller.name)
    text = private.text if medical or record.line != "120" or not private.text else MEDICAL_HIDDEN
    return CallView(
        link.call_id, record.line, record.channel, text, caller, record.received_at, list(record.flags), shown,
        contactable(record, kind),
    )  # fmt: skip


# By place, in the order of the fields: an order shows all tasks and limits of its incident, and named arguments cost
# five times as much.
def _task(t: Task) -> TaskView:
    return TaskView(
        t.task_id, t.agency, t.agency_class, t.role, t.state, list(t.units), t.held_by, t.offered_to, t.return_code,
        t.round, t.duty, t.cause, list(t.capabilities),
    )  # fmt: skip


def _clock(c: ClockState) -> ClockView:
    return ClockView(c.clock_id, c.clock, c.started_at, c.due_at, c.state, c.task_id, c.agency, c.card)
