"""One writer at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import DataError


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
        DataError: if it cannot be written.
    """
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as file:
            if not _locked(file.fileno(), wait=wait):
                raise LockedError(folder, expected="to be the only one writing here", got="another process that does")
            for left in folder.rglob(".condyle-*"):
                if not _has_own_lock(left.parent, folder):
                    shutil.rmtree(left, ignore_errors=True)
            yield
    except OSError as error:
        raise DataError(
            folder, expected="a folder one can write to", got=error.strerror or str(error), hint="Choose another one."
        ) from error


def _has_own_lock(inner: Path, folder: Path) -> bool:
    """Whether a folder lies in one with a lock of its own, where another writer may be at work."""
    return any((part / ".lock").exists() for part in (inner, *inner.parents) if folder in part.parents)


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
