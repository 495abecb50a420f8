"""The read model's file: SQLite in WAL mode, thrown away and folded anew from the log when its shape changes."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA_VERSION = "3"
"""Raise it with every change of the tables or of what is folded into them."""

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (topic TEXT, partition INT, next INT NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE events (
    partition INT, next INT, incident_id TEXT NOT NULL, type TEXT NOT NULL, recorded_at INT NOT NULL,
    before_state TEXT, before_priority INT, after_state TEXT, after_priority INT, raw BLOB NOT NULL,
    PRIMARY KEY (partition, next));
CREATE TABLE event_incidents (
    incident_id TEXT, partition INT, next INT, PRIMARY KEY (incident_id, partition, next)) WITHOUT ROWID;
CREATE TABLE incidents (
    incident_id TEXT PRIMARY KEY, region TEXT NOT NULL, state TEXT NOT NULL, priority INT NOT NULL,
    exercise INT NOT NULL,
    opened_at INT NOT NULL, updated_at INT NOT NULL, review INT NOT NULL, keys TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX incidents_newest ON incidents (opened_at, incident_id);
CREATE INDEX incidents_queue ON incidents (state, priority, opened_at, incident_id);
CREATE TABLE incident_keys (key TEXT, incident_id TEXT, PRIMARY KEY (key, incident_id)) WITHOUT ROWID;
CREATE TABLE calls (
    call_id TEXT PRIMARY KEY, region TEXT NOT NULL, line TEXT NOT NULL, recorded_at INT NOT NULL, body BLOB NOT NULL);
CREATE TABLE reveals (
    call_id TEXT, subject TEXT, recorded_at INT NOT NULL, PRIMARY KEY (call_id, subject)) WITHOUT ROWID;
CREATE TABLE deliveries (
    event_id TEXT PRIMARY KEY, cause_id TEXT NOT NULL, incident_id TEXT NOT NULL, times INT NOT NULL,
    raw BLOB NOT NULL);
CREATE TABLE webhooks (webhook_id TEXT PRIMARY KEY, region TEXT NOT NULL, agency TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE webhook_positions (
    webhook_id TEXT, partition INT, next INT NOT NULL, PRIMARY KEY (webhook_id, partition)) WITHOUT ROWID;
CREATE INDEX deliveries_incident ON deliveries (incident_id);
"""


class Store:
    """One writer (the fold) and a reading connection for each thread."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._generation = 0
        self.writer = self._open()

    def _open(self) -> sqlite3.Connection:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        db = self._connect()
        tables = {r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        held = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() if "meta" in tables else None
        if held == (SCHEMA_VERSION,):
            return db
        db.close()
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        db = self._connect()
        db.executescript(f"BEGIN; {_SCHEMA} INSERT INTO meta VALUES ('schema', '{SCHEMA_VERSION}'); COMMIT;")  # noqa: S608 - ours
        return db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.file, check_same_thread=False, isolation_level=None, timeout=10)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -32000")
        return db

    def reset(self) -> None:
        """Empties it: the log it was folded from is not the log there is."""
        self.writer.execute("UPDATE meta SET value = 'void' WHERE name = 'schema'")
        self.close()
        self.writer = self._open()

    def close(self) -> None:
        """Closes all connections."""
        self._generation += 1
        for db in (self.writer, *self._opened):
            db.close()
        self._opened.clear()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the file, for this thread."""
        if getattr(self._local, "generation", -1) != self._generation:
            self._local.db = self._connect()
            self._local.generation = self._generation
            self._opened.append(self._local.db)
        db: sqlite3.Connection = self._local.db
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: rows and positions together, or neither."""
        self.writer.execute("BEGIN IMMEDIATE")
        try:
            yield self.writer
        except BaseException:
            self.writer.execute("ROLLBACK")
            raise
        self.writer.execute("COMMIT")
