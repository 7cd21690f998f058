"""One writer at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import DataError
from condyle.io.atomic import is_of_writing
from condyle.io.temporary import is_leftover


class LockedError(DataError):
    """Another process writes to the folder."""


@contextmanager
def one_writer(folder: Path, *, make: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold a dataset's folder against other writers, and sweep up what a killed one left half-written.

    The lock is the system's own on a file `.lock`: it is gone when its holder ends, however that ends. On
    Windows nothing is locked.

    Args:
        folder: The dataset's folder.
        make: Make the folder if it is not there.
        wait: Wait for another writer to end instead of refusing.

    Raises:
        LockedError: if another process writes to the folder.
        DataError: if it cannot be written. What else goes wrong in the block is raised as it is.
    """
    at_work = False
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as file:
            if not _locked(file.fileno(), wait=wait):
                raise LockedError(folder, expected="to be the only one writing here", got="another process that does")
            _sweep(folder)
            at_work = True
            yield
    except OSError as error:
        if at_work and not is_of_writing(error, folder):
            raise
        raise DataError(
            folder, expected="a folder one can write to", got=error.strerror or str(error), hint="Choose another one."
        ) from error


def _sweep(folder: Path) -> None:
    """Remove what processes that have ended left half-written below a folder.

    Who is at work below it without this lock, such as an export, keeps its files.
    """
    for parent, names, _ in os.walk(folder):
        for name in filter(is_leftover, names):
            shutil.rmtree(Path(parent, name), ignore_errors=True)


def _locked(file: int, *, wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
