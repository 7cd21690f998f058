"""Names that are safe as file names on every system, and paths that stay inside a folder."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from condyle.errors import DataError

_SAFE = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")


def is_safe(name: str) -> bool:
    """Whether a name is ASCII letters, digits, `_`, `-` and `.`, starts with no mark and ends with no dot."""
    return _SAFE.fullmatch(name) is not None


def safe_name(text: str) -> str:
    """A text with everything that is not safe in a file name replaced by `_`, at most 100 characters."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".-").rstrip(".")[:100].rstrip(".")
    return name or "_"


def require_safe(name: object, where: str | Path) -> str:
    """The name itself.

    Raises:
        DataError: if it is no text, or not safe as a file name.
    """
    if not isinstance(name, str) or not is_safe(name):
        raise DataError(
            where,
            expected="a name of letters, digits, '_', '-' and '.', at most 100 long",
            got=repr(name),
            hint="Rename it.",
        )
    return name


def require_inside(relative: str, where: str | Path) -> PurePosixPath:
    """A path that a dataset names, as such; no file is looked at.

    Raises:
        DataError: if it is absolute, empty, or has `..` or a backslash in it.
    """
    path = PurePosixPath(relative)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in relative or ":" in path.parts[0]:
        raise _outside(relative, where)
    return path


def path_inside(folder: Path, relative: str, where: str | Path) -> Path:
    """Where a file that a dataset names lies.

    Links are followed: a link that leads out of the folder is refused like a `..` that does.

    Raises:
        DataError: if the path leads out of the folder.
    """
    path = folder / require_inside(relative, where)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise _outside(relative, where)
    return path


def _outside(relative: str, where: str | Path) -> DataError:
    return DataError(where, expected="a relative path that stays inside the dataset's folder", got=repr(relative))
