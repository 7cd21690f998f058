"""`condyle` commands as child processes that end when the process that started them does.

`python -m condyle.jobs.child VERB ...` runs one command. Without words it runs one command after another, as they come
on standard input, and says each one's exit code on standard output: programs are imported and models loaded once.

A worker that is killed cannot stop its command any more. But its end of the pipe to the command's standard input is
closed with it, however it dies, and that the command can see.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any


def start(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, out: IO[Any] | int, error: IO[Any] | int
) -> subprocess.Popen[bytes]:
    """Start a command as a child of this process, in a process group of its own.

    A Ctrl-C in the terminal reaches this process only, which passes it on.

    Args:
        command: The words behind `condyle`; none for a process that waits for orders (`order`).
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


def order(command: Sequence[str], out: Path, error: Path) -> bytes:
    """The line that has a waiting child run a command, with its output to these files."""
    return json.dumps({"command": list(command), "out": str(out), "error": str(error)}).encode() + b"\n"


def _obey() -> None:
    """Run what is ordered, one command after another, until the orderer is gone."""
    orders: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_end_with_parent, args=(orders,), daemon=True).start()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1) as answers:
        while True:
            asked = json.loads(orders.get())
            answers.write(f"{_run(asked['command'], Path(asked['out']), Path(asked['error']))}\n")


def _run(command: Sequence[str], out: Path, error: Path) -> int:
    """The exit code of a command that is run in this process, as `condyle` would end with."""
    for stream, path in ((sys.stdout, out), (sys.stderr, error)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.argv = ["condyle", *command]
    try:
        runpy.run_module("condyle", run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _end_with_parent(orders: SimpleQueue[bytes]) -> None:
    """Pass lines on until the parent's end of the pipe closes; then end this process and all of its own.

    Read from the descriptor: a buffer's lock, held here when the program ends, would have Python abort.
    """
    rest = b""
    while read := os.read(sys.stdin.fileno(), 1 << 16):
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            orders.put(line)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(137)


if __name__ == "__main__":
    if sys.argv[1:]:
        threading.Thread(target=_end_with_parent, args=(SimpleQueue(),), daemon=True).start()
        sys.argv[0] = "condyle"
        runpy.run_module("condyle", run_name="__main__")
    else:
        _obey()
