"""`python -m bench.cohort_faults`: three Dask workers segment 300 small scans; two are killed, one stands still.

Workers are processes of their own, each in a network namespace of its own, joined by a bridge, where these may be
made (as root on Linux).
Midway two are killed with -9 and the third is stopped for a minute. Every scan must have one mask, equal to that of a
single process, and nothing else may lie beside them.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.random_models import SHAPES, make

Words = tuple[str, ...]

#: Address of the scheduler; workers follow. Only the bridge has it: nothing outside this machine reaches it.
_BRIDGE, _HERE, _THERE = "condyle", "10.213.0.1", "10.213.0.{}"


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
        places = stack.enter_context(_network(3))
        address = f"{places.scheduler}:{_free_port(places.scheduler)}"
        host, port = address.split(":")
        stack.enter_context(_dask("scheduler", "--host", host, "--port", port))
        crew = [stack.enter_context(_worker(before, own, address)) for before, own in places.workers]
        out = Path(folder, "dask")
        begin = time.perf_counter()
        run = _segment(model, scans, out, "--run-on", f"dask://{address}", "--threads", "1")
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
def _dask(*words: object, before: Words = ()) -> Iterator[subprocess.Popen[bytes]]:
    command = [*before, sys.executable, "-m", "dask", *map(str, words), "--no-dashboard"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _worker(before: Words, host: str, scheduler: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return _dask("worker", f"tcp://{scheduler}", "--host", host, "--nthreads", 1, "--no-nanny", before=before)


@dataclass(frozen=True)
class _Places:
    """Where the scheduler listens; and for each worker what to put before its command, and its own address."""

    scheduler: str
    workers: tuple[tuple[Words, str], ...]


@contextmanager
def _network(workers: int) -> Iterator[_Places]:
    """A network namespace for each worker, or, where none can be made, this machine's loopback for all."""
    names = [f"{_BRIDGE}{n}" for n in range(workers)]
    steps = [f"link add {_BRIDGE} type bridge", f"addr add {_HERE}/24 dev {_BRIDGE}", f"link set {_BRIDGE} up"]
    for n, name in enumerate(names):
        steps += [
            f"netns add {name}",
            f"link add {name}a type veth peer name {name}b netns {name}",
            f"link set {name}a master {_BRIDGE} up",
            f"-n {name} addr add {_THERE.format(n + 2)}/24 dev {name}b",
            f"-n {name} link set {name}b up",
            f"-n {name} link set lo up",
        ]
    try:
        made = all(_ip(step) == 0 for step in steps)
        print(f"{workers} workers, {'each in a network namespace of its own' if made else 'on loopback'}")
        if made:
            apart = ((("ip", "netns", "exec", name), _THERE.format(n + 2)) for n, name in enumerate(names))
            yield _Places(_HERE, tuple(apart))
        else:
            yield _Places("127.0.0.1", (((), "127.0.0.1"),) * workers)
    finally:
        for name in names:
            _ip(f"netns del {name}")
        _ip(f"link del {_BRIDGE}")


def _ip(words: str) -> int:
    try:
        return subprocess.run(["ip", *words.split()], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 1


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
