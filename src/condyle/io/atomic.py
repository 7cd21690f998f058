"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import DataError


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise a `DataError` if `path` exists and may not be replaced."""
    if path.exists() and not overwrite:
        raise DataError(
            path, expected="no file of that name", got="one", hint="Choose another name or pass --overwrite."
        )


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it when the block ends well, removed when it does not.

    The temporary name ends like `path`, so that writers that look at the suffix choose rightly.

    Raises:
        DataError: if `path` exists and `overwrite` is false, or the file system refuses (full, read-only).
    """
    refuse_existing(path, overwrite=overwrite)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".condyle-", dir=path.parent))
    try:
        with _explained(path):
            temporary = folder / path.name
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            # Files beside the main one (the raw part of an .mhd) go first: a header never lacks its data.
            for other in sorted(folder.iterdir()):
                if other != temporary:
                    other.replace(path.parent / other.name)
            temporary.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path`; becomes it when the block ends well, is removed when it does not.

    Raises:
        DataError: as `atomic_file`.
    """
    refuse_existing(path, overwrite=overwrite)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".condyle-", dir=path.parent))
        folder.chmod(0o755)
    try:
        with _explained(path):
            yield folder
            if overwrite and path.exists():
                shutil.rmtree(path)
            folder.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            path,
            expected="to be able to write it",
            got=f"{error.strerror or error}",
            hint="Free some space or choose a folder you may write to.",
        ) from error
