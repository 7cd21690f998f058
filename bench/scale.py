"""`python -m bench.scale`: what the list of tasks costs, and a million scans in simulation.

* **the list**: how much time of a processor the manifest takes to be made, to hand out and to note a task, by its
  length; and what the submitting process holds in memory at the end.
* **simulation**: cases wait in one queue that takes a fixed time to hand one out; workers differ in speed, cases in
  length; some fail and are tried up to three times, workers are lost and come back. Its hours stand beside those that
  arithmetic gives: the work over the speed of all workers, or the queue, whichever is longer.
"""

from __future__ import annotations

import heapq
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: What a command on one scan prints, about.
PRINTED = json.dumps({"masks": {"c": "x" * 60}, "volumes_ml": {f"bone {n}": 1.0 for n in range(8)}, "more": "x" * 400})


#: Simulated; hours grow with it.
CASES = 100_000


@dataclass(frozen=True)
class Cluster:
    """A cluster and its work.

    Args:
        cases: How many.
        workers: How many.
        case_s: A case on a worker of ordinary speed, mean.
        spread: Standard deviation of a case's time, as a share of it.
        slow: Share of workers that take three times as long.
        failing: Chance that a try fails, at its end.
        lost_per_day: How often a worker is lost, which takes its case along.
        back_s: Until it is back.
        lost_s: Until its case waits again.
        queue_s: To hand out and note one case.
    """

    cases: int
    workers: int
    case_s: float
    spread: float = 0.5
    slow: float = 0.0
    failing: float = 0.0
    lost_per_day: float = 0.0
    back_s: float = 600.0
    lost_s: float = 60.0
    queue_s: float = 0.002


@dataclass(frozen=True)
class Run:
    """How a simulation went: hours, cases set aside, and tries beyond the first."""

    hours: float
    aside: int
    again: int


def simulate(cluster: Cluster, rng: np.random.Generator) -> Run:
    """Work the cases off, event by event."""
    speed = np.where(rng.random(cluster.workers) < cluster.slow, 1 / 3, 1.0)
    sigma = np.sqrt(np.log1p(cluster.spread**2))
    length = cluster.case_s * rng.lognormal(-(sigma**2) / 2, sigma, cluster.cases)
    attempts = np.zeros(cluster.cases, np.int8)
    waiting = list(range(cluster.cases - 1, -1, -1))
    later: list[tuple[float, int]] = []  # cases of lost workers, from when they wait again
    free = [(0.0, n) for n in range(cluster.workers)]
    left, queue_at, end, aside, again = cluster.cases, 0.0, 0.0, 0, 0
    while left:
        now, worker = heapq.heappop(free)
        while later and later[0][0] <= now:
            waiting.append(heapq.heappop(later)[1])
        if not waiting:
            if later:  # it looks again when a lost worker's case is back
                heapq.heappush(free, (max(now, later[0][0]), worker))
            continue
        case = waiting.pop()
        queue_at = max(queue_at, now) + cluster.queue_s
        attempts[case] += 1
        again += attempts[case] > 1
        took = length[case] / speed[worker]
        lost_after = rng.exponential(86400 / cluster.lost_per_day) if cluster.lost_per_day else np.inf
        if lost_after < took:
            over, free_at = queue_at + lost_after + cluster.lost_s, queue_at + lost_after + cluster.back_s
            failed = True
        else:
            over = free_at = queue_at + took
            failed = bool(rng.random() < cluster.failing)
        if not failed or attempts[case] == 3:
            left, end, aside = left - 1, max(end, over), aside + failed
        else:
            heapq.heappush(later, (over, case))
        heapq.heappush(free, (free_at, worker))
    return Run(end / 3600, aside, again)


def reckoned_hours(cluster: Cluster) -> float:
    """Arithmetic: tries of all cases over the speed of all workers, or the queue."""
    power = cluster.workers * (1 - cluster.slow + cluster.slow / 3)
    mean_s = cluster.case_s
    lost = mean_s * cluster.lost_per_day / 86400
    tries = 1 + cluster.failing + cluster.failing**2
    working = cluster.cases * (mean_s * tries + lost * (mean_s / 2 + cluster.back_s)) / power
    return max(working, cluster.cases * tries * cluster.queue_s) / 3600


def simulations() -> None:
    """A table of clusters."""
    print("\n| workers | s a case | slow | fail | lost a day | min, reckoned | simulated | set aside | tried again |")
    print("|---|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for cluster in (
        Cluster(CASES, 1000, 210),
        Cluster(CASES, 1000, 210, slow=0.1, failing=0.01, lost_per_day=1),
        Cluster(CASES, 100, 5, slow=0.1, failing=0.01, lost_per_day=1),
        Cluster(CASES, 1000, 5, slow=0.1, failing=0.01, lost_per_day=1),
        Cluster(CASES, 10_000, 5, slow=0.1, failing=0.01, lost_per_day=1),
    ):
        run = simulate(cluster, rng)
        shares = f"{cluster.slow:.0%} | {cluster.failing:.0%} | {cluster.lost_per_day:g}"
        minutes = f"{60 * reckoned_hours(cluster):.1f} | {60 * run.hours:.1f}"
        told = f"{minutes} | {run.aside} | {run.again}"
        print(f"| {cluster.workers} | {cluster.case_s:g} | {shares} | {told} |", flush=True)


def lists() -> None:
    """A table of lists, each in a process of its own."""
    print("| scans | make the list, s | hand out, ms | note, ms | read all at the end, s | peak GiB | file, GiB |")
    print("|---|---|---|---|---|---|---|")
    for count in (10_000, 100_000, 1_000_000):  # the last takes 4 GiB
        subprocess.run([sys.executable, "-m", "bench.scale", str(count)], check=True)


def one_list(count: int) -> None:
    """A line of the table. To be called in a process of its own."""
    from condyle.jobs.manifest import Manifest
    from condyle.jobs.task import Ran, Task

    asked = 2000
    with tempfile.TemporaryDirectory(prefix="condyle-bench-") as folder:
        path = Path(folder, "m")
        tasks = [Task(f"c{n:07d}", ("segment", "/models/m", f"/scans/c{n:07d}.nii.gz"), "") for n in range(count)]
        with Manifest.make(path) as manifest:
            start = time.process_time()
            manifest.add(tasks)
            made = time.process_time() - start
            manifest._db.execute(
                "UPDATE tasks SET state = 'done', attempts = 1, code = 0, seconds = 1, printed = ? WHERE number > ?",
                (PRINTED, asked),
            )
            start = time.process_time()
            claims = [claim for _ in range(asked) if (claim := manifest.claim("w")) is not None]
            claimed = time.process_time() - start
            start = time.process_time()
            for claim in claims:
                manifest.end(claim, Ran(0, printed=PRINTED))
            ended = time.process_time() - start
            start = time.process_time()
            outcomes = manifest.outcomes()
            told = [json.loads(outcome.printed) for outcome in outcomes]
            read = time.process_time() - start
        size = path.stat().st_size / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    each = f"{1000 * claimed / asked:.2f} | {1000 * ended / asked:.2f}"
    print(f"| {len(told)} | {made:.1f} | {each} | {read:.1f} | {peak:.1f} | {size:.2f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        one_list(int(sys.argv[1]))
    else:
        lists()
        simulations()
