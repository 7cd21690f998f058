"""Whether something is there, where the file system may refuse to tell."""

from __future__ import annotations

from pathlib import Path

from condyle.errors import DataError


def is_there(path: Path) -> bool:
    """Whether there is a file or folder of that name; links are followed.

    Raises:
        DataError: if the system does not tell: a folder on the way may not be entered, or no file can bear the name.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise DataError(
            path,
            expected="a path that can be looked up",
            got=getattr(error, "strerror", None) or str(error),
            hint="Choose another name, or ask for the right to enter its folder.",
        ) from error
    return True
