"""The structure of an EIDO by NENA-STA-021.1b-2022, written as rules of ours: required members, types, registries."""

import re
from collections.abc import Iterator
from typing import Any

MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([-+]\d\d:\d\d|Z)$")
PROLOGUE = {"$id": str, "lastUpdateTimeStamp": "moment", "updatedByAgencyReference": "ref"}
REQUIRED: dict[str, dict[str, Any]] = {
    "": {"eidoVersion": {"1.0"}, "issuingElementIdentification": str, "agencyComponent": list},
    "incidentComponent": {"incidentTypeCommonRegistryText": str},
    "agencyComponent": {"agencyRoleDescriptionRegistryText": list, "agencyType": list},
    "callComponent": {
        "callStateRegistryText": str, "standardPrimaryCallType": {"emergency", "nonEmergency"},
        "direction": {"incoming", "outgoing", "internal"}, "callStartTimestamp": "moment",
    },
    "locationComponent": {
        "locationTypeDescriptionRegistryText": {
            "RoutingLocation", "Caller", "CurrentIncident", "InitialIncident", "Investigation", "Other", "Staging",
            "TowerLocation", "UnitLocation",
        },
    },
    "notesComponent": {"notesActionComments": str},
    "dispatchComponent": {},
    "emergencyResourceComponent": {
        "agentReference": list, "emergencyResourceTypeCommonRegistryText": str, "resourceAttributeRegistryText": list,
        "primaryUnitStatusRegistryText": {"Available", "ConditionallyAvailable", "NotAvailable"},
        "secondaryUnitStatusRegistryText": list,
    },
    "mergeComponent": {
        "incidentTrackingIdentifier": str, "incidentMergeDirectionCode": {"REPLACING", "REPLACED", "SPLIT"},
    },
    "linkComponent": {
        "incidentTrackingIdentifier": str, "linkDirectionCode": {"PARENT", "CHILD", "RELATED", "UNLINK"},
    },
    "dispositionComponent": {"dispositionCommonRegistryCode": str},
}  # fmt: skip
STATUS = {
    "Active", "Cancelled", "Closed", "FireUnderControl", "NewLocation", "ReOpened", "ResourcesAssigned",
    "ResourcesEnroute", "ResourcesOnscene", "StructureCleared",
}  # fmt: skip
ROLES = {"Assisting", "CallReceiving", "Dispatched", "Dispatching", "Informational", "TransferredTo"}
TYPES = {
    "NONEMERG", "911H", "911OPN", "ADMIN", "ASSAULT", "CARDIAC", "CDX", "DVA", "FBRUSH", "FRAUD", "FSTRU", "FVEH",
    "GASLEAK", "HAZ", "HAZMAT", "LARCENY", "MVA", "MVAINJY", "NCRNDE", "NOISE", "OD", "PARKING", "PERMISS", "PREG",
    "PUBWKS", "RESCUE", "SICK", "STROKE", "SUICTHRT", "TRAUMA", "TROUBLE", "WATER", "XTRICATE",
}  # fmt: skip
"""Of the registry's common incident types those the sample policy maps to."""
SINGLE = ("incidentComponent",)


def faults(document: dict[str, Any]) -> list[str]:
    """Everything that is not as the standard has it; references must name a component that is there."""
    found = list(_component("", document))
    for name, value in document.items():
        if name.endswith("Component"):
            if (name in SINGLE) is isinstance(value, list):
                found.append(f"{name}: {'one object' if name in SINGLE else 'a list'} is expected")
                continue
            for each in [value] if name in SINGLE else value:
                found += _component(name, each)
    incident = document["incidentComponent"]
    for each in incident.get("dispositionComponent", []):
        found += _component("dispositionComponent", each)
    found += [f"status {s}" for s in incident.get("incidentStatusCommonRegistryText", []) if s not in STATUS]
    if incident["incidentTypeCommonRegistryText"] not in TYPES:
        found.append(f"type {incident['incidentTypeCommonRegistryText']}")
    if not 0 <= incident.get("incidentCommonPriorityNumber", 0) <= 10:
        found.append("priority beyond 0 to 10")
    for agency in document["agencyComponent"]:
        found += [f"role {r}" for r in agency["agencyRoleDescriptionRegistryText"] if r not in ROLES]
    ids = [x["$id"] for x in _objects(document) if "$id" in x]
    found += [f"{i} stands twice" for i in set(ids) if ids.count(i) > 1]
    found += [f"{r} is nowhere" for r in {x["$ref"] for x in _objects(document) if "$ref" in x} - set(ids)]
    return found


def _component(name: str, held: dict[str, Any]) -> Iterator[str]:
    for member, kind in (PROLOGUE | REQUIRED[name]).items():
        value = held.get(member)
        fine = (
            value in kind
            if isinstance(kind, set)
            else isinstance(value, str) and MOMENT.match(value) is not None
            if kind == "moment"
            else isinstance(value, dict) and set(value) == {"$ref"}
            if kind == "ref"
            else isinstance(value, kind)
        )
        if not fine:
            yield f"{name}.{member}: {value!r}"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for v in value.values():
            yield from _objects(v)
    elif isinstance(value, list):
        for v in value:
            yield from _objects(v)
