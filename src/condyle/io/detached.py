"""Headers that keep their voxels in a file of their own (.nhdr, .mhd)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from condyle.errors import DataError

#: Either format's way to say that the names of several files follow.
_LIST = re.compile(r"LIST(\s+[0-9]+)?", re.IGNORECASE)

#: How MetaImage and NRRD say where the voxels are.
_TOLD = re.compile(rb"^(?:ElementDataFile\s*=|data ?file:)[ \t]*([^\r\n]*?)\s*$", re.MULTILINE | re.IGNORECASE)
_LONGEST_HEADER = 1 << 16


def told_data_file(header: Path) -> str:
    """The name that a header gives its data file, as it stands there; "" if it gives none."""
    with header.open("rb") as file:
        told = _TOLD.search(file.read(_LONGEST_HEADER))
    return told[1].decode("utf-8", "replace") if told else ""


def data_file(header: Path, name: str) -> Path:
    """The data file that a header names.

    Raises:
        DataError: if the name leaves the header's folder (a header from elsewhere must not open any file of
            this machine), stands for several files, or there is no such file.
    """
    windows = PureWindowsPath(name)
    if not name or windows.anchor or PurePosixPath(name).is_absolute() or ".." in windows.parts:
        raise DataError(
            header,
            expected="a data file in the header's own folder",
            got=name or "no name",
            hint="Put header and data side by side and name the data file without a folder.",
        )
    path = header.parent / name
    there = _is_file(path)
    # A % stands for the number of a slice, unless a file is called so.
    if _LIST.fullmatch(name) or ("%" in name and not there):
        raise DataError(header, expected="one data file", got=name, hint="Join the slices into one file first.")
    if not there:
        raise DataError(
            header,
            expected=f"its data file {name} beside it",
            got="no such file",
            hint="Copy both files; the header alone holds no voxels.",
        )
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no file can bear the name
        return False


def data_path(header: Path, suffix: str) -> Path:
    """The data file that a header is to be written with.

    It is called as the header is, or, where a header cannot name such a file, after a checksum of that.

    Args:
        header: The header's file.
        suffix: Of the data file, e.g. `.zraw`.
    """
    stem = header.stem
    if not _can_be_named(stem):
        stem = f"data_{hashlib.sha256(stem.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    return header.with_name(stem + suffix)


def _can_be_named(stem: str) -> bool:
    """Whether readers find a file by this name: other programs take every name that begins with LIST for a list."""
    special = stem.upper().startswith("LIST") or any(sign in stem for sign in "%:\\")
    return stem.isprintable() and stem == stem.strip() and not special
