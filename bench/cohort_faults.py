"""`python -m bench.cohort_faults`: three Dask workers segment 300 small scans; two are killed, one stands still.

Workers are processes of their own, each in a network namespace of its own where one may be made (as root on Linux).
Midway two are killed with -9 and the third is stopped for a minute. Every scan must have one mask, equal to that of a
single process, and nothing else may lie beside them.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from bench.random_models import SHAPES, make

_NETWORK = "10.213"


def main() -> None:
    """Run, break, compare."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--scans", type=int, default=300)
    asked.add_argument("--pause", type=float, default=60.0, help="seconds that the third worker stands still")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="condyle-bench-") as folder, ExitStack() as stack:
        model, scans = _cohort(Path(folder), given.scans)
        begin = time.perf_counter()
        _segment(model, scans, Path(folder, "one")).wait()
        print(f"one process: {given.scans} scans in {time.perf_counter() - begin:.0f} s")
        port = _free_port()
        stack.enter_context(_dask("scheduler", "--host", "0.0.0.0", "--port", port))  # noqa: S104 - for a minute
        crew = [stack.enter_context(_worker(n, port)) for n in range(3)]
        out = Path(folder, "dask")
        begin = time.perf_counter()
        run = _segment(model, scans, out, "--run-on", f"dask://127.0.0.1:{port}", "--threads", "1")
        _wait_for(out, given.scans // 3, run)
        for process in crew[:2]:
            process.kill()
        crew[2].send_signal(signal.SIGSTOP)
        print(f"two workers killed and one stopped with {_done(out)} masks there")
        time.sleep(given.pause)
        crew[2].send_signal(signal.SIGCONT)
        code = run.wait()
        print(f"three workers, one left: exit code {code} after {time.perf_counter() - begin:.0f} s")
        _judge(Path(folder, "one"), out, given.scans)


def _cohort(folder: Path, count: int) -> tuple[Path, Path]:
    from condyle.io import write
    from condyle.space import Volume

    shape = SHAPES["ignore label"]
    model = make(shape, folder)
    for n in range(count):
        noise = np.random.default_rng(n).normal(0, 300, (34, 32, 30)).astype(np.int16)
        write(folder / "scans" / f"c{n:04d}_0000.nii.gz", Volume.of(noise, np.eye(4)))
    return model, folder / "scans"


def _segment(model: Path, scans: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    words = ["segment", str(model), str(scans), "-o", str(out), *more, "--engine", "torch"]
    return subprocess.Popen([sys.executable, "-m", "condyle", *words], stdout=subprocess.DEVNULL)


def _done(out: Path) -> int:
    return sum(1 for _ in out.glob("*.nii.gz"))


def _wait_for(out: Path, count: int, run: subprocess.Popen[bytes]) -> None:
    while _done(out) < count:
        if run.poll() is not None:
            raise RuntimeError(f"it ended with code {run.returncode} and {_done(out)} masks")
        time.sleep(0.2)


def _judge(one: Path, many: Path, count: int) -> None:
    from condyle.io import read_labels
    from condyle.jobs.manifest import Manifest

    left = [path.name for path in many.rglob("*") if not path.name.endswith(".nii.gz")]
    same = sum(
        bool((read_labels(mask).array == read_labels(many / mask.name).array).all()) for mask in one.glob("*.nii.gz")
    )
    with Manifest(many.with_name(f"{many.name}.jobs")) as manifest:
        outcomes = manifest.outcomes()
    states = {o.state for o in outcomes}
    again = sum(o.attempts - 1 for o in outcomes)
    print(f"{_done(many)} masks of {count}, {same} equal to one process's, other files: {left or 'none'}")
    print(f"manifest: {len(outcomes)} scans, states {states}, begun again {again}")


@contextmanager
def _dask(*words: object, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    command = [*before, sys.executable, "-m", "dask", *map(str, words), "--no-dashboard"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def _worker(n: int, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a network namespace of its own, or, where none can be made, on this machine's network."""
    with _namespace(n) as (before, host, scheduler):
        address = (f"tcp://{scheduler}:{port}", "--host", host, "--nthreads", 1, "--no-nanny")
        with _dask("worker", *address, before=before) as process:
            yield process


@contextmanager
def _namespace(n: int) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What to put before a command, its address, and the scheduler's as it sees it."""
    name, here, there = f"condyle{n}", f"{_NETWORK}.{n}.1", f"{_NETWORK}.{n}.2"
    steps = [
        f"netns add {name}",
        f"link add {name}a type veth peer name {name}b netns {name}",
        f"addr add {here}/24 dev {name}a",
        f"link set {name}a up",
        f"-n {name} addr add {there}/24 dev {name}b",
        f"-n {name} link set {name}b up",
        f"-n {name} link set lo up",
    ]
    try:
        made = os.name == "posix" and all(not _ip(step) for step in steps)
        print(f"worker {n}: {f'network namespace {name}, {there}' if made else 'on the network of this machine'}")
        yield (("ip", "netns", "exec", name), there, here) if made else ((), "127.0.0.1", "127.0.0.1")
    finally:
        _ip(f"link del {name}a")
        _ip(f"netns del {name}")


def _ip(words: str) -> int:
    try:
        return subprocess.run(["ip", *words.split()], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
