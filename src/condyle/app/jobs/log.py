"""What a job's log says: how far it is, and, the progress left out, its words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: As much of the end of a log is looked at.
_TAIL_BYTES = 64 << 10


def tail(path: Path) -> list[str]:
    """The last lines of a log; none where there is none yet."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return lines[1:] if size > _TAIL_BYTES else lines


def progress(lines: list[str]) -> dict[str, Any] | None:
    """The newest progress: what, done, total, and the seconds left if that can be told."""
    for line in reversed(lines):
        told = _progress(line)
        if told is not None:
            done, total, seconds = told["done"], told["total"], told["seconds"]
            left_s = seconds / done * (total - done) if done else None
            return {"what": told["what"], "done": done, "total": total, "left_s": left_s}
    return None


def words(lines: list[str]) -> list[str]:
    """The log without its lines of progress, and without our name before each."""
    return [line.removeprefix("condyle: ") for line in lines if line.strip() and _progress(line) is None]


def _progress(line: str) -> dict[str, Any] | None:
    if not line.startswith('{"progress":'):
        return None
    try:
        return dict(json.loads(line)["progress"])
    except ValueError:  # a line cut in the middle
        return None
