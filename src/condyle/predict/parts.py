"""Small connected parts of masks, as whole bodies or slice by slice. Parts are joined by faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def parts_of_at_least(mask: Mask, voxels: float) -> Mask:
    """The mask without its connected parts of fewer voxels."""
    from scipy.ndimage import label

    parts, _ = label(mask)
    keep = np.bincount(parts.ravel()) >= voxels
    keep[0] = False
    return keep[parts]


def near_parts(mask: Mask, gap_mm: float, spacing_mm: tuple[float, float, float]) -> NDArray[np.int32]:
    """The mask's connected parts, numbered from 1; those that are no further apart than the gap are one part.

    Args:
        mask: Shape (I, J, K).
        gap_mm: Along each axis.
        spacing_mm: Of the mask.
    """
    from scipy.ndimage import label, maximum_filter

    wide = maximum_filter(mask, [2 * round(gap_mm / 2 / s) + 1 for s in spacing_mm])
    parts = np.empty(mask.shape, np.int32)
    label(wide, np.ones((3, 3, 3)), output=parts)
    parts[~mask] = 0
    return parts


def without_small_slice_parts(mask: Mask, fraction: float, axis: int) -> Mask:
    """Slice by slice: small holes filled, then small parts dropped, smaller than a fraction of the slice's mask.

    What reaches the border of the slice is no hole.

    Args:
        mask: Shape (I, J, K).
        fraction: Of the voxels of the mask in the slice.
        axis: Across which axis the slices lie.
    """
    filled = mask | _small_slice_parts(~mask, fraction * _areas(mask, axis), axis, holes=True)
    return filled & ~_small_slice_parts(filled, fraction * _areas(filled, axis), axis)


def _areas(mask: Mask, axis: int) -> NDArray[np.float64]:
    """Voxels of the mask in each slice."""
    return np.asarray(np.moveaxis(mask, axis, 0).sum(axis=(1, 2)), np.float64)


def _small_slice_parts(mask: Mask, limits: NDArray[np.float64], axis: int, *, holes: bool = False) -> Mask:
    """The parts, joined within a slice only, that are smaller than the slice's limit."""
    from scipy.ndimage import generate_binary_structure, label

    steps = generate_binary_structure(3, 1)
    np.moveaxis(steps, axis, 0)[[0, 2]] = False
    parts, found = label(mask, steps)
    limit = np.zeros(found + 1)
    at = np.nonzero(mask)
    limit[parts[at]] = limits[at[axis]]
    small = np.bincount(parts.ravel(), minlength=found + 1) < limit
    small[0] = False
    if holes:
        for border in (np.take(parts, end, other) for other in range(3) if other != axis for end in (0, -1)):
            small[border] = False
    return small[parts]
