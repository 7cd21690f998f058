"""Measuring one thing at a time: each in a process of its own, the median of several runs, the peak of memory."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

RUNS = 3


@dataclass(frozen=True)
class Figure:
    """What one contender needed.

    Args:
        seconds: Median of the runs.
        peak_mib: Peak resident memory of the process, imports and input included.
        note: What the contender says of its result, for comparison.
    """

    seconds: float
    peak_mib: float
    note: str = ""


def timed(work: Callable[[], str]) -> Figure:
    """Run `work` once to warm up, then `RUNS` times. To be called in a process of its own."""
    note = work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return Figure(statistics.median(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, note)


def in_own_process(stage: str, contender: str) -> Figure:
    """The figure of one contender of one stage, from a fresh process."""
    command = [sys.executable, "-m", "bench", stage, contender]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise RuntimeError(f"{stage}: {contender} failed:\n{shown.stderr}")
    return Figure(**json.loads(shown.stdout.splitlines()[-1]))


def as_json(figure: Figure) -> str:
    """One line for the parent process."""
    return json.dumps(asdict(figure))
