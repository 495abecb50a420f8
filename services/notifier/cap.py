"""An incident as a CAP 1.2 alert (OASIS Common Alerting Protocol): the public facts, nobody's name, number or words."""

from datetime import datetime
from xml.etree import ElementTree as ET

from tocsin.codec.text import COUNTY_ZONE
from tocsin.exchange.cap_structure import NAMESPACE
from tocsin.incident.view import IncidentView
from tocsin.policy.model import Policy

LAT_MAX, LON_MAX = 90, 180
_SEVERITY = {1: "Extreme", 2: "Severe", 3: "Moderate", 4: "Minor"}
_URGENCY = {1: "Immediate", 2: "Immediate", 3: "Expected", 4: "Future"}


def alert(view: IncidentView, policy: Policy) -> bytes:
    """The alert's XML. `identifier` is the incident's id and version, so each state is a message of its own."""
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(f"{{{NAMESPACE}}}alert")
    ended = view.state != "open"
    _add(root, "identifier", f"{view.incident_id}.{view.version}")
    _add(root, "sender", f"tocsin@{view.region}")
    _add(root, "sent", _moment(view.updated_at))
    _add(root, "status", "Exercise" if view.exercise else "Actual")
    _add(root, "msgType", "Cancel" if ended else "Alert")
    _add(root, "scope", "Restricted")
    _add(root, "restriction", "for emergency services")
    if ended:
        _add(root, "references", f"tocsin@{view.region},{view.incident_id}.1,{_moment(view.opened_at)}")
    _add(root, "incidents", view.incident_id)
    for language in ("zh-CN", "en"):
        _info(root, view, policy, language)
    out: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return out


def _info(root: ET.Element, view: IncidentView, policy: Policy, language: str) -> None:
    kind = policy.kinds.get(view.kind.code)
    label = view.kind.label if kind is None or language == "zh-CN" else kind.label_en
    info = ET.SubElement(root, f"{{{NAMESPACE}}}info")
    _add(info, "language", language)
    _add(info, "category", kind.cap_category if kind is not None else "Other")
    _add(info, "event", label)
    _add(info, "urgency", "Past" if view.state != "open" else _URGENCY.get(view.priority, "Unknown"))
    _add(info, "severity", _SEVERITY.get(view.priority, "Unknown"))
    _add(info, "certainty", "Likely")
    code = ET.SubElement(info, f"{{{NAMESPACE}}}eventCode")
    _add(code, "valueName", "tocsin-kind")
    _add(code, "value", view.kind.code)
    _add(info, "effective", _moment(view.opened_at))
    _add(info, "headline", f"{label} {view.location.label}".strip())
    area = ET.SubElement(info, f"{{{NAMESPACE}}}area")
    region = policy.regions.get(view.region)
    named = (region.label if language == "zh-CN" else region.label_en) if region is not None else view.region
    _add(area, "areaDesc", view.location.label or named)
    point = view.location.point
    if point is not None and abs(point.lat) <= LAT_MAX and abs(point.lon) <= LON_MAX:
        _add(
            area, "circle", f"{point.lat:.6f},{point.lon:.6f} {max(0.0, (view.location.accuracy_m or 0.0)) / 1000:.3f}"
        )
    geocode = ET.SubElement(area, f"{{{NAMESPACE}}}geocode")
    _add(geocode, "valueName", "GB/T 2260")
    _add(geocode, "value", view.region)


def _moment(at: int) -> str:
    """CAP wants seconds and an offset, no fraction."""
    return datetime.fromtimestamp(at / 1000, COUNTY_ZONE).isoformat(timespec="seconds")


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = "".join(c for c in text if c in "\t\n\r" or c >= " ")
