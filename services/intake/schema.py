"""The index's tables. A cache of the log: deleting the file costs a fold from the first record, nothing else."""

import sqlite3
from pathlib import Path

VERSION = 7
"""Raised where the tables or what is put into them change: an older file is thrown away and folded anew."""

_TABLES = """
CREATE TABLE calls (
    call_id TEXT PRIMARY KEY, region TEXT NOT NULL, lane TEXT NOT NULL, body_hash TEXT NOT NULL, value BLOB NOT NULL,
    line TEXT NOT NULL DEFAULT '',
    recorded_at INTEGER NOT NULL, answered_at INTEGER NOT NULL, durability TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'recorded', disposition TEXT, incident_ids TEXT NOT NULL DEFAULT '[]',
    kind TEXT, priority INTEGER, decided_as TEXT NOT NULL DEFAULT 'decided'
) WITHOUT ROWID;
CREATE TABLE incidents (
    incident_id TEXT PRIMARY KEY, region TEXT NOT NULL, lane TEXT NOT NULL, agencies TEXT NOT NULL DEFAULT '[]',
    calls TEXT NOT NULL DEFAULT '[]', lines TEXT NOT NULL DEFAULT '[]', first_receiver TEXT NOT NULL DEFAULT '',
    units TEXT NOT NULL DEFAULT '[]', parts TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL DEFAULT 'open', steps TEXT NOT NULL DEFAULT '[]', review INTEGER NOT NULL DEFAULT 0,
    exercise INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE tasks (task_id TEXT PRIMARY KEY, incident_id TEXT NOT NULL, agency TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE commands (
    command_id TEXT PRIMARY KEY, region TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 0, events TEXT NOT NULL DEFAULT '[]',
    recorded_at INTEGER NOT NULL, sender TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX commands_by_time ON commands (recorded_at);
CREATE INDEX calls_by_time ON calls (recorded_at);
CREATE TABLE positions (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
"""


def open_index(file: Path) -> sqlite3.Connection:
    """The writer's connection; makes the tables, or makes them anew where they are another version's or unreadable."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        db = connect(file)
        if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            return db
        db.close()
    except sqlite3.DatabaseError:
        pass
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    db = connect(file)
    db.executescript(_TABLES)
    db.execute(f"PRAGMA user_version = {VERSION}")
    return db


def connect(file: Path) -> sqlite3.Connection:
    """A connection. synchronous=NORMAL: after a power cut the last batches are folded again from the log."""
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        db.execute(f"PRAGMA {pragma}")
    return db
