"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import DataError
from condyle.io.temporary import temporary_folder
from condyle.io.there import is_there

#: What the system says of a disk that takes no more; reading never fails so.
_TAKES_NO_MORE = {errno.ENOSPC, errno.EROFS, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

#: What macOS and Windows put into each folder that somebody looks at; nobody misses them.
_LEFT_BY_LOOKING = {".ds_store", "thumbs.db", "desktop.ini"}


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise a `DataError` if `path` exists and may not be replaced, or cannot be looked up."""
    if is_there(path) and not overwrite:
        raise DataError(
            path, expected="no file of that name", got="one", hint="Choose another name or pass --overwrite."
        )


def remove_file(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        DataError: if the file system refuses.
    """
    if is_there(path):
        with _explained(path):
            path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it when the block ends well, removed when it does not.

    The temporary name ends like `path`, so that writers that look at the suffix choose rightly. Files that the
    block makes beside it, such as the voxels of an `.mhd`, come along.

    Raises:
        DataError: if `path`, or a file that comes along, exists and `overwrite` is false, or the file system
            refuses (full, read-only). What else goes wrong in the block is raised as it is.
    """
    refuse_existing(path, overwrite=overwrite)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = temporary_folder(path.parent)
    try:
        temporary = folder / path.name
        with _explained(path, folder):
            yield temporary
        with _explained(path):
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            others = sorted(other for other in folder.iterdir() if other != temporary)
            for other in others:
                refuse_existing(path.parent / other.name, overwrite=overwrite)
            # Files beside the main one (the raw part of an .mhd) go first: a header never lacks its data.
            for other in others:
                other.replace(path.parent / other.name)
            temporary.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_replacing(path: Path, *, overwrite: bool, holds: Collection[str] | None = None) -> None:
    """Raise a `DataError` if a folder exists and may not be replaced, since that would remove more than was written.

    Args:
        path: The folder.
        overwrite: Whether what was written there before may go.
        holds: Endings of all files that are written to such folders; None if whatever lies there may go.
    """
    refuse_existing(path, overwrite=overwrite)
    if not is_there(path):
        return
    if not path.is_dir():
        raise DataError(path, expected="a folder to replace", got="a file", hint="Choose another name.")
    place, here = path.resolve(), Path.cwd().resolve()
    if place == here or place in here.parents:
        raise DataError(path, expected="a folder of its own to write to", got="the one you are in, or one above it")
    if holds is None:
        return
    own = (*holds, *_LEFT_BY_LOOKING)
    files = (file for file in sorted(path.rglob("*")) if not file.is_dir())
    foreign = next((file for file in files if not file.name.lower().endswith(own)), None)
    if foreign is not None:
        raise DataError(
            path,
            expected=f"a folder with nothing but {', '.join(sorted(holds))} in it, as everything in it is replaced",
            got=str(foreign),
            hint="Choose another folder.",
        )


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False, holds: Collection[str] | None = None) -> Iterator[Path]:
    """A temporary folder beside `path`; becomes it when the block ends well, is removed when it does not.

    Args:
        path: The folder, which is replaced as a whole; a link to it stays, and leads to the new one.
        overwrite: Whether one that is there may be replaced.
        holds: As in `refuse_replacing`.

    Raises:
        DataError: as `atomic_file` and `refuse_replacing`.
    """
    refuse_replacing(path, overwrite=overwrite, holds=holds)
    place = path.resolve()
    with _explained(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = temporary_folder(place.parent)
    try:
        with _explained(path):
            folder.chmod(0o755)
        with _explained(path, folder, path):
            yield folder
        with _explained(path):
            if overwrite and place.exists():
                _exchange(folder, place)
            else:
                folder.rename(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exchange(new: Path, old: Path) -> None:
    """Put a folder in the place of another one, which stays if that fails."""
    aside = temporary_folder(old.parent)
    try:
        old.rename(aside / old.name)
        try:
            new.rename(old)
        except OSError:
            (aside / old.name).rename(old)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def is_of_writing(error: OSError, *places: Path) -> bool:
    """Whether an error of a block that writes into these places, and may read elsewhere, is about the writing."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    inside = [any(Path(name).absolute().is_relative_to(place.absolute()) for place in places) for name in names]
    if not inside:
        # Of a disk that is full numpy tells no more than "9 requested and 5 written".
        written = error.errno is None and str(error).endswith(" written")
        return written or error.errno in {*_TAKES_NO_MORE, errno.EIO}
    # A copy that finds the disk full names its source first.
    return inside[0] or (any(inside) and error.errno in _TAKES_NO_MORE)


@contextmanager
def _explained(path: Path, *places: Path) -> Iterator[None]:
    """Tell errors of the system as errors of writing `path`; where `places` are given, only those in there."""
    try:
        yield
    except OSError as error:
        if places and not is_of_writing(error, *places):
            raise
        raise DataError(
            path,
            expected="to be able to write it",
            got=f"{error.strerror or error}",
            hint="Free some space or choose a folder you may write to.",
        ) from error
