"""The surface of a mask, each of whose points can slide along its own line between two voxels.

A **crossing** is a point on the line from a voxel centre inside the mask to a neighbouring one outside. The
surface of a mask joins all its crossings, at first each in the middle of its line, with the triangles of
marching cubes (Lorensen and Cline 1987). Wherever the crossings slide on their lines, the surface stays closed
and without self-intersection, and every voxel centre stays on its side: all triangles of a cell lie within
that cell, and none reaches a voxel centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.isosurface import flying_edges


@dataclass(frozen=True, eq=False)
class Crossings:
    """The surface of a mask, in voxels.

    Args:
        points: float64 (N, 3), fractional indices.
        axis: int (N,), the array axis each point's line runs along.
        triangles: int32 (M, 3), facing outward where the index axes are right-handed.
    """

    points: NDArray[np.float64]
    axis: NDArray[np.intp]
    triangles: NDArray[np.int32]


def crossings(mask: NDArray[np.bool_]) -> Crossings:
    """The surface of a mask, with each crossing midway. Beyond the array is outside, so it is always closed.

    Args:
        mask: Shape (I, J, K). Empty gives no triangle.
    """
    if not mask.any():
        return Crossings(np.empty((0, 3)), np.empty(0, np.intp), np.empty((0, 3), np.int32))
    points, triangles = flying_edges(np.pad(mask, 1).view(np.uint8))
    points -= 1
    # Midway between two voxels one coordinate ends on a half and the others are whole.
    axis = np.abs(points - np.rint(points)).argmax(axis=1)
    return Crossings(points, axis, triangles)
