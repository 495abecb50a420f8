"""The key table in any database SQLAlchemy 2 reaches through an async driver, e.g. `postgresql+asyncpg://…`."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tocsin.sealing.store import chunks, now_ms

_META = MetaData()
_KEYS = Table(
    "tocsin_keys",
    _META,
    Column("subject", String(200), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
_DESTROYED = Table(
    "tocsin_keys_destroyed",
    _META,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
)
_TIMEOUT_S = 10
T = TypeVar("T")


class SqlStore:
    """Keys in a shared database. Its engine lives on a loop and thread of its own, so that any thread may ask."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tocsin-keys-sql", daemon=True)
        self._thread.start()
        self._engine: AsyncEngine = create_async_engine(url, pool_pre_ping=True)
        self._run(self._create())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_S)

    async def _create(self) -> None:
        try:
            await self._make_tables()
        except (IntegrityError, ProgrammingError):
            await self._make_tables()  # another replica made them between our looking and our making

    async def _make_tables(self) -> None:
        async with self._engine.begin() as db:
            await db.run_sync(_META.create_all)

    def load(self, subjects: Iterable[str]) -> dict[str, bytes]:
        """See `KeyStore`."""
        return self._run(self._load(list(subjects)))

    async def _load(self, subjects: Iterable[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        async with self._engine.connect() as db:
            for part in chunks(subjects):
                rows = await db.execute(select(_KEYS.c.subject, _KEYS.c.wrapped).where(_KEYS.c.subject.in_(part)))
                found.update({s: bytes(w) for s, w in rows.all()})
        return found

    def add(self, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
        """See `KeyStore`."""
        return self._run(self._add(fresh))

    async def _add(self, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
        known = await self._load(fresh)
        rows = [{"subject": s, "wrapped": k, "made_at": now_ms()} for s, k in fresh.items() if s not in known]
        if not rows:
            return known
        try:
            async with self._engine.begin() as db:
                await db.execute(insert(_KEYS), rows)
        except IntegrityError:
            # Another process made one of these keys in the same moment: one by one, keeping whichever was first.
            for row in rows:
                await self._add_one(row)
        return known | await self._load(r["subject"] for r in rows)  # type: ignore[misc]  # subject is text in each row

    async def _add_one(self, row: dict[str, object]) -> None:
        try:
            async with self._engine.begin() as db:
                await db.execute(insert(_KEYS), row)
        except IntegrityError:
            return

    def destroy(self, subject: str) -> bool:
        """See `KeyStore`. What the database keeps of deleted rows (backups) is its operator's matter (ADR 3)."""
        return self._run(self._destroy(subject))

    async def _destroy(self, subject: str) -> bool:
        async with self._engine.begin() as db:
            found = await db.execute(delete(_KEYS).where(_KEYS.c.subject == subject))
            await db.execute(insert(_DESTROYED), {"subject": subject, "at": now_ms()})
            return bool(found.rowcount)

    def destroyed_since(self, seen: int) -> tuple[int, list[str]]:
        """See `KeyStore`."""
        return self._run(self._destroyed_since(seen))

    async def _destroyed_since(self, seen: int) -> tuple[int, list[str]]:
        asked = select(_DESTROYED.c.n, _DESTROYED.c.subject).where(_DESTROYED.c.n > seen).order_by(_DESTROYED.c.n)
        async with self._engine.connect() as db:
            rows = (await db.execute(asked)).all()
        return (rows[-1][0] if rows else seen), [r[1] for r in rows]

    def close(self) -> None:
        """See `KeyStore`."""
        self._run(self._engine.dispose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT_S)
        self._loop.close()
