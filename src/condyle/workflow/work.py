"""`condyle work`: run the tasks of a manifest, wherever one is needed."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.jobs.manifest import Manifest
from condyle.jobs.worker import work as worked


@dataclass(frozen=True)
class Worked:
    """What this worker did, and how far the whole is.

    Args:
        manifest: The file.
        done: Tasks that went well here.
        failed: Tries that failed here.
        counts: All tasks by state: waiting, running, done, aside.
        aside: Tasks that were set aside, with their errors.
        seconds_left: An estimate for all workers together; None if nothing tells.
    """

    manifest: Path
    done: int
    failed: int
    counts: dict[str, int]
    aside: dict[str, str]
    seconds_left: float | None = None

    @property
    def exit_code(self) -> int:
        """1 if a task was set aside."""
        return 1 if self.aside else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "manifest": str(self.manifest),
            "done_here": self.done,
            "failed_here": self.failed,
            "counts": self.counts,
            "aside": self.aside,
            "seconds_left": self.seconds_left,
        }

    def __str__(self) -> str:
        lines = [f"set aside: {id_}: {error}" for id_, error in self.aside.items()]
        left = "" if self.seconds_left is None else f", about {self.seconds_left / 60:.0f} min left"
        lines.append(", ".join(f"{n} {state}" for state, n in self.counts.items()) + left)
        return "\n".join(lines)


def work(
    manifest: Path,
    *,
    threads: int | None = None,
    gpu: int | None = None,
    status: bool = False,
) -> Worked:
    """Work off a manifest of tasks, as one worker among any number, here or on other machines.

    A cohort's command with --run-on makes the manifest. Each task is done by one worker; the task of a worker that is
    lost goes to another. Ctrl-C gives the current task back.

    Args:
        manifest: The manifest.
        threads: Threads of each task; what its libraries like by default.
        gpu: Number of the one GPU that tasks may use.
        status: Only tell how far the work is.

    Raises:
        DataError: if there is no manifest, or it cannot be written.
        ConfigError: if it was made for one other machine alone.
    """
    tally: Counter[bool] = Counter()
    if not status:
        if threading.current_thread() is threading.main_thread():
            # A batch system's request to stop is one's own Ctrl-C.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        tally.update(ok for _, ok in worked(manifest, threads=threads, gpu=gpu))
    with Manifest(manifest) as opened:
        aside = {o.id: o.error for o in opened.outcomes() if o.state == "aside"}
        return Worked(manifest, tally[True], tally[False], opened.counts(), aside, opened.seconds_left())
