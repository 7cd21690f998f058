"""Headers that keep their voxels in a file of their own (.nhdr, .mhd)."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from condyle.errors import DataError


def data_file(header: Path, name: str) -> Path:
    """The data file that a header names.

    Raises:
        DataError: if the name leaves the header's folder (a header from elsewhere must not open any file of
            this machine), or there is no such file.
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
    if not path.is_file():
        raise DataError(
            header,
            expected=f"its data file {name} beside it",
            got="no such file",
            hint="Copy both files; the header alone holds no voxels.",
        )
    return path
