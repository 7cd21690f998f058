"""Find first, then look closely: a coarse pass over the whole scan, a box around what it finds, a full pass inside.

A full pass over a whole body costs minutes where the structure fills a tenth of it. Afterwards nothing has to be put
back in place: labels are restored onto the whole scan's grid, and are background outside the box.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from condyle.errors import ConfigError, DataError
from condyle.space import Box, Grid, Volume, bounding_box

#: Around what the coarse pass finds: a few of its voxels.
MARGIN_MM = 20.0


def located(coarse: Volume, scan: Grid, *, margin_mm: float = MARGIN_MM) -> Box | None:
    """The part of a scan to look at closely.

    Args:
        coarse: A label map of a coarse pass, on any grid; everything above 0 counts.
        scan: The grid of the scan.
        margin_mm: Added on every side.

    Returns:
        A box of the scan's index, within the scan; None where nothing was found.
    """
    found = bounding_box(coarse.array)
    if found is None:
        return None
    # The outer faces of the box, not the centres of its voxels.
    faces = np.array([found.start, found.stop]) - 0.5
    corners = np.stack(np.meshgrid(*faces.T, indexing="ij"), -1).reshape(8, 3)
    index = scan.to_index(coarse.grid.to_world(corners))
    margin = [margin_mm / s for s in scan.spacing_mm]
    start = [max(0, int(np.floor(x - m + 0.5))) for x, m in zip(index.min(axis=0), margin, strict=True)]
    stop = [min(n, ceil(x + m + 0.5)) for x, m, n in zip(index.max(axis=0), margin, scan.shape, strict=True)]
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        return None
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def asked_box(scan: Grid, low_mm: tuple[float, float, float], high_mm: tuple[float, float, float]) -> Box:
    """The user's own region instead: the box around two opposite corners in world (RAS mm).

    Raises:
        ConfigError: if the corners are one point or less in some direction.
        DataError: if no voxel of the scan lies in it.
    """
    if any(a >= b for a, b in zip(low_mm, high_mm, strict=True)):
        raise ConfigError("region", expected="a low and a high corner", got=f"{low_mm} to {high_mm}")
    corners = np.stack(np.meshgrid(*np.array([low_mm, high_mm]).T, indexing="ij"), -1).reshape(8, 3)
    index = scan.to_index(corners)
    start = [max(0, int(np.ceil(x - 1e-6))) for x in index.min(axis=0)]
    stop = [min(n, int(np.floor(x + 1e-6)) + 1) for x, n in zip(index.max(axis=0), scan.shape, strict=True)]
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        raise DataError("region", expected=f"a part of the scan ({scan})", got=f"{low_mm} to {high_mm} mm")
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
