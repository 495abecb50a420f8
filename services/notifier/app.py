"""Wiring: settings → store, keys, policy, feed, routes. The only place where the parts of the notifier meet."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from starlette.responses import Response

from services.notifier import api, pages, proxy, session, webhooks
from services.notifier.api import Board, Reader
from services.notifier.courier import Courier
from services.notifier.deliveries import Clerk
from services.notifier.feed import FOLLOWED, Feed
from services.notifier.filters import Filter, asked
from services.notifier.fold import Fold
from services.notifier.hub import Hub, View
from services.notifier.openapi import answers, publish
from services.notifier.outward import Outward, networks
from services.notifier.present import Presenter
from services.notifier.store import Store
from services.notifier.stream import Streams
from tocsin import __version__
from tocsin.log.kafka import KafkaFollower, KafkaProducer
from tocsin.policy.standing import Standing
from tocsin.runtime.clock import Clock
from tocsin.runtime.security import load_secret
from tocsin.runtime.settings import Settings
from tocsin.runtime.sse import StreamResponse
from tocsin.runtime.vital import Vital
from tocsin.runtime.web import create_app
from tocsin.sealing.keyring import Keyring


class Notifier:
    """One replica."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.stop = settings, asyncio.Event()
        self.vital = Vital(self.stop.set)
        self.standing = Standing(settings, __version__)
        self.policy = self.standing.present
        self.keyring = Keyring.open(settings)
        self.clock = Clock(settings.clock, settings.data_dir / "clock.json")
        self.store = Store(settings.data_dir / f"notifier-{settings.slot}.db")
        self.presenter = Presenter(self.policy, self.keyring)
        self.hub = Hub(self.presenter, settings.partitions)
        self.producer = KafkaProducer(settings)
        self.feed = Feed(
            Fold(self.store),
            self.hub,
            lambda: KafkaFollower(settings, FOLLOWED),
            self.producer,
            self.clock,
            settings.partitions,
        )
        self.streams = Streams(self.store, self.hub, self.presenter, settings.partitions, self.feed.ends)
        self.clerk = Clerk(settings, self.store, self.hub, self.feed, self.producer, self.clock)
        self.ranges = networks(settings.webhook_networks)
        self.courier = Courier(
            settings, self.store, self.hub, self.clerk, self.presenter, self.policy, self.producer, self.clock,
            Outward(self.ranges, timeout_s=settings.webhook_timeout_s),
        )  # fmt: skip
        self.intake = proxy.intake(settings.intake_url or f"http://127.0.0.1:{settings.port + 1}")
        self.ems = proxy.ems(settings.ems_url or f"http://127.0.0.1:{settings.port + 2}")
        self.standing.followers += [self.presenter.follow, self.courier.follow]

    @contextlib.asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """The app's lifespan: follows the log while it serves."""
        self.vital.start(*(run(self.stop) for run in (self.feed.run, self.clerk.run, self.courier.run)))
        standing = Vital(self.stop.set)
        standing.start(self.standing.run())
        try:
            yield
        finally:
            self.stop.set()
            await standing.stop()
            await self.vital.stop(within_s=6)
            await self.producer.stop()
            await self.intake.aclose()
            await self.ems.aclose()
            self.store.close()
            self.keyring.close()


def build(settings: Settings) -> tuple[FastAPI, Notifier]:
    """The app and its parts."""
    notifier = Notifier(settings)
    secret = load_secret(settings.secret_file or settings.secrets_dir / "token.key")
    app = create_app(
        "notifier", secret=secret, ready=[notifier.feed.ready, lambda: notifier.vital.fault],
        warn=[notifier.standing.warning],
    )  # fmt: skip
    app.router.lifespan_context = notifier.running
    app.add_middleware(session.SameOrigin)
    app.include_router(session.routes(secret, hours=settings.token_hours))
    board = Board(notifier.store, notifier.presenter, notifier.policy, notifier.clock)
    notifier.standing.followers.append(board.follow)
    app.include_router(api.routes(board))
    app.include_router(
        webhooks.routes(
            webhooks.Office(
                board, notifier.hub, notifier.producer, notifier.keyring, notifier.ranges, settings.partitions
            )
        )
    )
    _stream(app, notifier, board)
    app.include_router(proxy.routes(notifier.intake, notifier.ems, notifier.stop))
    publish(app)
    pages.mount(app)
    return app, notifier


def _stream(app: FastAPI, notifier: Notifier, board: Board) -> None:
    @app.get(
        "/v1/stream", tags=["stream"], response_class=Response, responses=answers("", 422, media="text/event-stream")
    )
    async def stream(
        request: Request,
        who: Reader,
        want: Annotated[Filter, Depends(asked)],
        last_event_id: Annotated[str, Header(max_length=2000)] = "",
    ) -> Response:
        """Server-Sent Events: a snapshot, or with `Last-Event-ID` what was missed, then every event one may see."""
        del request
        client = notifier.hub.join(View(board.sight(who), want))
        chunks = notifier.streams.chunks(client, last_event_id)
        return StreamResponse(chunks, cut=client.cut, stop=notifier.stop, leave=lambda: notifier.hub.leave(client))
