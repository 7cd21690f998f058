"""Which files are looked at: one file, a folder searched to its depths, or a zip of these.

File names say nothing in DICOM: a file is one if it has `DICM` at byte 128, or, as some old exports lack
that, if it begins like a data set. Only regular files are ever opened: no pipes, devices or dead links.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from condyle.errors import DataError
from condyle.io.archive import heads, unpacked
from condyle.progress import Track, silent

#: Preamble and magic word.
_HEAD_BYTES = 132

#: VRs of the first elements a data set without preamble may begin with, as explicit little endian writes them.
_FIRST_VRS = {b"CS", b"UI", b"UL", b"DA", b"TM", b"SH", b"LO"}


@dataclass(frozen=True)
class File:
    """A DICOM file: where it lies now, and how to name it to the user (they differ for a zip)."""

    path: Path
    shown: str


@contextmanager
def dicom_files(path: Path, *, track: Track = silent) -> Iterator[list[File]]:
    """The DICOM files at a path, sorted by name. Those from a zip vanish when the block ends.

    Args:
        path: A DICOM file, a folder or a zip. Links to files are followed, links to folders are not.
        track: Told of each file unpacked.

    Raises:
        DataError: if there is nothing there, it is neither file nor folder, cannot be read, or holds no DICOM.
    """
    if path.is_dir():
        yield _found(path, "", path)
    elif path.is_file():
        try:
            is_zip = zipfile.is_zipfile(path) or path.suffix.lower() == ".zip"
            is_one = not is_zip and _begins_as_dicom(_head(path))
        except OSError as error:
            raise _unreadable(path, error) from error
        if is_zip:
            with unpacked(path, track=track) as folder:
                yield _found(folder, f"{path}/", path)
        elif is_one:
            yield [File(path, str(path))]
        else:
            raise DataError(
                path,
                expected="a DICOM file, a folder or zip of them, or a known suffix such as .nii.gz",
                got="a file of another kind",
                hint="Check the path; a DICOM file may be damaged at its start.",
            )
    else:
        what = "nothing of that name" if not path.exists() else "a pipe, socket or device"
        raise DataError(path, expected="a file or folder", got=what, hint="Check the path.")


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, or a folder or zip has a DICOM file in it.

    Raises:
        DataError: if it cannot be read, or a zip is damaged or unsafe.
    """
    if not path.is_dir() and not path.is_file():
        return False
    try:
        if path.is_dir():
            return any(_begins_as_dicom(_head(file)) for file in _walk(path))
        if zipfile.is_zipfile(path):
            return any(_begins_as_dicom(head) for head in heads(path, _HEAD_BYTES))
        return _begins_as_dicom(_head(path))
    except OSError as error:
        raise _unreadable(path, error) from error


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _begins_as_dicom(head: bytes) -> bool:
    if head[128:132] == b"DICM":
        return True
    if head[0:2] not in {b"\x08\x00", b"\x02\x00"} or head[3:4] != b"\x00":
        return False
    # Without preamble: a VR, or (implicit) the length of a short first element.
    length = int.from_bytes(head[4:8], "little")
    return head[4:6] in _FIRST_VRS or (0 < length <= 64 and length % 2 == 0)


def _found(folder: Path, prefix: str, given: Path) -> list[File]:
    """The DICOM files in a folder; `given` is what the user named."""
    files = []
    try:
        for path in _walk(folder):
            if _begins_as_dicom(_head(path)):
                shown = f"{prefix}{path.relative_to(folder)}" if prefix else str(path)
                files.append(File(path, shown))
    except OSError as error:
        raise _unreadable(Path(error.filename or given), error) from error
    if not files:
        raise DataError(
            given, expected="DICOM files in it", got="none", hint="Check the path; other formats are given as a file."
        )
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files in a folder and below, in a fixed order."""

    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename or folder), error)

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.is_file():  # false for pipes, devices and dead links
                yield path


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        path,
        expected="to be able to read it",
        got=error.strerror or str(error),
        hint="Check the permissions and the disk.",
    )
