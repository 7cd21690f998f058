"""The list of tasks in one SQLite file, and who works on which.

Every change is one transaction, so a task has one worker at a time, whatever is killed at whatever moment. On one
machine the file is in WAL mode, which is fast and which SQLite does not support between machines. A shared manifest
has a rollback journal instead: as safe as the shared disk's file locks are (NFS version 4, Lustre with `flock`, GPFS
and CephFS have them; many SMB mounts do not), and slower. Without such a disk, a Dask scheduler hands out the tasks
and only the submitting process opens the manifest.

A heartbeat is compared by the clock of whoever claims, so the clocks of the machines must agree to well within
`lost_s`.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from condyle.errors import ConfigError
from condyle.io.remote import is_address
from condyle.jobs.database import (
    ADD,
    AGAIN,
    BEAT,
    CLAIM,
    END,
    GIVE_BACK,
    GONE,
    LOST,
    RELEASE,
    explained,
    is_fast,
    make,
    opened,
    transaction,
)
from condyle.jobs.task import Ran, Task


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a task.

    Args:
        task: What to run.
        worker: Who holds it.
        attempt: The how-manieth try it is, from 1; with the worker's name it tells this claim from any other.
    """

    task: Task
    worker: str
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """One task, as the manifest has it.

    Args:
        id: The task.
        state: waiting, running, done, or aside (it failed too often).
        attempts: How often it was begun.
        code: Exit code of the last try; None before the first ended.
        error: Why the last try failed.
        printed: What the command wrote to standard output.
        seconds: Wall time of the last try.
        cpu_s: Its time on processors.
        peak_gib: Its largest resident memory.
        energy_kj: Of the whole machine meanwhile; None where it tells nothing.
    """

    id: str
    state: str
    attempts: int
    code: int | None
    error: str
    printed: str
    seconds: float | None
    cpu_s: float | None
    peak_gib: float | None
    energy_kj: float | None


class Manifest:
    """An open manifest. Each process, and each thread, opens its own.

    Args:
        path: The file, which must be there; `Manifest.make` makes one.

    Raises:
        DataError: if there is no such file, or it is no manifest.
        ConfigError: if it was made on another machine and not as a shared one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = opened(path)
        with explained(path):
            host, self.attempts, self.lost_s = self._db.execute("SELECT host, attempts, lost_s FROM facts").fetchone()
            fast = is_fast(self._db)
        here = socket.gethostname()
        if fast and host != here:
            self._db.close()
            raise ConfigError(
                path,
                expected=f"to be used on {host} alone, where it was made",
                got=f"this machine, {here}",
                hint="Run the command that made it again with --shared, or use a Dask scheduler.",
            )

    @classmethod
    def make(cls, path: Path, *, shared: bool = False, attempts: int = 3, lost_s: float = 60.0) -> Self:
        """Open the manifest, and make it first if it is not there; what is asked for holds from now on.

        Args:
            path: The file.
            shared: It lies on a disk that other machines use, too.
            attempts: How often a task may fail before it is set aside.
            lost_s: Seconds without a heartbeat after which a claim is lost.

        Raises:
            DataError: if the file is something else, or cannot be written.
        """
        make(path, shared=shared, facts=(socket.gethostname(), attempts, lost_s))
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def add(self, tasks: Iterable[Task]) -> None:
        """Put tasks on the list. What is done stays done, unless its result is gone or its command has changed.

        Tasks that were set aside wait again. Where commands replace results (`--overwrite`) and all of a manifest
        has ended, it begins anew.

        Raises:
            ConfigError: if a task is being worked on with another command.
        """
        with self._changing() as db:
            db.execute(LOST, (self.attempts, time.time() - self.lost_s))
            known = {row[0]: row[1:] for row in db.execute("SELECT id, command, state FROM tasks")}
            finished = all(state in ("done", "aside") for _, state in known.values())
            for task in tasks:
                row = (json.dumps(task.command), task.out, task.memory_gib, task.kept)
                command, state = known.get(task.id, ("", ""))
                if not command:
                    db.execute(ADD, (*row, task.id))
                elif command != row[0] and state == "running":
                    raise ConfigError(
                        self.path,
                        expected=f"the command that {task.id} is worked on with: {' '.join(json.loads(command))}",
                        got=" ".join(task.command),
                        hint="Wait for it to end, or name another manifest.",
                    )
                elif command != row[0] or state == "aside" or (state == "done" and _to_redo(task, finished)):
                    db.execute(AGAIN, (*row, task.id))

    def claim(self, worker: str) -> Claim | None:
        """The next task, which is now this worker's; None if none is waiting.

        Tasks that have failed come after those that have not.
        """
        now = time.time()
        with self._changing() as db:
            db.execute(LOST, (self.attempts, now - self.lost_s))
            rows = db.execute(CLAIM, (worker, now, now)).fetchall()
        for id_, command, out, memory_gib, kept, attempt in rows:
            return Claim(Task(id_, tuple(json.loads(command)), out, memory_gib, bool(kept)), worker, attempt)
        return None

    def beat(self, claims: Sequence[Claim]) -> list[Claim]:
        """Say that claims are being worked on. Gives back those that still hold; others have gone to someone else."""
        with self._changing() as db:
            now = time.time()
            return [claim for claim in claims if db.execute(BEAT, (now, *_key(claim))).rowcount]

    def end(self, claim: Claim, ran: Ran, *, final: bool = False) -> bool:
        """Note how a task went: done, or to be tried again, or set aside after too many failures or a `final` one.

        Returns:
            Whether the claim still held; if not, nothing is noted, as the task is another worker's.
        """
        state = "done" if ran.ok else "aside" if final or claim.attempt >= self.attempts else "waiting"
        facts = (time.time(), ran.code, ran.error, ran.printed, ran.seconds, ran.cpu_s, ran.peak_gib, ran.energy_kj)
        with self._changing() as db:
            return db.execute(END, (state, *facts, *_key(claim))).rowcount > 0

    def release(self, claim: Claim) -> None:
        """Give a task back untried, as when a scheduler has forgotten it."""
        with self._changing() as db:
            db.execute(RELEASE, _key(claim))

    def give_back(self, worker: str) -> None:
        """Give back untried all that a worker holds, as when the user stops the work.

        By the worker's name, as Ctrl-C may come between a claim and the moment the worker knows of it.
        """
        with self._changing() as db:
            db.execute(GIVE_BACK, (worker,))

    def give_up(self, worker: str) -> None:
        """Take back what a worker holds that is known to be gone. It counts as a failure, as the task may be why."""
        with self._changing() as db:
            db.execute(GONE, (self.attempts, worker))

    def counts(self) -> dict[str, int]:
        """Number of tasks by state."""
        with explained(self.path):
            found = dict(self._db.execute("SELECT state, count(*) FROM tasks GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in ("waiting", "running", "done", "aside")}

    def largest_gib(self) -> float:
        """The largest memory that a task yet to be done is known to need."""
        with explained(self.path):
            rows = self._db.execute("SELECT max(memory_gib) FROM tasks WHERE state IN ('waiting', 'running')")
            return float(rows.fetchone()[0] or 0)

    def begun(self) -> int:
        """How many tries there were, of all tasks together."""
        with explained(self.path):
            return int(self._db.execute("SELECT coalesce(sum(attempts), 0) FROM tasks").fetchone()[0])

    def seconds_left(self) -> float | None:
        """How long the rest takes at the pace so far, from the mean time of a task and the workers at work.

        None before a first task is done, or while no worker is at work.
        """
        counts = self.counts()
        with explained(self.path):
            mean_s = self._db.execute("SELECT avg(seconds) FROM tasks WHERE state = 'done'").fetchone()[0]
        if mean_s is None or not counts["running"]:
            return None
        return float(mean_s) * (counts["waiting"] + counts["running"] / 2) / counts["running"]

    def outcomes(self) -> list[Outcome]:
        """Every task, in the order of the list."""
        columns = ", ".join(Outcome.__dataclass_fields__)
        with explained(self.path):
            rows = self._db.execute(f"SELECT {columns} FROM tasks ORDER BY number")  # noqa: S608 - our own names
            return [Outcome(*row) for row in rows]

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with explained(self.path), transaction(self._db):
            yield self._db


def _key(claim: Claim) -> tuple[str, str, int]:
    return claim.task.id, claim.worker, claim.attempt


def _to_redo(task: Task, finished: bool) -> bool:
    """Whether a task that was done is to be done again."""
    gone = bool(task.out) and not is_address(task.out) and not Path(task.out).exists()
    return gone or (task.anew and finished)
