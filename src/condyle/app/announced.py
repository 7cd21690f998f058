"""The files that a page is about to send, and what they are to be called here."""

from __future__ import annotations

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
        ConfigError: if that is no list of files.
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
    taken: set[str] = set()
    return [Expected(name, size, _stored(name, n, taken)) for n, (name, size) in enumerate(sizes)]


def _stored(name: str, number: int, taken: set[str]) -> str:
    """A safe name of its own: with its suffix where that says what the file is, a number otherwise."""
    path = Path(name)
    suffix = ".zip" if path.suffix.lower() == ".zip" else suffix_of(path) or ""
    suffix = ".raw" if path.suffix.lower() == ".raw" else suffix
    if not suffix:
        return f"{DICOM}/{number:06d}.dcm"
    stem = safe_name(stem_of(path) if suffix_of(path) else path.stem)
    unique = next(s for s in (stem, *(f"{stem}_{n}" for n in range(2, 100_000))) if f"{s}{suffix}".lower() not in taken)
    taken.add(f"{unique}{suffix}".lower())
    return f"{unique}{suffix}"
