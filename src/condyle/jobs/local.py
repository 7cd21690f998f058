"""The engine of one machine: as many workers as its cores, GPUs and memory allow."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO

from condyle.errors import DataError
from condyle.jobs.child import start
from condyle.jobs.manifest import Manifest
from condyle.jobs.running import end
from condyle.jobs.settings import JobSettings
from condyle.jobs.worker import name_of
from condyle.machine import cores, free_memory_gib

_LOOK_S = 0.2
#: How long workers have to give their tasks back when the user stops the work.
_GRACE_S = 10.0
#: So many workers in each one's place may end without that any task was taken meanwhile.
_FUTILE = 3


def share(settings: JobSettings, tasks: int, largest_gib: float) -> tuple[int, int]:
    """How many workers, and the threads of each.

    Args:
        settings: What the user asks for.
        tasks: How many tasks there are.
        largest_gib: Memory that the largest of them needs; 0 if nobody knows.
    """
    workers = settings.workers
    if workers is None:
        workers = settings.gpus or max(1, cores() // (settings.threads or 1))
        if largest_gib:
            workers = min(workers, int(free_memory_gib() / largest_gib))
    workers = max(1, min(workers, tasks))
    return workers, settings.threads or max(1, cores() // workers)


def local(manifest: Manifest, settings: JobSettings) -> Generator[int]:
    """Start workers on this machine and replace those that die, until everything has ended.

    Yields:
        How many tasks have ended, every now and then. When the iterator is closed, the workers are stopped.

    Raises:
        DataError: if workers end before they have taken a task.
    """
    counts = manifest.counts()
    workers, threads = share(settings, counts["waiting"] + counts["running"], manifest.largest_gib())
    with tempfile.TemporaryFile() as said:
        crew = [_hire(manifest.path, n, threads, settings, said) for n in range(workers)]
        begun, futile = 0, 0
        try:
            while True:
                counts = manifest.counts()
                left = counts["waiting"] + counts["running"]
                yield counts["done"] + counts["aside"]
                if not left:
                    return
                time.sleep(_LOOK_S)
                if begun < manifest.begun():
                    begun, futile = manifest.begun(), 0
                for n, process in enumerate(crew):
                    if process.poll() is None:
                        continue
                    end(process)
                    manifest.give_up(name_of(process.pid))
                    futile += 1
                    if futile > _FUTILE * workers:
                        raise _no_use(manifest, said)
                    crew[n] = _hire(manifest.path, n, threads, settings, said)
        finally:
            _dismiss(crew, manifest)


def _hire(path: Path, n: int, threads: int, settings: JobSettings, said: IO[bytes]) -> subprocess.Popen[bytes]:
    gpu = ["--gpu", str(n % settings.gpus)] if settings.gpus else []
    return start(["work", str(path), "--threads", str(threads), *gpu], out=subprocess.DEVNULL, error=said)


def _dismiss(crew: list[subprocess.Popen[bytes]], manifest: Manifest) -> None:
    """Ask the workers to stop, which gives their tasks back untried; then insist."""
    for process in crew:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    last = time.monotonic() + _GRACE_S
    for process in crew:
        try:
            process.wait(max(0.0, last - time.monotonic()))
        except subprocess.TimeoutExpired:
            end(process, 0.1)
        end(process)
        manifest.give_up(name_of(process.pid))


def _no_use(manifest: Manifest, said: IO[bytes]) -> DataError:
    said.seek(0)
    why = said.read().decode(errors="replace").strip()[-500:] or "no word"
    return DataError(manifest.path, expected="workers that start", got=f"none that took a task before it ended: {why}")
