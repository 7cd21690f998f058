"""Cohorts of small scans, and looks at what works on them, for the tests of unattended work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from condyle import io
from condyle.errors import DataError
from condyle.jobs.manifest import Manifest
from condyle.jobs.task import Task
from datasets import scan


def scans(folder: Path, count: int) -> Path:
    for n in range(count):
        io.write(folder / f"c{n:02d}.nii.gz", scan(n))
    return folder


def fills(folder: Path, out: Path) -> list[Task]:
    """A task for each scan of a folder."""
    return [
        Task(p.name[:3], ("fill", "--out", str(out / p.name), str(p)), str(out / p.name))
        for p in sorted(folder.iterdir())
    ]


def condyle(*words: object) -> subprocess.Popen[str]:
    """A command as a user starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "condyle", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def until(what: Callable[[], object], patience_s: float = 60.0) -> None:
    """Wait for something to become true."""
    last = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < last, "waited in vain"
        time.sleep(0.05)


def below(pid: int) -> list[psutil.Process]:
    """All processes that a process has started, and they in turn."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def workers(pid: int) -> list[psutil.Process]:
    """The workers among them."""
    return [p for p in psutil.Process(pid).children() if "work" in p.cmdline()]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def counts(manifest: Path) -> dict[str, int]:
    """Tasks by state; none before the manifest is there, or while its tables are being made."""
    none = {"waiting": 0, "running": 0, "done": 0, "aside": 0}
    if not manifest.exists():
        return none
    try:
        with Manifest(manifest) as opened:
            return opened.counts()
    except DataError as error:
        if "marked [0, 0]" not in str(error):
            raise
        return none


def files(folder: Path) -> set[str]:
    """All below a folder, hidden ones too."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
