"""SimpleITK's `HausdorffDistanceImageFilter`, `GetAverageHausdorffDistance`; pymia calls it `AverageDistance`.

It is no distance between surfaces: every voxel of a mask counts, and those that lie in the other mask count zero.
So it grows smaller as the body grows larger. It is called `ahd_volume` here, to keep it apart from ASSD.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from condyle.metrics.compat.voxels import Spacing, as_masks, distance_map, joint_box


def ahd_volume(reference: NDArray[Any], prediction: NDArray[Any], spacing_mm: Spacing) -> float:
    """The mean of the two mean distances from the voxels of one mask to the nearest voxel of the other.

    (pymia's manual says the larger of the two; the filter of SimpleITK 2.5 gives the mean.)

    Args:
        reference: Shape (I, J, K), non-zero inside.
        prediction: The same shape.
        spacing_mm: Along i, j, k; (1, 1, 1) gives voxels, as pymia does unless told the spacing.

    Returns:
        In mm; infinite if a mask is empty.
    """
    a, b = as_masks(reference, prediction)
    box = joint_box(a, b)
    if box is None or not a.any() or not b.any():
        return float("inf")
    a, b = a[box.slices], b[box.slices]
    there = distance_map(b, spacing_mm)[a].mean()
    back = distance_map(a, spacing_mm)[b].mean()
    return float(there + back) / 2
