"""Where the subjects' keys lie: a small table, and the list of subjects whose key was destroyed."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

_CHUNK = 500
"""Subjects per query, below SQLite's limit of 999 variables of old builds."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    subject TEXT PRIMARY KEY, wrapped BLOB NOT NULL, made_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS destroyed (n INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, at INTEGER NOT NULL);
"""


class KeyStore(Protocol):
    """Blocking calls, each safe from any thread. Keys are wrapped: the table alone opens nothing."""

    def load(self, subjects: Iterable[str]) -> dict[str, bytes]:
        """The wrapped keys of those subjects that have one."""

    def add(self, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
        """Keeps a key for each subject that has none, on disk at return; answers the key that counts for each."""

    def destroy(self, subject: str) -> bool:
        """Deletes the key for good; whether there was one."""

    def destroyed_since(self, seen: int) -> tuple[int, list[str]]:
        """The subjects destroyed after entry `seen`, by any process, and the newest entry."""

    def close(self) -> None:
        """Lets go of the connections."""


def chunks(items: Iterable[str]) -> Iterator[list[str]]:
    """The items in lists that one query can take."""
    held = list(dict.fromkeys(items))
    for i in range(0, len(held), _CHUNK):
        yield held[i : i + _CHUNK]


def now_ms() -> int:
    """The machine's time: when a key was made is no matter of the county's clock."""
    return time.time_ns() // 1_000_000


class SqliteStore:
    """Keys in one SQLite file: WAL, synchronous=FULL, overwritten when deleted. Several processes may share it."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            file.touch(mode=0o600)
        self._write = self._connect(file)
        self._write.executescript(_SCHEMA)
        self._read = self._connect(file)
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()

    @staticmethod
    def _connect(file: Path) -> sqlite3.Connection:
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=10000"):
            db.execute(f"PRAGMA {pragma}")
        return db

    def load(self, subjects: Iterable[str]) -> dict[str, bytes]:
        """See `KeyStore`."""
        with self._read_lock:
            return _select(self._read, subjects)

    def add(self, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
        """See `KeyStore`."""
        with self._write_lock:
            known = _select(self._write, fresh)
            rows = [(s, k, now_ms()) for s, k in fresh.items() if s not in known]
            if not rows:
                return known
            with _transaction(self._write):
                self._write.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", rows)
            # Read back: another process may have been first, and then its key is the one that counts.
            return known | _select(self._write, (r[0] for r in rows))

    def destroy(self, subject: str) -> bool:
        """See `KeyStore`. The write-ahead log, which would still hold the old page, is emptied too."""
        with self._write_lock:
            with _transaction(self._write):
                found = self._write.execute("DELETE FROM keys WHERE subject = ?", (subject,)).rowcount > 0
                self._write.execute("INSERT INTO destroyed (subject, at) VALUES (?, ?)", (subject, now_ms()))
            self._write.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return found

    def destroyed_since(self, seen: int) -> tuple[int, list[str]]:
        """See `KeyStore`."""
        with self._read_lock:
            rows = self._read.execute("SELECT n, subject FROM destroyed WHERE n > ? ORDER BY n", (seen,)).fetchall()
        return (rows[-1][0] if rows else seen), [r[1] for r in rows]

    def close(self) -> None:
        """See `KeyStore`."""
        with self._write_lock, self._read_lock:
            self._write.close()
            self._read.close()


def _select(db: sqlite3.Connection, subjects: Iterable[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in chunks(subjects):
        marks = ",".join("?" * len(part))
        query = f"SELECT subject, wrapped FROM keys WHERE subject IN ({marks})"  # noqa: S608 - question marks only
        found.update(db.execute(query, part).fetchall())
    return found


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
