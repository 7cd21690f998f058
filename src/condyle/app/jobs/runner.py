"""Starts what is queued, watches what runs, and finds again what ran while no server did."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from condyle.app.jobs import log as logs
from condyle.app.jobs.child import END, LOG, STEPS, STOPPED, step_file
from condyle.app.jobs.job import Job, State, Table
from condyle.app.jobs.outcome import bare, outcome
from condyle.errors import CondyleError

log = logging.getLogger("condyle")

#: How often the table is looked at.
LOOK_S = 0.3

#: A job that is asked to stop is told so again, more and more firmly, after these seconds.
_FIRMER_S = ((0.0, signal.SIGINT), (20.0, signal.SIGTERM), (40.0, signal.SIGKILL))


class Runner:
    """The jobs of a workspace, at most one at a time in each lane.

    Args:
        folder: Where the table and the jobs' own folders are.
        ended: Called with each job that has ended.
    """

    def __init__(self, folder: Path, ended: Callable[[Job], None] = lambda job: None) -> None:
        self.folder = folder
        self.table = Table(folder / "jobs.sqlite")
        self._ended = ended
        self._over = threading.Event()
        self._told: dict[int, signal.Signals] = {}
        self._own: dict[int, subprocess.Popen[bytes]] = {}
        self._thread = threading.Thread(target=self._watch, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Watch no more. Jobs that run go on, and are found by the next runner."""
        self._over.set()
        self._thread.join()

    def place(self, job: Job) -> Path:
        """A job's folder."""
        return self.folder / str(job.id)

    def look(self) -> None:
        """Note what has ended, stop what is to stop, start what can start."""
        running = [job for job in self.table.in_state("running") if not self._finished(job)]
        for job in running:
            if job.stop_asked is not None:
                self._stop(job, time.time() - job.stop_asked)
        busy = {job.lane for job in running}
        for job in self.table.in_state("queued"):
            if job.lane not in busy:
                self._begin(job)
                busy.add(job.lane)

    def told(self, job: Job) -> dict[str, Any]:
        """A job as plain data, with its progress and results."""
        lines = logs.tail(self.place(job) / LOG) if job.state == "running" else []
        return {
            "id": job.id,
            "verb": job.verb,
            "title": job.title,
            "place": job.place,
            "state": job.state,
            "stopping": job.state == "running" and job.stop_asked is not None,
            "asked": job.asked,
            "created": job.created,
            "started": job.started,
            "ended": job.ended,
            "progress": logs.progress(lines),
            "error": job.error,
        }

    def results(self, job: Job) -> list[Any]:
        """What the steps printed, as far as they have ended."""
        out = []
        for number in range(len(job.steps)):
            try:
                out.append(json.loads(step_file(self.place(job), number).read_text(encoding="utf-8")))
            except (OSError, ValueError):
                break
        return out

    def _watch(self) -> None:
        while not self._over.is_set():
            try:
                self.look()
            except (CondyleError, OSError) as error:
                log.error("jobs: %s", error)
            self._over.wait(LOOK_S)

    def _begin(self, job: Job) -> None:
        folder = self.place(job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STEPS).write_text(json.dumps(job.steps), encoding="utf-8")
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "condyle.app.jobs.child", str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._own[process.pid] = process
        self.table.begun(job.id, process.pid, _born(process.pid) or 0)

    def _finished(self, job: Job) -> bool:
        """Whether a job has ended; if so, that is noted."""
        end = self.place(job) / END
        alive = self._alive(job)
        if not end.is_file():
            if alive:
                return False
            self._close(job, "cancelled" if job.stop_asked else "lost", "Its process ended without a word.")
            return True
        code = json.loads(end.read_text(encoding="utf-8"))["code"]
        states: dict[int, State] = {0: "done", 1: "attention", STOPPED: "cancelled"}
        state = states.get(code, "failed")
        self._close(job, state, self._words(job, state))
        return True

    def _words(self, job: Job, state: State) -> str | None:
        """Why it failed, or what else there is to know."""
        if state != "failed":
            return outcome([result for result in self.results(job) if isinstance(result, dict)])
        said = logs.words(logs.tail(self.place(job) / LOG))
        return bare(said[-1]) if said else None

    def _close(self, job: Job, state: State, error: str | None) -> None:
        self.table.over(job.id, state, error)
        self._ended(self.table[job.id])

    def _alive(self, job: Job) -> bool:
        assert job.pid is not None  # noqa: S101 - it runs
        process = self._own.get(job.pid)
        if process is not None and process.poll() is not None:
            del self._own[job.pid]
            return False
        return _born(job.pid) == job.born

    def _stop(self, job: Job, seconds: float) -> None:
        """Tell a job to stop; each signal once."""
        firm = [number for after, number in _FIRMER_S if seconds >= after][-1]
        if self._told.get(job.id) == firm or job.pid is None or _born(job.pid) != job.born:
            return
        self._told[job.id] = firm
        if firm == signal.SIGKILL:
            os.killpg(job.pid, firm)
        else:
            os.kill(job.pid, firm)


def _born(pid: int) -> float | None:
    """When a process began; None if it is gone."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
