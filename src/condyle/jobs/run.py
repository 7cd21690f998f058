"""Run one task: fetch what lies elsewhere, run the command, put the result back, and measure all of it."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil

from condyle.errors import CondyleError
from condyle.io.remote import fetch, file_there, is_address, put
from condyle.jobs.energy import EnergyMeter
from condyle.jobs.running import Kept, Running
from condyle.jobs.task import Ran, Task

#: How often the processes of a task are looked at.
_LOOK_S = 0.1
#: As much of what a failing command says is kept.
_KEPT = 2000
_GIB = 1 << 30
#: Where a command's words go, in a folder of its own.
_OUT, _ERROR = "stdout", "stderr"


def run(task: Task, kept: Kept, *, stop: threading.Event | None = None) -> Ran:
    """Run a task, unless its result is there already. Never raises for a task that fails.

    Args:
        task: What to run.
        kept: The process for tasks that share one; its variables hold for all.
        stop: Once set, the command is killed.

    Returns:
        How it went. Whatever kills this process (`KeyboardInterrupt` among it) takes the command along.
    """
    begin = time.perf_counter()
    with EnergyMeter() as energy, tempfile.TemporaryDirectory(prefix="condyle-job-") as scratch:
        try:
            if task.out and not task.anew and _is_there(task.out):
                return Ran(0, seconds=time.perf_counter() - begin)
            command, made = _with_files_here(task, Path(scratch))
            begun = kept.begin if task.kept else kept.alone
            running = begun(command, Path(scratch, _OUT), Path(scratch, _ERROR))
            ran = _watched(running, Path(scratch), stop or threading.Event())
            if ran.ok and made is not None:
                put(made, task.out)
        except CondyleError as error:
            ran = Ran(2, str(error))
    return replace(ran, seconds=time.perf_counter() - begin, energy_kj=energy.used_kj())


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


def limits(threads: int | None, gpu: int | None = None) -> dict[str, str]:
    """Variables that the libraries of a child process read.

    Args:
        threads: How many they may use; None leaves it to them.
        gpu: The one GPU that they see; None leaves them all.
    """
    variables = {}
    if threads is not None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
        variables = dict.fromkeys(names, str(threads))
    if gpu is not None:
        variables["CUDA_VISIBLE_DEVICES"] = str(gpu)
    return variables


def _watched(running: Running, scratch: Path, stop: threading.Event) -> Ran:
    """Wait for a command that writes to `scratch`, and measure it."""
    cpu_before_s, peak_gib = _usage(running.pid)
    cpu_s = cpu_before_s
    try:
        while (code := running.code(_LOOK_S)) is None:
            usage = _usage(running.pid)
            cpu_s, peak_gib = max(cpu_s, usage[0]), max(peak_gib, usage[1])
            if stop.is_set():
                running.end()
    finally:
        running.end()
    said = (scratch / _ERROR).read_text(encoding="utf-8", errors="replace").strip()[-_KEPT:]
    if code < 0:
        said = f"{said}\nkilled by signal {signal.Signals(-code).name}".strip()
    told = "" if code == 0 else said or f"exit code {code}"
    printed = (scratch / _OUT).read_text(encoding="utf-8", errors="replace")
    return Ran(code, told, printed, 0.0, cpu_s - cpu_before_s, peak_gib)


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
