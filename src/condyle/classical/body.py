"""The patient, without the table and the air around."""

from __future__ import annotations

import numpy as np

from condyle.classical.morphology import fill_holes, largest_parts, opened
from condyle.classical.threshold import otsu
from condyle.space import Volume, world_axes

#: Between lung or fat and air; clear of both in every CT.
_SKIN_HU = -300.0


def body_mask(scan: Volume, *, threshold: float | None = None, opening_mm: float = 4.0) -> Volume:
    """Everything inside the skin.

    Threshold, opening (parts the body from table top, cushions and wires), the largest part, holes filled
    in the volume and then slice by slice across the body's long axis, for the lungs open to a border.

    Args:
        scan: Shape (I, J, K).
        threshold: Values above it are body. -300 for a CT in HU; Otsu's, halved, for anything else.
        opening_mm: Radius of the opening.

    Returns:
        uint8 mask on the scan's grid.
    """
    if threshold is None:
        threshold = _SKIN_HU if scan.array.min() < _SKIN_HU else otsu(scan.array) / 2
    mask = opened(scan.array > threshold, opening_mm, scan.spacing_mm)
    long_axis = world_axes(scan.affine).index(2)
    mask = fill_holes(fill_holes(largest_parts(mask)), normal=long_axis)
    return scan.with_array(mask.astype(np.uint8))
