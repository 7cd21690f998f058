"""The SQLite file behind a manifest: its table, its statements, its transactions, its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from condyle.errors import DataError

#: Marks our files among other SQLite files: "cndl".
APPLICATION = 0x636E646C
VERSION = 2
#: How long one waits for another's transaction.
_PATIENCE_S = 60.0

_TABLES = (
    """CREATE TABLE tasks (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, command TEXT NOT NULL, out TEXT NOT NULL,
    memory_gib REAL NOT NULL, kept INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0, worker TEXT, heartbeat REAL, started REAL, ended REAL, code INTEGER,
    error TEXT NOT NULL DEFAULT '', printed TEXT NOT NULL DEFAULT '', seconds REAL, cpu_s REAL, peak_gib REAL,
    energy_kj REAL)""",
    "CREATE INDEX next ON tasks (state, attempts, number)",
    "CREATE INDEX beats ON tasks (heartbeat) WHERE state = 'running'",
    "CREATE TABLE facts (host TEXT NOT NULL, attempts INTEGER NOT NULL, lost_s REAL NOT NULL)",
    "INSERT INTO facts VALUES ('', 0, 0)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)

ADD = "INSERT INTO tasks (command, out, memory_gib, kept, id) VALUES (?, ?, ?, ?, ?)"
AGAIN = "UPDATE tasks SET command = ?, out = ?, memory_gib = ?, kept = ?, state = 'waiting', attempts = 0 WHERE id = ?"
CLAIM = """UPDATE tasks SET state = 'running', attempts = attempts + 1, worker = ?, heartbeat = ?, started = ?
    WHERE number = (SELECT number FROM tasks WHERE state = 'waiting' ORDER BY attempts, number LIMIT 1)
    RETURNING id, command, out, memory_gib, kept, attempts"""
LOST = """UPDATE tasks INDEXED BY beats SET state = CASE WHEN attempts >= ? THEN 'aside' ELSE 'waiting' END,
    error = 'its worker ' || worker || ' was lost' WHERE state = 'running' AND heartbeat < ?"""
GONE = """UPDATE tasks SET state = CASE WHEN attempts >= ? THEN 'aside' ELSE 'waiting' END,
    error = 'its worker ' || worker || ' was lost' WHERE state = 'running' AND worker = ?"""
GIVE_BACK = "UPDATE tasks SET state = 'waiting', attempts = attempts - 1 WHERE state = 'running' AND worker = ?"
#: The last three are only for who holds the claim: its task, worker and attempt.
BEAT = "UPDATE tasks SET heartbeat = ? WHERE id = ? AND worker = ? AND attempts = ? AND state = 'running'"
RELEASE = """UPDATE tasks SET state = 'waiting', attempts = attempts - 1
    WHERE id = ? AND worker = ? AND attempts = ? AND state = 'running'"""
END = """UPDATE tasks SET state = ?, ended = ?, code = ?, error = ?, printed = ?, seconds = ?, cpu_s = ?, peak_gib = ?,
    energy_kj = ?
    WHERE id = ? AND worker = ? AND attempts = ? AND state = 'running'"""


def make(path: Path, *, shared: bool, facts: tuple[str, int, float]) -> None:
    """Make a manifest if there is none, and set its facts (host, attempts, lost_s) and its way of writing.

    Raises:
        DataError: if the file is something else, or cannot be written.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connected(path)) as db:
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                require_manifest(path, db)
            db.execute(f"PRAGMA journal_mode = {'DELETE' if shared else 'WAL'}")
            with transaction(db):
                if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    for statement in _TABLES:
                        db.execute(statement)
                db.execute("UPDATE facts SET host = ?, attempts = ?, lost_s = ?", facts)


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a manifest.

    Raises:
        DataError: if there is none, or the file is something else.
    """
    if not path.is_file():
        raise DataError(path, expected="a manifest of tasks", got="no file of that name")
    with explained(path):
        db = _connected(path)
        require_manifest(path, db)
        # In WAL mode a power cut may forget the last claims but never breaks the file: results that are there are
        # found again.
        db.execute(f"PRAGMA synchronous = {'NORMAL' if is_fast(db) else 'FULL'}")
    return db


def is_fast(db: sqlite3.Connection) -> bool:
    """Whether the file is in WAL mode, which only one machine may use."""
    return bool(db.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def require_manifest(path: Path, db: sqlite3.Connection) -> None:
    """Raise a `DataError`, and close the file, if it is not a manifest of this version."""
    marks = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if marks != [APPLICATION, VERSION]:
        db.close()
        raise DataError(path, expected=f"a manifest of version {VERSION}", got=f"another SQLite file, marked {marks}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the block's changes or none, with nobody else's in between."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has rolled back already
            db.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors as a `DataError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise DataError(
            path,
            expected="a manifest of tasks that can be read and written",
            got=str(error),
            hint="Is the disk full, or the file something else? The same command goes on from what is done.",
        ) from error


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
