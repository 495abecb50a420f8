"""An incident as an EIDO document (NENA-STA-021): what another centre needs to take it over."""

from tocsin.codec.text import rfc3339
from tocsin.incident.view import CallView, IncidentView, TaskView
from tocsin.policy.model import Policy

_STATES = {
    "routed": "Dispatched",
    "acknowledged": "Acknowledged",
    "accepted": "Acknowledged",
    "dispatched": "En Route",
    "on_scene": "On Scene",
    "completed": "Completed",
    "returned": "Cancelled",
    "transferred": "Transferred",
    "cancelled": "Cancelled",
}
Json = dict[str, object]


def document(view: IncidentView, policy: Policy) -> Json:
    """The document. Callers appear masked, as this reader sees them."""
    host = f"tocsin-{view.region}"
    kind = policy.kinds.get(view.kind.code)
    at = rfc3339(view.updated_at)
    location_id = f"urn:emergency:uid:locationid:{view.incident_id}:{host}"
    return {
        "$id": f"urn:emergency:uid:eidoid:{view.incident_id}.{view.version}:{host}",
        "eidoMessageType": "Update" if view.version > 1 else "Initial",
        "sendingSystemIdentifier": host,
        "lastUpdateTimestamp": at,
        "issuingElementIdentification": host,
        "incidentComponent": [
            {
                "componentIdentifier": view.incident_id,
                "lastUpdateTimeStamp": at,
                "incidentTrackingIdentifier": f"urn:emergency:uid:incidentid:{view.incident_id}:{host}",
                "incidentTypeCommonRegistryText": (kind.eido if kind else "") or "Other",
                "incidentTypeInternalText": view.kind.code,
                "incidentStatusCommonRegistryText": "Active" if view.state == "open" else "Closed",
                "incidentOverallPriorityCommonRegistryNumber": view.priority,
                "isTestIncidentBoolean": view.exercise,
                "incidentStartTimestamp": rfc3339(view.opened_at),
                "locationReference": [location_id],
            }
        ],
        "locationComponent": [_location(view, location_id)],
        "callComponent": [_call(c) for c in view.calls],
        "dispatchComponent": [_dispatch(t, policy) for t in view.tasks],
    }


def _location(view: IncidentView, location_id: str) -> Json:
    point = view.location.point
    found: Json = {
        "$id": location_id,
        "componentIdentifier": location_id,
        "locationTypeDescriptionRegistryText": ["Incident"],
        "locationNotesText": view.location.label or view.location.address,
    }
    if point is not None:
        found["locationByValue"] = {
            "type": "Point",
            "coordinates": [point.lon, point.lat],
            "crs": point.crs,
            "uncertaintyMeters": view.location.accuracy_m,
        }
    return found


def _call(call: CallView) -> Json:
    return {
        "componentIdentifier": call.call_id,
        "callTypeDescriptionText": call.line,
        "callStartTimestamp": rfc3339(call.recorded_at),
        "callbackNumberText": call.caller.number,
        "callNotesText": call.text,
    }


def _dispatch(task: TaskView, policy: Policy) -> Json:
    agency = policy.agencies.get(task.agency)
    return {
        "componentIdentifier": task.task_id,
        "dispatchedAgencyText": agency.label_en if agency is not None else task.agency,
        "dispatchStatusCommonRegistryText": _STATES[task.state],
        "primaryAgencyBoolean": task.role == "lead",
        "dispatchedUnitText": list(task.units),
    }
