"""Run one task: fetch what lies elsewhere, run the command, put the result back, and measure all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from condyle.errors import CondyleError
from condyle.io.remote import fetch, file_there, is_address, put
from condyle.jobs.child import start
from condyle.jobs.task import Ran, Task

#: How often the processes of a task are looked at.
_LOOK_S = 0.1
#: As much of what a failing command says is kept.
_KEPT = 2000
_GIB = 1 << 30


def run(task: Task, *, threads: int | None = None, gpu: int | None = None, stop: threading.Event | None = None) -> Ran:
    """Run a task, unless its result is there already. Never raises for a task that fails.

    Args:
        task: What to run.
        threads: How many threads its numerical libraries may use; None leaves it to them.
        gpu: The one GPU that it sees; None leaves them all.
        stop: Once set, the command is killed.

    Returns:
        How it went. Whatever kills this process (`KeyboardInterrupt` among it) takes the command along.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="condyle-job-") as scratch:
        try:
            if task.out and not task.anew and _is_there(task.out):
                return Ran(0, seconds=time.perf_counter() - begin)
            command, made = _with_files_here(task, Path(scratch))
            ran = _run(command, Path(scratch), _limits(threads, gpu), stop or threading.Event())
            if ran.ok and made is not None:
                put(made, task.out)
        except CondyleError as error:
            ran = Ran(2, str(error))
    return Ran(ran.code, ran.error, ran.printed, time.perf_counter() - begin, ran.cpu_s, ran.peak_gib)


def _is_there(out: str) -> bool:
    return file_there(out) if is_address(out) else Path(out).exists()


def _with_files_here(task: Task, scratch: Path) -> tuple[list[str], Path | None]:
    """The command with addresses replaced by files in a scratch folder, and what to put back."""
    made = scratch / "out" / task.out.rstrip("/").rpartition("/")[2] if is_address(task.out) else None
    command = []
    for n, word in enumerate(task.command):
        if made is not None and word == task.out:
            command.append(str(made))
        elif is_address(word):
            command.append(str(fetch(word, scratch / f"in{n}")))
        else:
            command.append(word)
    return command, made


def _limits(threads: int | None, gpu: int | None) -> dict[str, str]:
    """Variables that the libraries of a child process read."""
    limits = {}
    if threads is not None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
        limits = dict.fromkeys(names, str(threads))
    if gpu is not None:
        limits["CUDA_VISIBLE_DEVICES"] = str(gpu)
    return limits


def _run(command: list[str], scratch: Path, environment: Mapping[str, str], stop: threading.Event) -> Ran:
    out, error = scratch / "stdout", scratch / "stderr"
    with out.open("wb") as to_out, error.open("wb") as to_error:
        process = start(command, environment=environment, out=to_out, error=to_error)
    cpu_s, peak_gib = 0.0, 0.0
    try:
        while process.poll() is None:
            usage = _usage(process.pid)
            cpu_s, peak_gib = max(cpu_s, usage[0]), max(peak_gib, usage[1])
            if stop.is_set():
                end(process)
            try:
                process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        end(process)
    said = error.read_text(encoding="utf-8", errors="replace").strip()[-_KEPT:]
    code = process.returncode
    if code < 0:
        said = f"{said}\nkilled by signal {signal.Signals(-code).name}".strip()
    told = "" if code == 0 else said or f"exit code {code}"
    return Ran(code, told, out.read_text(encoding="utf-8", errors="replace"), 0.0, cpu_s, peak_gib)


def end(process: subprocess.Popen[bytes], grace_s: float = 5.0) -> None:
    """End a child and all that it started: its standard input closes, which it watches; then by force."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
        process.wait()


def _usage(pid: int) -> tuple[float, float]:
    """Processor time and resident memory (GiB) of a process and all below it, as far as they are still there."""
    cpu_s, bytes_ = 0.0, 0
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with process.oneshot():
                cpu_s += sum(process.cpu_times()[:2])
                bytes_ += process.memory_info().rss
    except psutil.Error:
        pass  # one has just ended; the next look has the rest
    return cpu_s, bytes_ / _GIB
