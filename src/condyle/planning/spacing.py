"""Which spacing the network sees, and in which order its axes come.

Everything here is in the order k, j, i of scans turned to RAS (head-foot, front-back, left-right), or in the tensor
axes that follow from it. nnU-Net does not turn scans: where all are stored with k along the body, j front to back and
i left to right, whichever way each runs, these are its numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Order = tuple[int, int, int]

#: From here on a ratio of spacings, or of voxel counts, counts as anisotropic.
ANISOTROPIC = 3.0
#: Spacings that differ by less count as equal when axes are put in order: headers store single precision.
_EQUAL = 1e-5


def target_spacing(spacings_mm: Floats, shapes: Floats) -> Floats:
    """The median spacing; across the slices of anisotropic scans the 10th percentile.

    The median would interpolate far between the thick slices of the finer half of such scans.

    Args:
        spacings_mm: (cases, 3).
        shapes: (cases, 3).
    """
    target: Floats = np.percentile(spacings_mm, 50, axis=0)
    worst = coarsest_axis(target)
    if is_anisotropic(target, np.percentile(shapes, 50, axis=0)):
        others = float(np.delete(target, worst).max())
        finer = float(np.percentile(spacings_mm[:, worst], 10))
        # Never finer than the other axes.
        target[worst] = finer if finer >= others else others + 1e-5
    return target


def is_anisotropic(target_mm: Floats, median_shape: Floats) -> bool:
    """Whether one axis is more than three times coarser than the others and has less than a third of their voxels."""
    worst = coarsest_axis(target_mm)
    coarser = target_mm[worst] > ANISOTROPIC * np.delete(target_mm, worst).max()
    return bool(coarser and median_shape[worst] * ANISOTROPIC < np.delete(median_shape, worst).min())


def coarsest_axis(spacing_mm: Floats) -> int:
    """The axis of the largest spacing; the first of equal ones."""
    return int(np.flatnonzero(spacing_mm >= spacing_mm.max() * (1 - _EQUAL))[0])


def tensor_order(target_mm: Floats, median_shape: Floats) -> Order:
    """The coarsest axis first, the others as they are; an axis of one voxel goes before all."""
    flat = np.flatnonzero(median_shape == 1)
    first = int(flat[0]) if len(flat) else coarsest_axis(target_mm)
    second, third = (axis for axis in range(3) if axis != first)
    return first, second, third


def resampled_median(spacings_mm: Floats, shapes: Floats, target_mm: Floats) -> Floats:
    """The median number of voxels an axis, once every scan is resampled to the target; halves stay halves."""
    # The order of the operations decides how a half is rounded; this is nnU-Net's.
    sizes = [
        [round(own / new * n) for own, new, n in zip(spacing, target_mm, shape, strict=True)]
        for spacing, shape in zip(spacings_mm.tolist(), shapes.tolist(), strict=True)
    ]
    median: Floats = np.median(np.asarray(sizes, np.float64), axis=0)
    return median
