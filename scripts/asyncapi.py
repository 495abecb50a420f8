"""Writes docs/asyncapi.json: every topic with its settings and the shape of what it carries, from the code itself.

python scripts/asyncapi.py          write
python scripts/asyncapi.py --check  fail where the written document is out of step (CI)
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from tocsin import __version__  # noqa: E402 - the path above must be set first
from tocsin.codec import registry  # noqa: E402 - see above
from tocsin.incident import commands as incident_commands  # noqa: E402 - see above
from tocsin.incident import events as incident_events  # noqa: E402 - see above
from tocsin.log import topics as t  # noqa: E402 - see above
from tocsin.mission import commands as mission_commands  # noqa: E402 - see above
from tocsin.mission import events as mission_events  # noqa: E402 - see above
from tocsin.supervision import events as supervision_events  # noqa: E402 - see above

TARGET = ROOT / "docs" / "asyncapi.json"
_COMMANDS, _EVENTS = registry.CommandEnvelope, registry.EventEnvelope

CARRIED: dict[str, tuple[type[Struct] | None, tuple[type[Struct], ...]]] = {
    t.URGENT.name: (_COMMANDS, incident_commands.COMMANDS),
    t.ROUTINE.name: (_COMMANDS, incident_commands.COMMANDS),
    t.INCIDENT_EVENTS.name: (_EVENTS, incident_events.EVENTS),
    t.EMS_COMMANDS.name: (_COMMANDS, mission_commands.COMMANDS),
    t.EMS_EVENTS.name: (_EVENTS, mission_events.EVENTS),
    t.SUPERVISION_FACTS.name: (_EVENTS, incident_events.EVENTS),
    t.SUPERVISION_EVENTS.name: (_EVENTS, supervision_events.EVENTS),
    **{topic.name: (None, (registry.Dispatch,)) for topic in t.DISPATCH.values()},
}
"""Topic → its envelope and the contents the envelope may hold; a topic not named carries bytes of its own kind."""


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document."""
    classes = {c.__name__: c for _, held in CARRIED.values() for c in held}
    envelopes = {"CommandEnvelope": _COMMANDS, "EventEnvelope": _EVENTS}
    known = [*envelopes.values(), *classes.values()]
    _, schemas = msgspec.json.schema_components(known, ref_template="#/components/schemas/{name}")
    messages = {
        name: {
            "name": f"cn.tocsin.{name}.v1",
            "summary": (cls.__doc__ or name).strip().split("\n")[0],
            "contentType": "application/protobuf",
            "payload": {"$ref": f"#/components/schemas/{name}"},
        }
        for name, cls in sorted(classes.items())
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tocsin",
            "version": __version__,
            "description": "Values are protobuf (proto/tocsin/v1). Commands and events stand in their envelope, whose "
            "`type` names the message in `data`; headers are CloudEvents in binary mode. Times are Unix milliseconds.",
        },
        "defaultContentType": "application/protobuf",
        "channels": {topic.name: channel(topic) for topic in t.TOPICS},
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def channel(topic: t.Topic) -> dict[str, Any]:
    """One topic."""
    envelope, held = CARRIED.get(topic.name, (None, ()))
    shown: dict[str, Any] = {
        "address": topic.name,
        "description": topic.meaning,
        "messages": {c.__name__: {"$ref": f"#/components/messages/{c.__name__}"} for c in held},
        "bindings": {"kafka": {"topicConfiguration": topic.config(replicas=1), "bindingVersion": "0.5.0"}},
    }
    if envelope is not None:
        shown["x-envelope"] = {"$ref": f"#/components/schemas/{envelope.__name__}"}
    return shown


if __name__ == "__main__":
    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text() != text:
            raise SystemExit("docs/asyncapi.json is out of step; run `python scripts/asyncapi.py` and commit it")
    else:
        TARGET.write_text(text)
