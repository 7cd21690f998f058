"""A mask brought onto its scan's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.space import Grid, Volume, reorient
from condyle.space.resample import NEAREST, resample_image


def on_grid(mask: Volume, grid: Grid, where: str, *, resample: bool = False) -> tuple[NDArray[Any], str]:
    """A mask's values at the voxels of a grid.

    Args:
        mask: A label map.
        grid: The scan's.
        where: What to call the mask.
        resample: Take the nearest voxel's value where the grids are really different.

    Returns:
        The array, and a sentence about what was done to it, or "". The same voxels in another order of axes
        are only turned, which loses nothing.

    Raises:
        DataError: naming both grids, if they differ and `resample` is false, or do not even touch.
    """
    if mask.grid.matches(grid):
        return mask.array, ""
    turned = reorient(mask, grid.orientation)
    if turned.grid.matches(grid):
        return np.ascontiguousarray(turned.array), ""
    if not resample:
        raise DataError(
            where,
            expected=f"a mask on its scan's grid, {grid}",
            got=str(mask.grid),
            hint="Export the mask on the scan, or resample masks (nearest voxel) on import.",
        )
    out = resample_image(mask, grid, orders=NEAREST, outside=0).array
    if mask.array.any() and not out.any():
        raise DataError(where, expected=f"a mask that meets its scan, {grid}", got=f"one beside it, {mask.grid}")
    return out, f"{where}: resampled from {mask.grid} to {grid}, nearest voxel."
