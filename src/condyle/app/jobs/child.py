"""Runs the steps of one job: `python -m condyle.app.jobs.child FOLDER`.

It is a process of its own in a session of its own, so it goes on when the server ends, however that ends. All it
knows and says lies in the job's folder:

    steps.json    the commands, the words behind `condyle`
    log.txt       what they say, with lines of progress
    step_<n>.json what each printed
    end.json      the exit code, once all is over: 0, 1, or that of the step that failed
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

STEPS, LOG, END = "steps.json", "log.txt", "end.json"

#: Exit code of a command that was stopped.
STOPPED = 130

#: Jobs leave the processor to the page when both want it.
_NICE = 5


def step_file(folder: Path, number: int) -> Path:
    """Where a step's result is."""
    return folder / f"step_{number}.json"


def run(folder: Path) -> int:
    """Run the steps, one after the other, until one fails; the highest exit code of those that ran."""
    stopped: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, frame: FrameType | None) -> None:
        del frame
        stopped.append(number)
        for process in running:
            process.send_signal(number)

    signal.signal(signal.SIGINT, hand_on)
    signal.signal(signal.SIGTERM, hand_on)
    worst = 0
    with (folder / LOG).open("ab", buffering=0) as log:
        for number, words in enumerate(json.loads((folder / STEPS).read_text(encoding="utf-8"))):
            with step_file(folder, number).open("wb") as out:
                command = [sys.executable, "-m", "condyle", "--progress-json", *words, "--json"]
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log)  # noqa: S603
            running[:] = [process]
            if stopped:
                process.send_signal(stopped[-1])
            code = process.wait()
            worst = max(worst, code if code >= 0 else 128 - code)
            if stopped or worst > 1:
                return STOPPED if stopped else worst
    return worst


def main() -> None:
    """Run the job of the folder that is named on the command line, and write down how it ended."""
    folder = Path(sys.argv[1])
    if hasattr(os, "nice"):
        os.nice(_NICE)
    code = run(folder)
    temporary = folder / f".{END}"
    temporary.write_text(json.dumps({"code": code}), encoding="utf-8")
    temporary.replace(folder / END)


if __name__ == "__main__":
    main()
