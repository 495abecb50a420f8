"""The structure of a CAP 1.2 alert (OASIS Common Alerting Protocol 1.2, section 3.2 and its schema), as rules of ours.

Which elements stand where, in which order and how often, and what they may hold. An alert that keeps these rules is
valid by the published schema; beyond it, the standard's own words on identifiers, restrictions and references hold.
"""

import re
from collections.abc import Callable, Iterable
from xml.etree import ElementTree as ET

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
ONE, MAYBE, MANY, SOME = (1, 1), (0, 1), (0, None), (1, None)
Count = tuple[int, int | None]
Judge = Callable[[str], bool]
CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip
RESPONSES = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
LAT_MAX, LON_MAX = 90.0, 180.0

_MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d[-+]\d\d:\d\d", re.ASCII)
_NAME = re.compile(r"[^\s,<&]+")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*", re.ASCII)
_TRIPLET = re.compile(r"[^\s,<&]+,[^\s,<&]+,\S+")


_DECIMAL = re.compile(r"[-+]?\d{1,15}(\.\d{0,18})?", re.ASCII)
RADIUS_KM_MAX = 20_040.0
"""Half of the earth's circumference: beyond it a circle is no place."""


def _decimal(text: str) -> float:
    """A plain decimal number, as the standard writes them; ValueError for what else a computer may call one."""
    if _DECIMAL.fullmatch(text.strip()) is None:
        raise ValueError(text)
    return float(text)


def _any(_: str) -> bool:
    return True


def _said(text: str) -> bool:
    return bool(text.strip())


def _moment(text: str) -> bool:
    return _MOMENT.fullmatch(text) is not None


def _name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


_CHOICES: dict[Judge, tuple[str, ...]] = {}
"""The words a judge takes, for whoever is told that theirs is none."""


def _one_of(*words: str) -> Judge:
    def judge(text: str) -> bool:
        return text in words

    _CHOICES[judge] = words
    return judge


def _pair(text: str) -> bool:
    lat, comma, lon = text.partition(",")
    try:
        return bool(comma) and abs(_decimal(lat)) <= LAT_MAX and abs(_decimal(lon)) <= LON_MAX
    except ValueError:
        return False


def _polygon(text: str) -> bool:
    points = text.split()
    return len(points) >= 4 and points[0] == points[-1] and all(map(_pair, points))  # noqa: PLR2004 - a closed triangle


def _number(text: str) -> bool:
    try:
        return _decimal(text) >= 0
    except ValueError:
        return False


def _circle(text: str) -> bool:
    centre, _, radius = text.partition(" ")
    return _pair(centre) and _number(radius) and float(radius) <= RADIUS_KM_MAX


def _references(text: str) -> bool:
    return all(_TRIPLET.fullmatch(t) for t in text.split()) and bool(text.split())


ALERT: dict[str, tuple[Count, Judge]] = {
    "identifier": (ONE, _name), "sender": (ONE, _name),
    "sent": (ONE, _moment), "status": (ONE, _one_of("Actual", "Exercise", "System", "Test", "Draft")),
    "msgType": (ONE, _one_of("Alert", "Update", "Cancel", "Ack", "Error")), "source": (MAYBE, _any),
    "scope": (ONE, _one_of("Public", "Restricted", "Private")), "restriction": (MAYBE, _any),
    "addresses": (MAYBE, _any), "code": (MANY, _any), "note": (MAYBE, _any), "references": (MAYBE, _references),
    "incidents": (MAYBE, _any), "info": (MANY, _any),
}  # fmt: skip
"""Element → how often it stands, and what it may hold; the order of the table is that of the schema."""
INFO: dict[str, tuple[Count, Judge]] = {
    "language": (MAYBE, lambda t: _LANGUAGE.fullmatch(t) is not None),
    "category": (SOME, _one_of(*CATEGORIES)),
    "event": (ONE, _said),
    "responseType": (MANY, _one_of(*RESPONSES)),
    "urgency": (ONE, _one_of("Immediate", "Expected", "Future", "Past", "Unknown")),
    "severity": (ONE, _one_of("Extreme", "Severe", "Moderate", "Minor", "Unknown")),
    "certainty": (ONE, _one_of("Observed", "Likely", "Possible", "Unlikely", "Unknown")),
    "audience": (MAYBE, _any), "eventCode": (MANY, _any), "effective": (MAYBE, _moment), "onset": (MAYBE, _moment),
    "expires": (MAYBE, _moment), "senderName": (MAYBE, _any), "headline": (MAYBE, _any), "description": (MAYBE, _any),
    "instruction": (MAYBE, _any), "web": (MAYBE, _any), "contact": (MAYBE, _any), "parameter": (MANY, _any),
    "resource": (MANY, _any), "area": (MANY, _any),
}  # fmt: skip
AREA: dict[str, tuple[Count, Judge]] = {
    "areaDesc": (ONE, _any), "polygon": (MANY, _polygon), "circle": (MANY, _circle), "geocode": (MANY, _any),
    "altitude": (MAYBE, _any), "ceiling": (MAYBE, _any),
}  # fmt: skip
RESOURCE: dict[str, tuple[Count, Judge]] = {
    "resourceDesc": (ONE, _any), "mimeType": (ONE, _said), "size": (MAYBE, _number), "uri": (MAYBE, _any),
    "derefUri": (MAYBE, _any), "digest": (MAYBE, _any),
}  # fmt: skip
VALUE: dict[str, tuple[Count, Judge]] = {"valueName": (ONE, _any), "value": (ONE, _any)}
WITHIN = {
    "info": INFO, "area": AREA, "resource": RESOURCE, "eventCode": VALUE, "parameter": VALUE, "geocode": VALUE,
}  # fmt: skip


_TIME = "a time such as 2026-04-05T10:20:30+08:00: whole seconds, an offset, no Z"
_EXPECTED = {
    "identifier": "no blanks, commas, < or &", "sender": "no blanks, commas, < or &", "sent": _TIME,
    "effective": _TIME, "onset": _TIME, "expires": _TIME, "event": "some words", "mimeType": "some words",
    "references": "sender,identifier,sent for each, with blanks between", "language": "a language such as zh-CN",
    "polygon": "lat,lon pairs in WGS84, at least four, the first again as the last",
    "circle": f"lat,lon in WGS84, a blank, and a radius of 0 to {RADIUS_KM_MAX:.0f} km", "size": "a number of bytes",
}  # fmt: skip


def _expected(name: str, judge: Judge) -> str:
    words = _CHOICES.get(judge)
    return f"one of {', '.join(words)}" if words else _EXPECTED[name]


def faults(alert: ET.Element) -> list[str]:
    """Everything in an alert that is not as the standard has it, each with where it stands; empty where all is."""
    if alert.tag != f"{{{NAMESPACE}}}alert":
        return [f"alert: expected the element 'alert' of {NAMESPACE}"]
    found = list(_judged("alert", alert, ALERT))
    held = {name: (alert.findtext(f"{{{NAMESPACE}}}{name}") or "").strip() for name in ALERT}
    if held["scope"] == "Restricted" and not held["restriction"]:
        found.append("alert.restriction: a restricted alert says to whom")
    if held["scope"] == "Private" and not held["addresses"]:
        found.append("alert.addresses: a private alert names its receivers")
    if held["msgType"] in ("Update", "Cancel", "Ack", "Error") and not held["references"]:
        found.append(f"alert.references: an {held['msgType']} names the alert it is about")
    return found


def _judged(where: str, node: ET.Element, rules: dict[str, tuple[Count, Judge]]) -> Iterable[str]:
    order, last, times = list(rules), 0, dict.fromkeys(rules, 0)
    for child in node:
        space, _, name = child.tag.removeprefix("{").rpartition("}")
        if space != NAMESPACE:
            continue  # a signature, the one thing of another namespace that the schema lets stand
        if name not in rules:
            yield f"{where}.{name[:40]}: no such element here"
            continue
        if order.index(name) < last:
            yield f"{where}.{name}: stands after {order[last]}"
        last = max(last, order.index(name))
        times[name] += 1
        if name in WITHIN:
            yield from _judged(f"{where}.{name}", child, WITHIN[name])
        elif not rules[name][1]((child.text or "").strip()):
            said = (child.text or "").strip()[:60]
            yield f"{where}.{name}: {said!r} cannot stand here; expected {_expected(name, rules[name][1])}"
    for name, ((least, most), _) in rules.items():
        if times[name] < least:
            yield f"{where}.{name}: is missing"
        if most is not None and times[name] > most:
            yield f"{where}.{name}: stands {times[name]} times"
