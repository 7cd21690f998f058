"""A command that runs: in a process of its own, or in one that is kept for the next."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Self

from condyle.jobs.child import order, start

#: After so many commands a process is replaced, whatever they left in its memory.
_LIFE = 500


class Kept:
    """A process that runs one command after another. What a command leaves in memory, the next one finds.

    It is started with the first command, and anew after one that failed, was ended, or killed it.

    Args:
        environment: Variables to set beside this process's own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def begin(self, command: Sequence[str], out: Path, error: Path) -> Running:
        """Start a command; its output goes to two files."""
        if self._process is None or self._process.poll() is not None or not self._left:
            self.end()
            # What a library writes before a first command has no reader.
            self._process = start((), environment=self._environment, out=subprocess.PIPE, error=subprocess.DEVNULL)
            self._answers, self._left = SimpleQueue(), _LIFE
            assert self._process.stdout is not None  # noqa: S101 - it is a pipe
            threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True).start()
        self._left -= 1
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):  # it has died just now, which `code` tells
            self._process.stdin.write(order(command, out, error))
            self._process.stdin.flush()
        return Running(self._process, self)

    def alone(self, command: Sequence[str], out: Path, error: Path) -> Running:
        """Start a command in a process of its own."""
        with out.open("wb") as to_out, error.open("wb") as to_error:
            return Running(start(command, environment=self._environment, out=to_out, error=to_error))

    def code(self, process: subprocess.Popen[bytes], wait_s: float) -> int | None:
        """As `Running.code`."""
        try:
            answer = self._answers.get(timeout=wait_s)
        except Empty:
            return None
        return int(answer) if answer else process.wait()

    def end(self) -> None:
        """End the process, and what it runs."""
        if self._process is not None:
            end(self._process, 0.0 if self._process.poll() is None else 5.0)
            self._process = None


class Running:
    """A command that was begun.

    Args:
        process: Where it runs.
        kept: Who keeps that process; None if it ends with the command.
    """

    def __init__(self, process: subprocess.Popen[bytes], kept: Kept | None = None) -> None:
        self.pid = process.pid
        self._process, self._kept = process, kept
        self._code: int | None = None

    def code(self, wait_s: float) -> int | None:
        """The exit code once it has ended, minus the signal if that killed it; None if it has not within a time."""
        if self._kept is not None:
            self._code = self._kept.code(self._process, wait_s)
        else:
            try:
                self._code = self._process.wait(wait_s)
            except subprocess.TimeoutExpired:
                self._code = None
        return self._code

    def end(self) -> None:
        """End the process, and all that it started, unless it is kept and the command went well."""
        if self._kept is None:
            end(self._process)
        elif self._code not in {0, 1}:
            self._kept.end()


def end(process: subprocess.Popen[bytes], grace_s: float = 5.0) -> None:
    """End a child and all that it started: its standard input closes, which it watches; then by force."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # an order that it did not live to read
            process.stdin.close()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
        process.wait()


def _listen(pipe: IO[bytes], answers: SimpleQueue[str]) -> None:
    """Pass on each exit code, and a last empty word when the process is gone."""
    with pipe:
        for line in pipe:
            answers.put(line.decode())
    answers.put("")
