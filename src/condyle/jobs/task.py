"""One piece of work, what it took, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A command, and what it makes.

    A command must write its result whole or not at all: a task whose result is there is done. Addresses that fsspec
    knows (`s3://...`) may stand in the command; the worker fetches them first, and puts the result back.

    Args:
        id: Its name in the manifest, e.g. the case.
        command: The words behind `condyle`.
        out: The file or folder it makes, as it stands in the command; empty if that cannot be told.
        memory_gib: What it needs at most, as far as known; 0 if not.
        kept: Run it in a process that is kept for the next such task, so that a model is loaded once a worker.
    """

    id: str
    command: tuple[str, ...]
    out: str = ""
    memory_gib: float = 0.0
    kept: bool = False

    @property
    def anew(self) -> bool:
        """Whether the command replaces a result that is there."""
        return "--overwrite" in self.command


@dataclass(frozen=True)
class Ran:
    """How a task went.

    Args:
        code: Exit code of the command: 0 done, 1 done but something wants attention, else failed; -9 is killed.
        error: Why it failed, in the command's own words.
        printed: What the command wrote to standard output.
        seconds: Wall time, with fetching and putting back.
        cpu_s: Time on processors, of the whole tree of processes.
        peak_gib: Largest resident memory of that tree.
        energy_kj: Of the whole machine meanwhile; None where it tells nothing.
    """

    code: int
    error: str = ""
    printed: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_gib: float = 0.0
    energy_kj: float | None = None

    @property
    def ok(self) -> bool:
        """Whether its result is there."""
        return self.code in (0, 1)
