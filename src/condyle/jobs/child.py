"""A `condyle` command that ends when the process that started it does: `python -m condyle.jobs.child VERB ...`.

A worker that is killed cannot stop its command any more. But its end of the pipe to the command's standard input is
closed with it, however it dies, and that the command can see.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any


def start(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, out: IO[Any] | int, error: IO[Any] | int
) -> subprocess.Popen[bytes]:
    """Start a command as a child of this process, in a process group of its own.

    A Ctrl-C in the terminal reaches this process only, which passes it on.

    Args:
        command: The words behind `condyle`.
        environment: Variables to set beside this process's own.
        out: Where its standard output goes.
        error: Where its standard error goes.
    """
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "condyle.jobs.child", *command],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=error,
        start_new_session=True,
    )


def _end_with_parent() -> None:
    """Wait for the parent's end of the pipe to close; then end this process and all of its own."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(137)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv[0] = "condyle"
    runpy.run_module("condyle", run_name="__main__")
