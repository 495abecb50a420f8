"""Opens of an event only as much as is asked for: whoever reads all events and wants little of each pays for that."""

from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from tocsin.codec.upcast import VERSIONS
from tocsin.codec.wire import EventMessage, UnreadableRecord, content_of, decode_event, event_codecs
from tocsin.envelope import Event
from tocsin.incident.events import CallRecorded


class CallSeen(NamedTuple):
    """What tells a call from others and what was made of it, without its words, place and times."""

    call_id: str
    human: bool
    kind: str
    priority: int
    incident_ids: list[str]


class EventHead:
    """An event's envelope, its content not yet opened. The fields are named as the event's."""

    __slots__ = ("_content", "_m", "_value", "recorded_at", "type")

    def __init__(self, value: bytes) -> None:
        try:
            m = self._m = EventMessage.FromString(value)
        except DecodeError as e:
            raise UnreadableRecord(f"not an event: {e}") from e
        self._value = value
        self._content: Any = None
        self.type: str = m.type
        self.recorded_at: int = m.recorded_at

    @property
    def event_id(self) -> str:
        """Its id."""
        return str(self._m.event_id)

    @property
    def command_id(self) -> str:
        """The command's that led to it."""
        return str(self._m.command_id)

    @property
    def region(self) -> str:
        """Its region."""
        return str(self._m.region)

    @property
    def subject(self) -> str:
        """Whose event it is."""
        return str(self._m.subject)

    @property
    def version(self) -> int:
        """Its subject's version."""
        return int(self._m.version)

    @property
    def index(self) -> int:
        """Its place in its decision."""
        return int(self._m.index)

    @property
    def count(self) -> int:
        """How many events its decision has."""
        return int(self._m.count)

    @property
    def lane(self) -> str:
        """Its lane."""
        return str(self._m.lane)

    @property
    def occurred_at(self) -> int:
        """When it happened."""
        return int(self._m.occurred_at)

    def event(self) -> Event[Any]:
        """The whole; UnreadableRecord where this version cannot read it."""
        return decode_event(self._value)

    @property
    def source(self) -> tuple[str, int, int]:
        """Where the command stands that led to it: topic, partition, offset."""
        return self._m.source.topic, int(self._m.source.partition), int(self._m.source.offset)

    @property
    def sender(self) -> str:
        """Whose act led to it."""
        return str(self._m.actor.subject)

    def said(self, name: str) -> Any:
        """One field of the content, a value in it with its fields by the same names; the rest stays unopened."""
        codec = event_codecs.get(self.type)
        if codec is None or self._m.type_version != VERSIONS.get(self.type, 1):
            return getattr(self.data(), name)
        if self._content is None:
            try:
                self._content = codec[0].FromString(self._m.data)
            except DecodeError as e:
                raise UnreadableRecord(f"not a {self.type}: {e}") from e
        return getattr(self._content, name)

    def data(self) -> Any:
        """The content as the domain's value; UnreadableRecord where this version cannot read it."""
        try:
            return content_of(self._m, event_codecs, "event")
        except DecodeError as e:
            raise UnreadableRecord(f"not an event: {e}") from e

    def call_seen(self) -> CallSeen:
        """Of a `CallRecorded`: a tenth of the work of its whole content."""
        if self._m.type_version != VERSIONS.get(self.type, 1):
            data = self.data()
            u = data.understanding
            return CallSeen(data.call.call_id, u.human, u.kind, u.priority, data.incident_ids)
        try:
            m: Any = event_codecs[CallRecorded.__name__][0].FromString(self._m.data)
        except DecodeError as e:
            raise UnreadableRecord(f"not a {self.type}: {e}") from e
        u = m.understanding
        return CallSeen(m.call.call_id, u.human, u.kind, u.priority, list(m.incident_ids))
