"""Arrays on disk of which patches are read.

They are plain `.npy` files, read through a memory map: the system keeps what is used in memory and drops it when it
must. Beside compressed chunks (Blosc2) a file is half again as large, is written five times as fast, and a patch is
there in under a millisecond where a chunk must be unpacked; and anything reads it.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.data.fields import checked_fields
from condyle.errors import DataError
from condyle.space import Box


@dataclass(frozen=True)
class StoredArray:
    """An array in a file. Holds no data and no open file: thousands cost nothing, and other processes may have them.

    Args:
        path: A `.npy` file.
        shape: (..., three spatial axes).
        dtype: As NumPy names it.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def from_json(cls, path: Path, data: Any) -> StoredArray:
        """The array that `to_json` told of, in a file."""
        fields = checked_fields(data, str(path), required=("shape", "dtype"))
        return cls(path, tuple(int(n) for n in fields["shape"]), str(fields["dtype"]))

    def to_json(self) -> dict[str, Any]:
        """Plain data: what the file must hold."""
        return {"shape": list(self.shape), "dtype": self.dtype}

    def read(self, box: Box) -> NDArray[Any]:
        """The voxels of a box, a new array (..., three axes).

        Raises:
            ValueError: if the box does not lie within the array, or is empty; padding is the caller's.
            DataError: if the file is gone or broken.
        """
        inside = all(0 <= a < b <= n for a, b, n in zip(box.start, box.stop, self.shape[-3:], strict=True))
        if not inside:
            raise ValueError(f"a box from {box.start} to {box.stop} does not lie within {self.shape[-3:]}")
        return np.array(self._mapped()[(..., *box.slices)])

    def whole(self) -> NDArray[Any]:
        """All of it, a new array."""
        return np.array(self._mapped())

    def _mapped(self) -> NDArray[Any]:
        dtype = np.dtype(self.dtype)
        expected = _header(self.shape, dtype)
        # Compared, not parsed: CPython 3.11 sometimes fails to parse in several threads at once (gh-106905).
        try:
            with self.path.open("rb") as file:
                found = file.read(len(expected))
            if found == expected:
                return np.memmap(self.path, dtype, "r", len(expected), self.shape)
            other: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise broken(self.path, str(error)) from error
        raise broken(self.path, f"an array of {other.dtype} {other.shape}, not {self.dtype} {self.shape}")


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """What a `.npy` file of such an array begins with."""
    out = io.BytesIO()
    facts = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, facts)
    return out.getvalue()


def write_array(path: Path, array: NDArray[Any]) -> StoredArray:
    """Write an array as `.npy`, down to the disk itself.

    Raises:
        OSError: if the disk refuses.
    """
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        file.write(_header(array.shape, array.dtype))
        # Unlike `numpy.save`, this tells a full disk from other faults.
        file.write(array.data)
        file.flush()
        os.fsync(file.fileno())
    return StoredArray(path, array.shape, str(array.dtype))


def broken(path: Path, got: str) -> DataError:
    """The error of a file of a prepared case that cannot be used."""
    hint = "Remove the folder it lies in; the case is prepared again."
    return DataError(path, expected="a whole file of a prepared case", got=got, hint=hint)
