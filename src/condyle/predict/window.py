"""Where the windows of a scan lie, and how much each of their voxels counts.

Both follow nnU-Net v2 (Isensee et al., Nature Methods 2021), so that its models give its results.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float32]


def starts(size: int, patch: int, step: float = 0.5) -> list[int]:
    """First voxels of the windows along one axis: evenly spread, the last one ends where the axis ends.

    Args:
        size: Length of the axis. An axis shorter than the patch has one window, which overhangs on both sides.
        patch: Length of the window.
        step: Largest distance of two windows, as a fraction of the patch, above 0 and up to 1.

    Example:
        >>> starts(110, 64)
        [0, 23, 46]
    """
    if size <= patch:
        return [-((patch - size) // 2)]
    count = int(np.ceil((size - patch) / (patch * step))) + 1
    return [int(np.round((size - patch) / (count - 1) * n)) for n in range(count)]


def profile(patch: int, *, gaussian: bool = True) -> Profile:
    """Importance of a window's voxels along one axis: a Gaussian of sigma `patch / 8`, 1 at its peak.

    The importance of a voxel is the product over the axes. It is nowhere 0, so that every voxel has some.

    Args:
        patch: Length of the window.
        gaussian: All ones if not.
    """
    if not gaussian:
        return np.ones(patch, np.float32)
    distance = np.arange(patch) - patch // 2
    return np.exp(-0.5 * (distance / (patch / 8)) ** 2).astype(np.float32)


def coverage(size: int, first: Sequence[int], weights: Profile) -> Profile:
    """Sum of the importance that all windows along one axis give each voxel of the axis.

    Args:
        size: Length of the axis.
        first: Where the windows start.
        weights: Their profile.
    """
    total = np.zeros(size, np.float32)
    for start in first:
        inside = slice(max(start, 0), min(start + len(weights), size))
        total[inside] += weights[inside.start - start : inside.stop - start]
    return total


def cut(array: NDArray[np.float32], start: Sequence[int], patch: Sequence[int]) -> NDArray[np.float32]:
    """One window of an array (C, *spatial), 0 where it overhangs. Always a copy."""
    out = np.zeros((array.shape[0], *patch), np.float32)
    inside = overlap(array.shape[1:], start, patch)
    there = tuple(slice(s.start - a, s.stop - a) for s, a in zip(inside, start, strict=True))
    out[(slice(None), *there)] = array[(slice(None), *inside)]
    return out


def overlap(shape: Sequence[int], start: Sequence[int], patch: Sequence[int]) -> tuple[slice, ...]:
    """The part of a window that lies within the array."""
    return tuple(slice(max(a, 0), min(a + p, n)) for a, p, n in zip(start, patch, shape, strict=True))
