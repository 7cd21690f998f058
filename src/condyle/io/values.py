"""Which number types voxels have, in files and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError

#: Whole numbers above this are not all exact in single precision.
EXACT_IN_FLOAT32 = 2**24

_INTEGERS = (np.int16, np.uint16, np.int32, np.uint32)


def refuse_unreal(path: Path, dtype: np.dtype[Any]) -> None:
    """Raise a `DataError` unless a voxel of this type is one real number of at most eight bytes."""
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise DataError(
            path,
            expected="one real number a voxel",
            got=f"values of type {dtype}",
            hint="Export a scalar image: one channel, neither colour nor complex.",
        )


def tidy(array: NDArray[Any]) -> NDArray[Any]:
    """Stored values in the type the rest of Condyle works with.

    Bool becomes uint8, float16 and float64 float32, 64-bit integers int32. Double precision and 64 bits are
    kept where values would not survive (beyond 2^24, beyond int32).
    """
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b":
        return array.astype(np.uint8)
    if (kind == "f" and size == 8 and not np.abs(array).max(initial=0) > EXACT_IN_FLOAT32) or (kind, size) == ("f", 2):
        return array.astype(np.float32)
    if kind in "iu" and size == 8 and fits(array.min(initial=0), array.max(initial=0), np.int32):
        return array.astype(np.int32)
    return array


def storable(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Values in a type that every format has: bool becomes uint8, float16 float32.

    Raises:
        DataError: as `refuse_unreal`.
    """
    refuse_unreal(path, array.dtype)
    wider = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}
    return array.astype(wider.get(array.dtype, array.dtype), copy=False)


def rescaled(array: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """`array * slope + intercept`, in integers where array, slope and intercept are whole and a type fits.

    Returns:
        The array itself for slope 1, intercept 0. Integers keep their type if the results fit it, else take
        the smallest of 16 or 32 bits that does. Everything else is float32.
    """
    if (slope, intercept) == (1, 0):
        return array
    if array.dtype.kind in "iu" and float(slope).is_integer() and float(intercept).is_integer():
        ends = [int(v) * int(slope) + int(intercept) for v in (array.min(initial=0), array.max(initial=0))]
        for dtype in (array.dtype, *map(np.dtype, _INTEGERS)):
            if fits(min(ends), max(ends), dtype):
                return (array.astype(np.int64) * int(slope) + int(intercept)).astype(dtype)
    if array.dtype.itemsize <= 2:  # exact in single precision, and half the memory
        return np.asarray(array.astype(np.float32) * np.float32(slope) + np.float32(intercept))
    return (array.astype(np.float64) * slope + intercept).astype(np.float32)


def fits(low: float, high: float, dtype: Any) -> bool:
    """Whether an integer type holds both."""
    limits = np.iinfo(dtype)
    return bool(limits.min <= low and high <= limits.max)
