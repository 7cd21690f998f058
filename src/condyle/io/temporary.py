"""Folders for files that are not whole yet, named so that the next writer knows whose are left over.

A name is `.condyle-<place>-<process>-<random>`: eight hex digits for the machine and its table of processes, the id of
the process in that table, and what makes the name unique.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import tempfile
from functools import cache
from pathlib import Path

_NAME = re.compile(r"\.condyle-([0-9a-f]{8})-([0-9]{1,9})-.+")


def temporary_folder(parent: Path) -> Path:
    """A new folder in `parent` for the process that asks. Who makes it removes it.

    Raises:
        OSError: if the system refuses.
    """
    return Path(tempfile.mkdtemp(prefix=f".condyle-{_place()}-{os.getpid()}-", dir=parent))


def is_leftover(name: str) -> bool:
    """Whether a folder of this name was made by `temporary_folder` in a process of this machine that has ended."""
    found = _NAME.fullmatch(name)
    if found is None or found[1] != _place():
        return False
    import psutil

    return not psutil.pid_exists(int(found[2]))


@cache
def _place() -> str:
    """This machine and, on Linux, the table that process ids count in: each container has one of its own."""
    try:
        table = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        table = ""
    return hashlib.sha256(f"{platform.node()} {table}".encode()).hexdigest()[:8]
