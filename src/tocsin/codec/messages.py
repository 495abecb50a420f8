"""The generated messages and what is compiled for them: the one place that imports generated code."""

import importlib
import pkgutil
from typing import Any

from google.protobuf.message import Message

from tocsin.codec import registry
from tocsin.codec.direct import Writers
from tocsin.codec.reflect import Converters
from tocsin.codec.upcast import UPCASTERS, VERSIONS
from tocsin.envelope import Actor, Source


class UnreadableRecord(ValueError):
    """The bytes are no record this version can read; the text says why."""


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {}
    package = importlib.import_module("tocsin.v1")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.endswith("_pb2"):
            names = vars(importlib.import_module(f"tocsin.v1.{module.name}"))
            found |= {k: v for k, v in names.items() if isinstance(v, type) and issubclass(v, Message)}
    return found


converters = Converters(_messages().__getitem__)
writers = Writers(converters)
event_codecs = {c.__name__: (converters.message(c), converters.decoder(c)) for c in registry.EVENTS}
command_codecs = {c.__name__: (converters.message(c), converters.decoder(c)) for c in registry.COMMANDS}
EventMessage: Any = converters.message(registry.EventEnvelope)
CommandMessage: Any = converters.message(registry.CommandEnvelope)
OUT_OF_STEP = "the code and its generated messages differ; run scripts/proto.py"
actor_message, actor_of = converters.encoder(Actor), converters.decoder(Actor)
source_of = converters.decoder(Source)


def content_of(m: Any, known: dict[str, Any], what: str) -> Any:
    """The content of an envelope's message as the domain's value, brought up to the present version."""
    entry = known.get(m.type)
    if entry is None:
        raise UnreadableRecord(
            f"{what} type {m.type!r} is not known to this version; upgrade, then replay the dead letters"
        )
    newest = VERSIONS.get(m.type, 1)
    if not 1 <= m.type_version <= newest:
        raise UnreadableRecord(f"{m.type} version {m.type_version} is not known to this version (newest: {newest})")
    value = entry[1](entry[0].FromString(m.data))
    for version in range(m.type_version, newest):
        value = UPCASTERS[m.type, version](value)
    return value
