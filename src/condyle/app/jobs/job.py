"""A job, and where it is."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from condyle.errors import DataError

#: `attention`: done, but something wants to be looked at. `lost`: its process ended without a word, e.g. with the
#: machine. The last five are final.
State = Literal["queued", "running", "done", "attention", "failed", "cancelled", "lost"]

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT NOT NULL, title TEXT NOT NULL, place TEXT NOT NULL,
    lane TEXT NOT NULL, asked TEXT NOT NULL, steps TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL,
    started REAL, ended REAL, pid INTEGER, born REAL, stop_asked REAL, error TEXT
)
"""

#: How long one waits for another thread's transaction.
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Planned:
    """A job that can be put in the queue.

    Args:
        title: In words. It holds no name of a case.
        place: The key of what it is about.
        lane: Jobs of one lane run one after the other.
        steps: The words behind `condyle`, one list a step.
    """

    title: str
    place: str
    lane: str
    steps: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Job:
    """One row.

    Args:
        id: Its number.
        verb: The main verb.
        title: In words, for people.
        place: The key of the dataset or model it is about.
        lane: Jobs of one lane run one after the other.
        asked: What the page asked for, so that it can be asked again.
        steps: The commands, the words behind `condyle`.
        state: Where it is.
        created: Seconds since 1970, like the two below.
        started: When it began.
        ended: When it was over.
        pid: Of the process that runs the steps.
        born: When that process began, in seconds; with `pid` it tells it from any other.
        stop_asked: When it was asked to stop.
        error: Why it failed, or what else there is to know once it is over, in words.
    """

    id: int
    verb: str
    title: str
    place: str
    lane: str
    asked: dict[str, Any]
    steps: tuple[tuple[str, ...], ...]
    state: State
    created: float
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    born: float | None = None
    stop_asked: float | None = None
    error: str | None = None


class Table:
    """The jobs of a workspace, in one SQLite file. Each call is a transaction of its own; any thread may call.

    Args:
        path: The file; made if it is not there.

    Raises:
        DataError: if it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(_TABLE)

    def add(self, verb: str, plan: Planned, asked: dict[str, Any]) -> Job:
        """Put a job in the queue."""
        words = (verb, plan.title, plan.place, plan.lane, json.dumps(asked), json.dumps(plan.steps))
        with self._open() as db:
            row = db.execute(
                "INSERT INTO jobs (verb, title, place, lane, asked, steps, state, created) "
                "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?) RETURNING id",
                (*words, time.time()),
            ).fetchone()
        return self[row["id"]]

    def __getitem__(self, id_: int) -> Job:
        found = self.get(id_)
        if found is None:
            raise KeyError(id_)
        return found

    def get(self, id_: int) -> Job | None:
        """A job, or None."""
        found = self._jobs("WHERE id = ?", id_)
        return found[0] if found else None

    def newest(self, count: int = 200) -> list[Job]:
        """Jobs, the newest first."""
        return self._jobs("ORDER BY id DESC LIMIT ?", count)

    def in_state(self, state: State) -> list[Job]:
        """Jobs in a state, the oldest first."""
        return self._jobs("WHERE state = ? ORDER BY id", state)

    def begun(self, id_: int, pid: int, born: float) -> None:
        """A process runs the job."""
        self._set(id_, "state = 'running', started = ?, pid = ?, born = ?", time.time(), pid, born)

    def stop_asked(self, id_: int) -> None:
        """Somebody wants it to stop. A job that has not begun never will."""
        self._set(id_, "stop_asked = coalesce(stop_asked, ?)", time.time())
        with self._open() as db:
            db.execute("UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued'",
                       (time.time(), id_))  # fmt: skip

    def over(self, id_: int, state: State, error: str | None = None) -> None:
        """It has ended."""
        self._set(id_, "state = ?, ended = ?, error = ?", state, time.time(), error)

    def _set(self, id_: int, what: str, *values: Any) -> None:
        with self._open() as db:
            db.execute(f"UPDATE jobs SET {what} WHERE id = ?", (*values, id_))  # noqa: S608 - our own words

    def _jobs(self, which: str, *values: Any) -> list[Job]:
        with self._open() as db:
            rows = db.execute(f"SELECT * FROM jobs {which}", values).fetchall()  # noqa: S608 - our own words
        return [_job(row) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE_S)) as db, db:
                db.row_factory = sqlite3.Row
                yield db
        except sqlite3.Error as error:
            raise DataError(
                self._path, expected="the table of jobs", got=str(error), hint="Is the disk full, or read-only?"
            ) from error


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["asked"] = json.loads(values["asked"])
    values["steps"] = tuple(tuple(step) for step in json.loads(values["steps"]))
    return Job(**values)
