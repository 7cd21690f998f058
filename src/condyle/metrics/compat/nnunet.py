"""nnU-Net v2's `evaluate_predictions`: Dice from counts, NaN where both are empty, and a mean that leaves NaN out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def nnunet_dice(
    reference: NDArray[Any], prediction: NDArray[Any], ids: tuple[int, ...], *, ignore: int | None = None
) -> float:
    """The Dice of one label or region in `summary.json`.

    Args:
        reference: Label map.
        prediction: Label map of the same shape; no geometry is looked at.
        ids: One id, or those of a region.
        ignore: Voxels of this id in the reference count neither way.

    Returns:
        2 TP / (2 TP + FP + FN); NaN if the structure is in neither.
    """
    used = np.ones(reference.shape, bool) if ignore is None else reference != ignore
    a, b = np.isin(reference, ids) & used, np.isin(prediction, ids) & used
    size = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / size if size else float("nan")
