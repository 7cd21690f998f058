"""Smoothing within a budget of millimetres.

The crossings of a mask are first moved freely by a low-pass filter that does not shrink (Taubin, "A signal
processing approach to fair surface design", SIGGRAPH 1995). Each then slides along its own line to where the
filtered surface crosses it, but no farther than the budget. So the surface stays within the budget of the
mask's surface everywhere, stays sound (see `crossings`), and thin walls and single voxels do not vanish, as
they do where the mask itself is blurred. Last, all slide outward or inward until the volume is the mask's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.crossings import Crossings
from condyle.meshes.shape import Points, Triangles, area, enclosed_volume, point_normals

#: Waves shorter than this pass band (in units of Taubin's k, 0 to 2) are smoothed away: terraces of a gently
#: sloping bone are about a dozen voxels long.
_PASS_BAND = 0.02
_SHRINK = 0.5
_ROUNDS = 60

#: Crossings keep this part of a voxel away from both voxel centres, so that no triangle loses its area.
_CLEAR = 0.03

#: A line that nearly lies in the surface would slide far for nothing: its slope is taken as at least this.
_LEAST_SLOPE = 0.05

_VOLUME_ROUNDS = 8


def smoothed(raw: Crossings, spacing_mm: tuple[float, float, float], budget_mm: float, volume_mm3: float) -> Points:
    """The crossings of a mask, slid to make a smooth surface.

    Args:
        raw: With each crossing midway.
        spacing_mm: Of the voxels.
        budget_mm: How far a crossing may slide; half a voxel at most, whatever is given. 0 leaves all midway.
        volume_mm3: The mask's.

    Returns:
        float64 (N, 3), in mm along the array axes from the centre of voxel (0, 0, 0).
    """
    spacing = np.array(spacing_mm)
    middle = raw.points * spacing
    limit = np.minimum(budget_mm, (0.5 - _CLEAR) * spacing)[raw.axis]
    if budget_mm <= 0 or not len(raw.triangles):
        return middle
    filtered = low_passed(middle, raw.triangles)
    rows = np.arange(len(middle))

    normals = point_normals(filtered, raw.triangles)
    slide = ((filtered - middle) * normals).sum(axis=1) / _slope(normals[rows, raw.axis])
    points = middle.copy()
    for _ in range(_VOLUME_ROUNDS):
        np.clip(slide, -limit, limit, out=slide)
        points[rows, raw.axis] = middle[rows, raw.axis] + slide
        missing = volume_mm3 - enclosed_volume(points, raw.triangles)
        if abs(missing) < 1e-4 * volume_mm3:
            break
        slide += missing / area(points, raw.triangles) / _slope(normals[rows, raw.axis], least=0.5)
    return points


def _slope(cosine: NDArray[np.float64], least: float = _LEAST_SLOPE) -> NDArray[np.float64]:
    return np.where(cosine < 0, -1.0, 1.0) * np.maximum(np.abs(cosine), least)


def low_passed(points: Points, triangles: Triangles) -> Points:
    """Points (N, 3) after Taubin's filter: drawn to the mean of their neighbours, then pushed back a little more."""
    from scipy import sparse

    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    ones = np.ones(len(edges), np.float32)
    mean = sparse.coo_matrix((ones, (edges[:, 0], edges[:, 1])), (len(points),) * 2).tocsr()
    mean.data /= np.repeat(np.diff(mean.indptr), np.diff(mean.indptr)).astype(np.float32)
    # Single precision, seen from the middle, is a thousand times finer than the budget.
    centre = points.mean(axis=0)
    x = (points - centre).astype(np.float32)
    grow = 1 / (_PASS_BAND - 1 / _SHRINK)
    for _ in range(_ROUNDS):
        for factor in (_SHRINK, grow):
            x += np.float32(factor) * (mean @ x - x)
    return x.astype(np.float64) + centre
