"""Find first, then look closely: a coarse pass over the whole scan, a box around what it finds, a full pass inside.

A full pass over a whole body costs minutes where the structure fills a tenth of it. The scan is prepared as a whole,
so that its intensities mean the same, and only then cut. Afterwards nothing has to be put back in place: labels are
restored onto the whole scan's grid, and are background outside the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from condyle.config import Plan
from condyle.errors import ConfigError, DataError
from condyle.prepare import Prepared
from condyle.space import Box, Grid, Volume, bounding_box, cropped_grid

#: Around what the coarse pass finds: a few of its voxels.
MARGIN_MM = 20.0
#: How much coarser the coarse pass looks: an eighth of the voxels.
COARSER = 2.0


def coarse_plan(plan: Plan, factor: float = COARSER) -> Plan:
    """The plan for the coarse pass: the same network on larger voxels."""
    a, b, c = (None if s is None else s * factor for s in plan.spacing_mm)
    return replace(plan, spacing_mm=(a, b, c))


def located(coarse: Volume, scan: Grid, *, margin_mm: float = MARGIN_MM) -> Box | None:
    """The part of a scan to look at closely.

    Args:
        coarse: A label map of a coarse pass, on any grid; everything above 0 counts.
        scan: The grid of the scan.
        margin_mm: Added on every side.

    Returns:
        A box of the scan's index, within the scan; None where nothing was found, or all of it lies elsewhere.
    """
    found = bounding_box(coarse.array)
    return None if found is None else box_on(scan, found, coarse.grid, margin_mm=margin_mm)


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


def box_on(grid: Grid, box: Box, its_grid: Grid, *, margin_mm: float = 0.0) -> Box | None:
    """The voxels of a grid that a box of another grid touches, or None if there is none.

    Args:
        grid: Where the box is wanted.
        box: On the other grid.
        its_grid: The other grid.
        margin_mm: Added on every side.
    """
    # The outer faces of the box, not the centres of its voxels.
    faces = np.array([box.start, box.stop]) - 0.5
    corners = np.stack(np.meshgrid(*faces.T, indexing="ij"), -1).reshape(8, 3)
    index = grid.to_index(its_grid.to_world(corners))
    margin = [margin_mm / s for s in grid.spacing_mm]
    start = [max(0, int(np.floor(x - m + 0.5))) for x, m in zip(index.min(axis=0), margin, strict=True)]
    stop = [min(n, ceil(x + m + 0.5)) for x, m, n in zip(index.max(axis=0), margin, grid.shape, strict=True)]
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        return None
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def part_of(prepared: Prepared, region: Box, patch: Sequence[int]) -> Prepared:
    """The part of a prepared scan that a region touches, where it can be at least as large as a window.

    Args:
        prepared: The whole scan.
        region: On the scan's own grid, `prepared.source`.
        patch: Size of the window, three numbers: a smaller part would be seen amid zeros that are not there.

    Raises:
        DataError: if the region lies where the scan was cut away because it is empty.
    """
    box = box_on(prepared.grid, region, prepared.source)
    if box is None:
        raise DataError("region", expected="a part of the scan that is not 0", got=f"{region.start} to {region.stop}")
    spans = [
        _widened(a, b, size, n) for a, b, size, n in zip(box.start, box.stop, patch, prepared.grid.shape, strict=True)
    ]
    (i, p), (j, q), (k, r) = spans
    kept = Box((i, j, k), (p, q, r))
    # Copies, so that the whole can go.
    array = prepared.array[(slice(None), *kept.slices)].copy()
    labels = None if prepared.labels is None else prepared.labels[kept.slices].copy()
    return replace(prepared, array=array, grid=cropped_grid(prepared.grid, kept), labels=labels)


def _widened(start: int, stop: int, size: int, length: int) -> tuple[int, int]:
    """The span widened on both sides to `size`, as far as the axis allows."""
    wanted = max(stop - start, min(size, length))
    first = min(max(0, start - (wanted - (stop - start)) // 2), length - wanted)
    return first, first + wanted
