"""MedPy 0.5 (Maier), `metric.binary`: its formulas.

The surface of a mask is its voxels with a neighbour outside by a face; what lies beyond the array is outside.
Distances go from voxel centre to voxel centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.metrics.compat.voxels import Spacing, as_masks, border, distance_map


@dataclass(frozen=True)
class MedpyScores:
    """In mm.

    Args:
        hd: Largest distance either way.
        hd95: 95th percentile of the distances of both ways in one list.
        asd: Mean distance from the prediction to the reference.
        assd: Mean of the distances of both ways in one list.
    """

    hd: float
    hd95: float
    asd: float
    assd: float


def medpy_scores(reference: NDArray[Any], prediction: NDArray[Any], spacing_mm: Spacing) -> MedpyScores:
    """What `hd`, `hd95`, `asd` and `assd` give.

    Args:
        reference: Shape (I, J, K), non-zero inside.
        prediction: The same shape.
        spacing_mm: Along i, j, k.

    Raises:
        DataError: if a mask is empty, as MedPy refuses it.
    """
    a, b = as_masks(reference, prediction)
    for name, mask in (("reference", a), ("prediction", b)):
        if not mask.any():
            raise DataError(name, expected="at least one voxel, as MedPy does", got="an empty mask")
    borders = border(a, corners=False, beyond=False), border(b, corners=False, beyond=False)
    from_reference = distance_map(borders[1], spacing_mm)[borders[0]]
    from_prediction = distance_map(borders[0], spacing_mm)[borders[1]]
    pooled = np.concatenate((from_prediction, from_reference))
    return MedpyScores(
        hd=float(pooled.max()),
        hd95=float(np.percentile(pooled, 95)),
        asd=float(from_prediction.mean()),
        assd=float(pooled.mean()),
    )
