"""An incident as an EIDO document (NENA-STA-021.1b-2022, its schema and registries): what another centre needs of it.

Callers' numbers are masked on every screen and so are no call-back address here; whoever needs one asks for it.
"""

from xml.sax.saxutils import escape

from tocsin.codec.text import rfc3339
from tocsin.incident.view import CallView, IncidentView, TaskView
from tocsin.place import Point
from tocsin.policy.model import Policy

Json = dict[str, object]
UNTYPED = "TROUBLE"
"""The registry's type for what is not known; a drill is told as a notification on which no unit is sent."""
DRILL = "NCRNDE"
PRIORITY = {1: 10, 2: 8, 3: 5, 4: 2}
"""Ours 1 to 4 on the standard's scale, 10 the highest."""
DISPOSITIONS = {
    "handled": "18", "unfounded": "14", "cancelled": "10", "duplicate": "22", "referred": "15", "no_action": "02",
    "no_incident": "10",
}  # fmt: skip
"""How a closed incident reads in the registry of common disposition codes."""
AGENCY_TYPES = {"police": "police", "traffic": "police", "fire": "fire", "medical": "ems"}
UNIT_TYPES = {
    "police": "PatrolUnit", "traffic": "TrafficUnit", "fire": "StructureFireEngineType1",
    "medical": "GroundALSAmbulance", "department": "MaintenanceandRepairTeam",
}  # fmt: skip
UNIT_STATES = {"dispatched": "EnRoute", "on_scene": "OnScene", "completed": "Cleared"}
ENDED = frozenset({"completed", "returned", "transferred", "cancelled"})
_PIDF = (
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" '
    'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:{entity}"><dm:device id="incident"><gp:geopriv>'
    "<gp:location-info>{shape}</gp:location-info><gp:usage-rules/></gp:geopriv></dm:device></presence>"
)
"""A location by value is a PIDF-LO (RFC 4119, shapes of RFC 5491)."""


class Document:
    """Makes the components of one incident; every one names who said it and when."""

    def __init__(self, view: IncidentView, policy: Policy) -> None:
        self.view, self.policy = view, policy
        self.host = f"tocsin-{view.region}"
        self.by = self.agency_id(view.first_receiver or policy.command_agency)
        self.at = rfc3339(view.updated_at)
        self.notes: list[Json] = []

    def agency_id(self, agency: str) -> str:
        """An agency's identifier: that of its own external ids where it has one."""
        row = self.policy.agencies.get(agency)
        return (row.external_ids.get("nena") if row is not None else None) or f"{agency}.{self.host}"

    def uid(self, kind: str, name: str) -> str:
        """A component's identifier."""
        return f"urn:emergency:uid:{kind}:{name}:{self.host}"

    def component(self, name: str, data: Json, at: str | None = None) -> Json:
        """A component with its prologue."""
        return {
            "$id": name, "lastUpdateTimeStamp": at or self.at, "updatedByAgencyReference": {"$ref": self.by},
        } | data  # fmt: skip

    def note(self, name: str, text: str) -> list[Json]:
        """References to a note of these words; none where there are none."""
        if not text:
            return []
        at = self.uid("eidodatacomponent", f"note-{name}")
        self.notes.append(self.component(at, {"notesActionComments": text}))
        return [{"$ref": at}]


def document(view: IncidentView, policy: Policy) -> Json:
    """The document. Callers appear as this reader sees them."""
    d = Document(view, policy)
    location = d.uid("eidodatacomponent", f"location-{view.incident_id}")
    running = [t for t in view.tasks if t.state not in ENDED]
    found: Json = {
        "eidoVersion": "1.0",
        "issuingElementIdentification": d.host,
        "incidentComponent": _incident(d, location),
        "agencyComponent": _agencies(d),
        "locationComponent": [d.component(location, _location(d))],
        "callComponent": [_call(d, c) for c in view.calls],
        "dispatchComponent": [_dispatch(d, t) for t in running],
        "emergencyResourceComponent": [_unit(d, t, u) for t in running for u in t.units],
    }
    if view.merged_into is not None:
        into: Json = {
            "incidentTrackingIdentifier": d.uid("incidentid", view.merged_into),
            "incidentMergeDirectionCode": "REPLACED",
        }
        found["mergeComponent"] = [d.component(d.uid("eidodatacomponent", f"merge-{view.merged_into}"), into)]
    if view.related:
        found["linkComponent"] = [
            d.component(
                d.uid("eidodatacomponent", f"link-{r.incident_id}"),
                {"incidentTrackingIdentifier": d.uid("incidentid", r.incident_id), "linkDirectionCode": "RELATED"},
            )
            for r in view.related
        ]
    if d.notes:
        found["notesComponent"] = d.notes
    return d.component(d.uid("incidentid", view.incident_id), found)


def _incident(d: Document, location: str) -> Json:
    view, kind = d.view, d.policy.kinds.get(d.view.kind.code)
    common = (kind.eido if kind is not None else "") or UNTYPED
    said: Json = {
        "incidentTypeCommonRegistryText": DRILL if view.exercise else common,
        "incidentTypeInternalCode": view.kind.code,
        "incidentTypeInternalText": view.kind.label,
        "incidentStatusCommonRegistryText": _status(view),
        "incidentStatusInternalText": ["Exercise", view.state] if view.exercise else [view.state],
        "internalIncidentId": view.incident_id,
        "incidentPriorityInternalText": str(view.priority),
        "incidentCommonPriorityNumber": 0 if view.exercise else PRIORITY[view.priority],
        "locationReference": [{"$ref": location}],
    }
    if view.state == "closed":
        ended: Json = {
            "dispositionCommonRegistryCode": DISPOSITIONS.get(view.disposition, "18"),
            "dispositionDescriptionText": view.disposition,
        }
        said["dispositionComponent"] = [
            d.component(d.uid("eidodatacomponent", f"disposition-{view.incident_id}"), ended)
        ]
    notes = d.note("exercise", "EXERCISE 演练: nobody is to act on this" if view.exercise else "")
    return d.component(
        d.uid("incidentid", f"{view.incident_id}.{view.version}"), said | ({"notesReference": notes} if notes else {})
    )


def _status(view: IncidentView) -> list[str]:
    if view.state != "open":
        return ["Cancelled" if view.disposition in ("cancelled", "no_incident") else "Closed"]
    states = {t.state for t in view.tasks}
    found = ["Active"]
    if any(t.units for t in view.tasks):
        found.append("ResourcesAssigned")
    if "dispatched" in states:
        found.append("ResourcesEnroute")
    if "on_scene" in states:
        found.append("ResourcesOnscene")
    return found


def _agencies(d: Document) -> list[Json]:
    """Every agency that is named anywhere in the document, with its part in the incident."""
    parts: dict[str, list[str]] = {}
    first = d.view.first_receiver or d.policy.command_agency
    parts[first] = ["CallReceiving"]
    for t in d.view.tasks:
        for agency, part in ((t.held_by or t.agency, "Dispatched"), (t.offered_to, "TransferredTo")):
            if agency and part not in parts.setdefault(agency, []):
                parts[agency].append(part)
    return [
        d.component(
            d.agency_id(a),
            {
                "agencyRoleDescriptionRegistryText": part,
                "agencyType": [
                    AGENCY_TYPES.get(d.policy.agencies[a].agency_class, "psap") if a in d.policy.agencies else "psap"
                ],
                "incidentOwningAgencyIndicator": any(t.role == "lead" and t.held_by == a for t in d.view.tasks),
            },
        )
        for a, part in parts.items()
    ]


def _location(d: Document) -> Json:
    view = d.view.location
    found: Json = {
        "locationTypeDescriptionRegistryText": "CurrentIncident",
        "locationDescriptionText": view.address or view.label,
    }
    if view.point is not None:
        found["locationByValue"] = _PIDF.format(
            entity=escape(f"{d.view.incident_id}@{d.host}"), shape=_shape(view.point, view.accuracy_m)
        )
    return found


def _shape(point: Point, accuracy_m: float | None) -> str:
    at = f"<gml:pos>{point.lat:.6f} {point.lon:.6f}</gml:pos>"
    if not accuracy_m:
        return f'<gml:Point srsName="urn:ogc:def:crs:EPSG::4326">{at}</gml:Point>'
    radius = f'<gs:radius uom="urn:ogc:def:uom:EPSG::9001">{accuracy_m:.1f}</gs:radius>'
    return f'<gs:Circle srsName="urn:ogc:def:crs:EPSG::4326">{at}{radius}</gs:Circle>'


def _call(d: Document, call: CallView) -> Json:
    at = rfc3339(call.recorded_at or d.view.opened_at)
    said: Json = {
        "callStateRegistryText": "callAnswered" if call.channel == "voice" else "callBegin",
        "standardPrimaryCallType": "nonEmergency" if call.line == "12345" else "emergency",
        "localCallType": f"{call.line}/{call.channel}".strip("/"),
        "direction": "incoming",
        "callStartTimestamp": at,
    }
    notes = d.note(call.call_id, call.text)
    return d.component(d.uid("callid", call.call_id), said | ({"notesReference": notes} if notes else {}), at)


def _unit_id(d: Document, task: TaskView, unit: str) -> str:
    return d.uid("eidodatacomponent", f"unit-{task.task_id}-{unit}")


def _dispatch(d: Document, task: TaskView) -> Json:
    said: Json = {"agencyReference": {"$ref": d.agency_id(task.held_by or task.agency)}}
    if task.units:
        said["emergencyResourceReference"] = [{"$ref": _unit_id(d, task, u)} for u in task.units]
    return d.component(d.uid("eidodatacomponent", f"dispatch-{task.task_id}"), said)


def _unit(d: Document, task: TaskView, unit: str) -> Json:
    return d.component(
        _unit_id(d, task, unit),
        {
            "agentReference": [],
            "emergencyResourceTypeCommonRegistryText": UNIT_TYPES[task.agency_class],
            "emergencyResourceName": unit,
            "primaryUnitStatusRegistryText": "NotAvailable",
            "secondaryUnitStatusRegistryText": [UNIT_STATES.get(task.state, "Assigned")],
            "resourceAttributeRegistryText": [],
        },
    )
