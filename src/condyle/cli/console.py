"""What the command line shows: progress on standard error, results on standard output."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")

#: Work that is done sooner than this shows no bar.
_PATIENCE_S = 2.0

#: A program that listens is told no oftener than this.
_TOLD_EVERY_S = 0.25


def track(items: Sequence[Item], what: str) -> Iterator[Item]:
    """A progress bar with the time left on standard error, once the work has taken two seconds."""
    from time import monotonic

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    start = monotonic()
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    task = progress.add_task(what, total=len(items))
    shown = False
    try:
        for n, item in enumerate(items):
            if not shown and monotonic() - start > _PATIENCE_S:
                progress.start()
                shown = True
            progress.update(task, completed=n)
            yield item
        progress.update(task, completed=len(items))
    finally:
        if shown:
            progress.stop()


def track_json(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Progress as lines of JSON on standard error, for the program that started this one.

    Each is `{"progress": {"what": ..., "done": 3, "total": 7, "seconds": 1.2}}`, at most a few a second.
    """
    from time import monotonic

    start = told = monotonic()
    _tell(what, 0, len(items), 0.0)
    for done, item in enumerate(items, 1):
        yield item
        now = monotonic()
        if now - told > _TOLD_EVERY_S or done == len(items):
            told = now
            _tell(what, done, len(items), now - start)


def _tell(what: str, done: int, total: int, seconds: float) -> None:
    told = {"what": what, "done": done, "total": total, "seconds": round(seconds, 2)}
    sys.stderr.write(json.dumps({"progress": told}, ensure_ascii=False) + "\n")
    sys.stderr.flush()


def print_result(result: Any, *, as_json: bool) -> None:
    """A result as text, or as one JSON document and nothing else."""
    out = sys.stdout
    if as_json:
        told = result.to_json()
        try:
            out.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        except UnicodeEncodeError:
            # JSON has escapes of its own for what the output's encoding cannot say.
            out.write(json.dumps(told, indent=2) + "\n")
        return
    text = str(result).rstrip("\n") + "\n"
    try:
        out.write(text)
    except UnicodeEncodeError:
        out.write(text.encode(out.encoding, "backslashreplace").decode(out.encoding))


def print_error(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"condyle: {message}\n")


class _Told(logging.Formatter):
    """What is told as it is, what is worse by its level."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
        return f"condyle: {level}{record.getMessage()}"


def show_warnings() -> None:
    """Let the package's warnings, and what it tells of its work, through to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Told())
    logger = logging.getLogger("condyle")
    logger.setLevel(logging.INFO)
    logger.handlers[:] = [handler]
    logger.propagate = False
