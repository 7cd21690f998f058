"""Whether a file is still the one that something was made from.

Size and time of change tell it at once, nearly always. Where they differ, as after a copy, the content decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.data.fields import checked_fields
from condyle.errors import DataError


@dataclass(frozen=True)
class Signature:
    """What a file was.

    Args:
        size: In bytes.
        mtime_ns: Time of its last change.
        sha256: Of its content, in hexadecimal.
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Signature:
        """Of a file as it is now.

        Raises:
            DataError: if it cannot be read.
        """
        try:
            before = path.stat()
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(before.st_size, before.st_mtime_ns, digest)

    def untouched(self, path: Path) -> bool:
        """Whether size and time are the same; the content is not read.

        Raises:
            DataError: if there is no such file.
        """
        try:
            now = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from error
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"size": self.size, "mtime_ns": self.mtime_ns, "sha256": self.sha256}

    @classmethod
    def from_json(cls, data: Any, where: str) -> Signature:
        """The inverse of `to_json`."""
        return cls(**checked_fields(data, where, required=("size", "mtime_ns", "sha256")))


def same_content(old: Mapping[str, Signature], new: Mapping[str, Signature]) -> bool:
    """Whether two tables, by name, are of files with the same content."""
    return {k: s.sha256 for k, s in old.items()} == {k: s.sha256 for k, s in new.items()}


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(path, expected="a file of the dataset", got=error.strerror or str(error))
