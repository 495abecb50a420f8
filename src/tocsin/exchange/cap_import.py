"""A CAP 1.2 alert of another centre, read as the call it stands for (`channel` relay, contract section 2).

Its XML is read without a document type: nothing is fetched, nothing expanded. The alert's words become the call's
text, its area the location, its identifier the call's id, so that the same alert sent again is the same call.
"""

import hashlib
import re
from typing import Any, Literal
from xml.etree import ElementTree as ET
from xml.parsers import expat

from msgspec import Struct

from tocsin.calls.fields import FieldError
from tocsin.calls.posted import BODY_MAX
from tocsin.calls.read import InvalidBody
from tocsin.exchange.cap_structure import NAMESPACE, faults
from tocsin.incident.values import Line

LINES: dict[str, Line] = {
    "Fire": "119", "Rescue": "119", "CBRNE": "119", "Health": "120", "Transport": "122",
}  # fmt: skip
"""CAP category → the line such a matter rings on; every other rings on 110. A sender may name another."""
ELSE_LINE: Line = "110"
KM_M, DEGREE_M = 1000.0, 111_320.0
ADDRESS_MAX, SHORT_MAX = 2000, 200


class Alert(Struct, frozen=True, kw_only=True):
    """What an alert says, as far as a call can say it. `about`: the calls it refers to; `named`: as its sender does."""

    call_id: str
    kind: Literal["Alert", "Update", "Cancel"]
    line: Line
    body: dict[str, Any]
    about: list[str]
    named: list[str]
    text: str


def call_id_of(sender: str, identifier: str) -> str:
    """The id of the call that an alert is: the standard makes an identifier unique with its sender."""
    named = f"{sender}\n{identifier}".encode()
    return f"cap:{hashlib.blake2b(named, digest_size=16).hexdigest()}"


def read_alert(body: bytes, line: Line | None = None) -> Alert:
    """The alert; InvalidBody (413, 422) where it is too large, no XML, no CAP 1.2, or nothing to act on."""
    if len(body) > BODY_MAX:
        raise InvalidBody(413, "body_too_large", f"The alert is over {BODY_MAX} bytes; send less.")
    root = _tree(body)
    wrong = faults(root)
    if wrong:
        errors = [FieldError(*_parted(w)) for w in wrong[:50]]
        raise InvalidBody(422, "cap_invalid", "The alert is not as CAP 1.2 has it; see 'errors'.", errors)
    status, kind = _text(root, "status"), _text(root, "msgType")
    if status not in ("Actual", "Exercise") or kind not in ("Alert", "Update", "Cancel"):
        said = f"{kind} of status {status}"
        errors = [FieldError("alert.msgType" if status in ("Actual", "Exercise") else "alert.status", "nothing to do")]
        raise InvalidBody(422, "not_actionable", f"An {said} asks nobody to act; it was not taken.", errors)
    info = _chosen(root)
    if info is None and kind != "Cancel":
        raise InvalidBody(
            422, "cap_invalid", "The alert says nothing.", [FieldError("alert.info", "an alert to act on has an info")]
        )
    sender, identifier = _text(root, "sender"), _text(root, "identifier")
    text = _words(info) if info is not None else _text(root, "note")
    found = line or LINES.get(_text(info, "category") if info is not None else "", ELSE_LINE)
    call_id = call_id_of(sender, identifier)
    named = [",".join(t.split(",")[:2]) for t in _text(root, "references").split()]
    about = [call_id_of(*t.split(",")[:2]) for t in named]
    posted = _posted(root, info, call_id, found, text) if info is not None else {}
    return Alert(
        call_id=call_id, kind="Alert" if kind == "Alert" else "Update" if kind == "Update" else "Cancel", line=found,
        body=posted, about=about, named=named, text=text,
    )  # fmt: skip


def _tree(body: bytes) -> ET.Element:
    body, encoding = _readable(body)
    parser, builder = expat.ParserCreate(encoding, namespace_separator="}"), ET.TreeBuilder()

    def refuse(*_: object) -> None:
        raise InvalidBody(
            422,
            "not_xml",
            "The alert declares a document type; send it without.",
            [FieldError("", "has a DOCTYPE; take it out")],
        )

    def named(name: str) -> str:
        return f"{{{name}" if "}" in name else name

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: builder.start(named(name), attributes)
    parser.EndElementHandler = lambda name: builder.end(named(name))
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as e:
        detail = f"The alert is not XML: {e}. Send it well-formed, in UTF-8, UTF-16 or GB18030."
        raise InvalidBody(422, "not_xml", detail, [FieldError("", str(e)[:200])]) from e
    return builder.close()


_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["'](gb2312|gbk|gb18030)["']""", re.IGNORECASE)


def _readable(body: bytes) -> tuple[bytes, str | None]:
    """The body as the parser can read it: it knows none of the Chinese encodings, which many centres still send."""
    if _DECLARED.match(body) is None:
        return body, None
    try:
        return body.decode("gb18030").encode(), "utf-8"
    except UnicodeDecodeError as e:
        what = f"byte {e.start} is no GB18030, which the alert says it is in"
        raise InvalidBody(422, "not_xml", f"The alert is not XML: {what}.", [FieldError("", what)]) from e


def _parted(fault: str) -> tuple[str, str]:
    where, _, what = fault.partition(": ")
    return where, what


def _text(node: ET.Element, name: str) -> str:
    return (node.findtext(f"{{{NAMESPACE}}}{name}") or "").strip()


def _chosen(root: ET.Element) -> ET.Element | None:
    """The info in Chinese where there is one, else the first: several say the same in several tongues."""
    infos = root.findall(f"{{{NAMESPACE}}}info")
    return next((i for i in infos if _text(i, "language").lower().startswith("zh")), infos[0] if infos else None)


def _words(info: ET.Element) -> str:
    said = dict.fromkeys(_text(info, name) for name in ("event", "headline", "description", "instruction"))
    return "。".join(s for s in said if s)


def _posted(root: ET.Element, info: ET.Element, call_id: str, line: Line, text: str) -> dict[str, Any]:
    sender = _text(root, "sender")
    ids = [(sender, _text(root, "identifier")), *((sender, i) for i in _text(root, "incidents").split()[:20])]
    body: dict[str, Any] = {
        "call_id": call_id, "line": line, "channel": "relay", "text": text,
        "exercise": _text(root, "status") != "Actual",
        "operator": (_text(info, "senderName") or sender)[:SHORT_MAX],
        "external_ids": [{"system": s[:SHORT_MAX], "id": i[:SHORT_MAX]} for s, i in ids],
        "occurred_at": _text(info, "onset") or _text(info, "effective") or _text(root, "sent"),
    }  # fmt: skip
    location = _location(info)
    return body | ({"location": location} if location else {})


def _location(info: ET.Element) -> dict[str, Any]:
    area = info.find(f"{{{NAMESPACE}}}area")
    if area is None:
        return {}
    found: dict[str, Any] = {"address": _text(area, "areaDesc")[:ADDRESS_MAX]}
    circle, polygon = _text(area, "circle"), _text(area, "polygon")
    if circle:
        centre, _, radius = circle.partition(" ")
        lat, lon = (float(x) for x in centre.split(","))
        found |= {"point": _point(lat, lon), "accuracy_m": float(radius) * KM_M}
    elif polygon:
        corners = [tuple(float(x) for x in p.split(",")) for p in polygon.split()[:-1]]
        lat, lon = (sum(c[n] for c in corners) / len(corners) for n in (0, 1))
        reach = max(max(abs(c[0] - lat), abs(c[1] - lon)) for c in corners) * DEGREE_M
        found |= {"point": _point(lat, lon), "accuracy_m": reach}
    return found


def _point(lat: float, lon: float) -> dict[str, Any]:
    return {"lon": lon, "lat": lat, "crs": "WGS84"}
