"""What the other tools' measures have in common: borders of voxels, and distances between voxel centres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space import Box, bounding_box

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Spacing = tuple[float, float, float]


def as_masks(reference: NDArray[Any], prediction: NDArray[Any]) -> tuple[Mask, Mask]:
    """Both as bool."""
    return reference != 0, prediction != 0


def joint_box(a: Mask, b: Mask) -> Box | None:
    """The smallest box around both, or None if both are empty."""
    return bounding_box(a | b)


def border(mask: Mask, *, corners: bool, beyond: bool) -> Mask:
    """The voxels of a mask with a neighbour outside it.

    Args:
        mask: Shape (I, J, K).
        corners: Neighbours are joined by edges and corners too, not by faces only.
        beyond: What lies beyond the array counts as inside.
    """
    from scipy.ndimage import binary_erosion, generate_binary_structure

    steps = generate_binary_structure(3, 3 if corners else 1)
    return mask & ~binary_erosion(mask, steps, border_value=int(beyond))


def distance_map(targets: Mask, spacing_mm: Spacing) -> Floats:
    """From each voxel centre to the nearest centre of a target, in mm."""
    from scipy.ndimage import distance_transform_edt

    out: Floats = distance_transform_edt(~targets, sampling=spacing_mm)
    return out
