"""The files that a page is about to send, and what they are to be called here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.app.answers import TooLargeError
from condyle.data.names import safe_name
from condyle.errors import ConfigError
from condyle.io import stem_of, suffix_of

#: Of one upload, and of the files in it.
MOST_BYTES, MOST_FILES = 16 << 30, 50_000

#: The folder of files that could be DICOM.
DICOM = "dicom"

#: How the names of headers end whose voxels are in a file of their own, and those of such files.
_HEADERS, _DATA = (".mhd", ".nhdr"), (".raw", ".zraw", ".raw.gz", ".raw.bz2")

#: The longest name that file systems have.
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Expected:
    """A file of an upload.

    Args:
        name: As the user has it, without folders.
        bytes: Its size.
        stored: Its name here.
    """

    name: str
    bytes: int
    stored: str


def expected_files(told: Any) -> list[Expected]:
    """The files that are announced, each with a name of its own here.

    Raises:
        ConfigError: if that is no list of files, or which data file belongs to which header could not be told.
        TooLargeError: if they are too many or too much.
    """
    if not isinstance(told, list) or not told:
        raise ConfigError("files", expected="at least one", got="none", hint="Drop a scan, a folder or a zip.")
    try:
        sizes = [(str(f["name"]).replace("\\", "/").rsplit("/", 1)[-1], int(f["bytes"])) for f in told]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("files", expected="name and bytes of each", got=repr(error)) from error
    total = sum(size for _, size in sizes)
    if len(sizes) > MOST_FILES or total > MOST_BYTES or min(size for _, size in sizes) < 0:
        got = f"{len(sizes)} files of {total / 1e9:.1f} GB"
        expected = f"at most {MOST_FILES} files of {MOST_BYTES / 1e9:.0f} GB together"
        raise TooLargeError("upload", expected=expected, got=got, hint="Bring them in several parts.")
    pairs = Counter(name.lower() for name, _ in sizes if name.lower().endswith((*_HEADERS, *_DATA)))
    twice = [name for name, count in pairs.items() if count > 1]
    if twice:
        hint = "Folders do not come along, so it would be open which belong together: bring these scans one at a time."
        raise ConfigError(
            "files", expected="headers and data files of different names", got=f"several {twice[0]}", hint=hint
        )
    taken: set[str] = set()
    return [Expected(name, size, _stored(name, n, taken)) for n, (name, size) in enumerate(sizes)]


def is_data(name: str) -> bool:
    """Whether a file holds the voxels of a header beside it, and can be called here as that header calls it."""
    sound = name.isprintable() and ":" not in name and len(name.encode()) <= _LONGEST_NAME
    return sound and name.lower().endswith(_DATA)


def _stored(name: str, number: int, taken: set[str]) -> str:
    """A safe name of its own: with its suffix where that says what the file is, a number otherwise.

    A data file keeps its name, as its header looks for it by that.
    """
    if is_data(name):
        return name
    path = Path(name)
    suffix = ".zip" if path.suffix.lower() == ".zip" else suffix_of(path) or ""
    if not suffix:
        return f"{DICOM}/{number:06d}.dcm"
    stem = safe_name(stem_of(path) if suffix_of(path) else path.stem)
    unique = next(s for s in (stem, *(f"{stem}_{n}" for n in range(2, 100_000))) if f"{s}{suffix}".lower() not in taken)
    taken.add(f"{unique}{suffix}".lower())
    return f"{unique}{suffix}"
