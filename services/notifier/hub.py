"""Live streams: a batch is filtered and rendered once for all who see the same, and queued, bounded, for each."""

import asyncio
from collections.abc import Sequence
from typing import Any

from services.notifier.filters import Filter, matches
from services.notifier.fold import Entry
from services.notifier.present import Presenter, classes_of, dumps
from tocsin.codec.text import rfc3339
from tocsin.envelope import Frozen
from tocsin.runtime import positions, sse
from tocsin.runtime.metrics import STREAM_CLIENTS
from tocsin.runtime.sse import Queue
from tocsin.sight import Sight, may_see

QUEUE_BYTES_MAX = 4 * 1024 * 1024
"""What a client may leave unread before it is cut off; it resumes with its last id and misses nothing."""


class View(Frozen, frozen=True):
    """What a stream shows: equal views share their frames."""

    sight: Sight
    want: Filter


class Frame(Frozen, frozen=True):
    """An event as it goes out; `next` is the position after it in its partition."""

    partition: int
    next: int
    body: bytes


class Client(Queue[Frame]):
    """One open stream's queue. `cut` is set where the client was too slow or the service stops."""

    def __init__(self, view: View) -> None:
        super().__init__(QUEUE_BYTES_MAX)
        self.view = view


class Hub:
    """All open streams of this replica. Lives on the event loop; `position` is how far it has published."""

    def __init__(self, presenter: Presenter, partitions: int) -> None:
        self._presenter = presenter
        self._groups: dict[View, set[Client]] = {}
        self.position: list[int] = [0] * partitions
        self.turn = asyncio.Event()
        """Set with the next batch that is published; a fresh one takes its place."""

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return sum(len(g) for g in self._groups.values())

    def join(self, view: View) -> Client:
        """A new stream: from now on it misses nothing."""
        client = Client(view)
        self._groups.setdefault(view, set()).add(client)
        STREAM_CLIENTS.set(self.clients)
        return client

    def leave(self, client: Client) -> None:
        """The stream has ended."""
        group = self._groups.get(client.view)
        if group is not None:
            group.discard(client)
            if not group:
                del self._groups[client.view]
        STREAM_CLIENTS.set(self.clients)

    def watchers(self, agency: str) -> int:
        """How many streams of this agency's own screens are open."""
        return sum(len(g) for view, g in self._groups.items() if f"agency:{agency}" in view.sight.keys)

    def begin(self, at: Sequence[int]) -> None:
        """Publishing goes on from here. Streams that stood elsewhere are cut off: they resume, or are told to reset."""
        if self.position != list(at):
            for client in [c for g in self._groups.values() for c in g]:
                client.cut.set()
            self.position = list(at)

    def publish(self, entries: Sequence[Entry], reached: Sequence[int]) -> None:
        """Sends a batch's events to whom they concern."""
        if self._groups and entries:
            ids = self._ids(entries)
            rendered: dict[tuple[int, Sight], bytes] = {}
            for view, clients in self._groups.items():
                frames = [
                    Frame(e.partition, e.next, self._body(i, e, ids[i], view.sight, rendered))
                    for i, e in enumerate(entries)
                    if concerns(view, e)
                ]
                size = sum(len(f.body) for f in frames)
                for client in clients if frames else ():
                    client.offer(frames, size)
        self.position = list(reached)
        turn, self.turn = self.turn, asyncio.Event()
        turn.set()

    def _ids(self, entries: Sequence[Entry]) -> list[str]:
        at = list(self.position)
        ids = []
        for e in entries:
            at[e.partition] = e.next
            ids.append(positions.encode(at))
        return ids

    def _body(self, index: int, e: Entry, at: str, sight: Sight, rendered: dict[tuple[int, Sight], bytes]) -> bytes:
        # Words look alike to all who share `medical` and `first_of`; keys and regions were judged before.
        alike = Sight(medical=sight.medical, first_of=sight.first_of)
        body = rendered.get((index, alike))
        if body is None:
            body = rendered[index, alike] = frame(self._presenter, e, at, sight)
        return body


def concerns(view: View, e: Entry) -> bool:
    """Whether a stream shows this event."""
    event = e.event
    return may_see(view.sight, event.region, e.keys) and matches(
        view.want, region=event.region, exercise=event.exercise, keys=e.keys, standings=e.standings
    )


def frame(presenter: Presenter, e: Entry, at: str, sight: Sight) -> bytes:
    """One Server-Sent Event."""
    return sse.event(at, e.event.type, dumps(shown(presenter, e, sight)))


def shown(presenter: Presenter, e: Entry, sight: Sight) -> dict[str, Any]:
    """An event as streams and webhooks tell it."""
    event = e.event
    return {
        "event_id": event.event_id,
        "type": event.type,
        "incident_id": e.incident_id or None,
        "version": event.version,
        "region": event.region,
        "occurred_at": rfc3339(event.occurred_at),
        "recorded_at": rfc3339(event.recorded_at),
        "agency_classes": classes_of(e.keys),
        "exercise": event.exercise,
        "actor": {"role": event.actor.role, "agency": event.actor.agency},
        "data": presenter.data(event, sight, e.first_receiver),
    }
